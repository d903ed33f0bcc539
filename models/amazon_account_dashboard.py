import json
from ast import literal_eval
from collections import Counter
from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

CHART_DAYS = 14
# The figures of an urgency, which is also what the filters are called.
URGENCY_FIELDS = {'late': 'late', 'today': 'ship_today', 'tomorrow': 'ship_tomorrow'}


class AmazonAccount(models.Model):
    """The overview: a card per account with its numbers, each of which leads to what it counts."""

    _inherit = 'amazon.account'

    # Overview (in sudo mode: whoever sees the account may know the numbers)
    to_do_count = fields.Integer(compute='_compute_order_counts', compute_sudo=True)
    failed_count = fields.Integer(compute='_compute_order_counts', compute_sudo=True)
    today_count = fields.Integer(compute='_compute_order_counts', compute_sudo=True)
    unexplained_count = fields.Integer(compute='_compute_unexplained_count', compute_sudo=True)
    unmatched_offer_count = fields.Integer(
        compute='_compute_unmatched_offer_count', compute_sudo=True,
    )
    late_count = fields.Integer(compute='_compute_ship_counts', compute_sudo=True)
    ship_today_count = fields.Integer(compute='_compute_ship_counts', compute_sudo=True)
    ship_tomorrow_count = fields.Integer(compute='_compute_ship_counts', compute_sudo=True)
    late_inbox_count = fields.Integer(
        help="Of them, those not imported yet.", compute='_compute_ship_counts', compute_sudo=True,
    )
    ship_today_inbox_count = fields.Integer(compute='_compute_ship_counts', compute_sudo=True)
    ship_tomorrow_inbox_count = fields.Integer(compute='_compute_ship_counts', compute_sudo=True)
    blocked_count = fields.Integer(compute='_compute_ship_counts', compute_sudo=True)
    to_send_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    sent_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    failed_delivery_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    currency_id = fields.Many2one(related='company_id.currency_id')
    recent_count = fields.Integer(
        string="Orders of Two Weeks", compute='_compute_chart', compute_sudo=True,
    )
    recent_revenue = fields.Monetary(
        string="Revenue of Two Weeks", compute='_compute_chart', compute_sudo=True,
    )
    chart = fields.Text(compute='_compute_chart', compute_sudo=True)

    # === COMPUTE METHODS === #

    def _compute_order_counts(self):
        by_state = {
            (account, state): count
            for account, state, count in self.env['amazon.order']._read_group(
                [('account_id', 'in', self.ids), ('state', 'in', ('to_do', 'failed'))],
                ['account_id', 'state'],
                ['__count'],
            )
        }
        today = self._count('sale.order', Domain('date_order', '>=', 'today'))
        for account in self:
            account.to_do_count = by_state.get((account, 'to_do'), 0)
            account.failed_count = by_state.get((account, 'failed'), 0)
            account.today_count = today.get(account, 0)

    def _compute_unexplained_count(self):
        counts = self._count('sale.order', Domain([
            ('amazon_unexplained_amount', '!=', 0),
            ('amazon_unexplained_accepted', '=', False),
            ('state', '!=', 'cancel'),
        ]))
        for account in self:
            account.unexplained_count = counts.get(account, 0)

    def _compute_unmatched_offer_count(self):
        counts = dict(self.env['amazon.offer']._read_group(
            [('account_id', 'in', self.ids), ('product_id', '=', False)],
            ['account_id'],
            ['__count'],
        ))
        for account in self:
            account.unmatched_offer_count = counts.get(account, 0)

    def _compute_ship_counts(self):
        """Count the orders to ship: each one once, however many transfers it has."""
        blocked = self._count('stock.picking', Domain('amazon_blocked', '=', True))
        for account in self:
            account.blocked_count = blocked.get(account, 0)
        for urgency, prefix in URGENCY_FIELDS.items():
            deliveries = self._count('stock.picking', Domain('amazon_urgency', '=', urgency))
            inbox = dict(self.env['amazon.order']._read_group(
                [('account_id', 'in', self.ids), ('urgency', '=', urgency)],
                ['account_id'],
                ['__count'],
            ))
            for account in self:
                account[f'{prefix}_inbox_count'] = inbox.get(account, 0)
                account[f'{prefix}_count'] = deliveries.get(account, 0) + inbox.get(account, 0)

    def _compute_delivery_counts(self):
        counts = {
            (account, state): count
            for account, state, count in self.env['stock.picking']._read_group(
                [
                    ('amazon_account_id', 'in', self.ids),
                    ('amazon_state', 'in', ('to_send', 'sent', 'failed')),
                ],
                ['amazon_account_id', 'amazon_state'],
                ['__count'],
            )
        }
        for account in self:
            account.to_send_count = counts.get((account, 'to_send'), 0)
            account.sent_count = counts.get((account, 'sent'), 0)
            account.failed_delivery_count = counts.get((account, 'failed'), 0)

    def _count(self, model, domain):
        """Count sales orders, or those that transfers are of, by account.

        :param str model: `sale.order` or `stock.picking`.
        :param Domain domain: Which ones.
        :rtype: dict[amazon.account, int]
        """
        return dict(self.env[model]._read_group(
            Domain('amazon_account_id', 'in', self.ids) & domain,
            ['amazon_account_id'],
            ['sale_id:count_distinct' if model == 'stock.picking' else '__count'],
        ))

    def _compute_chart(self):
        """Sum up the orders and the revenue of the last days, and both by day for the chart."""
        today = fields.Date.context_today(self)
        days = [today - timedelta(days=ago) for ago in range(CHART_DAYS - 1, -1, -1)]
        counts, revenues = Counter(), Counter()
        for account, day, currency, count, amount in self.env['sale.order']._read_group(
            [
                ('amazon_account_id', 'in', self.ids),
                ('state', '=', 'sale'),
                ('date_order', '>=', f'today -{CHART_DAYS - 1}d'),
            ],
            ['amazon_account_id', 'date_order:day', 'currency_id'],
            ['__count', 'amount_total:sum'],
        ):
            day = day.date()
            counts[account, day] += count
            revenues[account, day] += currency._convert(
                amount, account.currency_id, account.company_id, day,
            )
        for account in self:
            account.recent_count = sum(counts[account, day] for day in days)
            account.recent_revenue = sum(revenues[account, day] for day in days)
            account.chart = json.dumps([
                account._prepare_chart_values(self.env._("Orders"), days, counts, str),
                account._prepare_chart_values(
                    self.env._("Revenue"), days, revenues, account.currency_id.format,
                ),
            ])

    def _prepare_chart_values(self, key, days, values, format_value):
        """Return one series of the chart.

        :param str key: What it shows.
        :param list[date] days: The days.
        :param values: The values by account and day.
        :param format_value: Returns a value as people read it.
        :rtype: dict
        """
        self.ensure_one()
        return {
            'key': key,
            'values': [
                {
                    'label': format_date(self.env, day, date_format='d'),
                    'title': format_date(self.env, day, date_format='EEEE, d MMMM'),
                    'value': values[self, day],
                    'text': format_value(values[self, day]),
                }
                for day in days
            ],
        }

    # === ACTION METHODS === #

    def action_open_orders(self):
        """Open the inbox of the account.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_order')

    def action_open_failed_orders(self):
        """Open what needs attention in the inbox of the account.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_order', search_default_failed=1)

    def action_open_to_do_orders(self):
        """Open what is still to be imported in the inbox of the account.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_order', search_default_to_do=1)

    def action_open_unmatched_offers(self):
        """Open the offers of the account that have no product.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_offer', search_default_unmatched=1)

    def action_open_late(self):
        """Open what should have been shipped already.

        :rtype: dict
        """
        return self._open_to_ship('late')

    def action_open_ship_today(self):
        """Open what is to be shipped today.

        :rtype: dict
        """
        return self._open_to_ship('today')

    def action_open_ship_tomorrow(self):
        """Open what is to be shipped tomorrow.

        :rtype: dict
        """
        return self._open_to_ship('tomorrow')

    def action_open_deliveries(self):
        """Open the deliveries of the account.

        :rtype: dict
        """
        return self._open_deliveries()

    def action_open_sale_orders(self):
        """Open the sales orders of the account.

        :rtype: dict
        """
        return self._open_sale_orders()

    def action_open_unexplained_orders(self):
        """Open the sales orders of the account whose total is not explained.

        :rtype: dict
        """
        return self._open_sale_orders(search_default_amazon_not_explained=1)

    # === BUSINESS METHODS === #

    def _open_to_ship(self, urgency):
        """Open the deliveries of an urgency, or the inbox where nothing else has it.

        :param str urgency: One of `URGENCY_FIELDS`.
        :rtype: dict
        """
        prefix = URGENCY_FIELDS[urgency]
        inbox_count = sum(self.mapped(f'{prefix}_inbox_count'))
        if inbox_count and inbox_count == sum(self.mapped(f'{prefix}_count')):
            return self._open(
                'amazon_connector.action_amazon_order', **{f'search_default_{urgency}': 1},
            )
        return self._open_deliveries(**{f'search_default_amazon_{urgency}': 1})

    def _open_deliveries(self, **context):
        """Open the deliveries of the accounts; see `_open`."""
        return self._open(
            'amazon_connector.action_amazon_delivery',
            Domain('amazon_account_id', 'in', self.ids)
            & Domain('picking_type_code', '!=', 'incoming'),
            # What is sent or failed has been shipped.
            **{'search_default_amazon_to_ship': False, **context},
        )

    def _open_sale_orders(self, **context):
        """Open the sales orders of the accounts; see `_open`."""
        return self._open(
            'amazon_connector.action_amazon_sale_order',
            Domain('amazon_account_id', 'in', self.ids),
            **context,
        )

    def _open(self, xmlid, domain=None, **context):
        """Return an action narrowed to the accounts of `self`.

        :param str xmlid: The action.
        :param Domain domain: What is the accounts'; what their `account_id` says by default.
        :param context: What else the context says, e.g. which filters are set.
        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(xmlid)
        action['domain'] = list(domain or [('account_id', 'in', self.ids)])
        action['context'] = {**literal_eval(action['context'] or '{}'), **context}
        return action
