import json
from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

CHART_DAYS = 14


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
    to_send_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    failed_delivery_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    late_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    ship_today_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    ship_tomorrow_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    blocked_count = fields.Integer(compute='_compute_delivery_counts', compute_sudo=True)
    chart = fields.Text(compute='_compute_chart', compute_sudo=True)

    # === COMPUTE METHODS === #

    def _compute_order_counts(self):
        Order = self.env['amazon.order']
        by_state = {
            (account, state): count
            for account, state, count in Order._read_group(
                [('account_id', 'in', self.ids), ('state', 'in', ('to_do', 'failed'))],
                ['account_id', 'state'],
                ['__count'],
            )
        }
        today = dict(self.env['sale.order']._read_group(
            [('amazon_account_id', 'in', self.ids), ('date_order', '>=', 'today')],
            ['amazon_account_id'],
            ['__count'],
        ))
        for account in self:
            account.to_do_count = by_state.get((account, 'to_do'), 0)
            account.failed_count = by_state.get((account, 'failed'), 0)
            account.today_count = today.get(account, 0)

    def _compute_unexplained_count(self):
        counts = dict(self.env['sale.order']._read_group(
            [
                ('amazon_account_id', 'in', self.ids),
                ('amazon_unexplained_amount', '!=', 0),
                ('amazon_unexplained_accepted', '=', False),
                ('state', '!=', 'cancel'),
            ],
            ['amazon_account_id'],
            ['__count'],
        ))
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

    def _compute_delivery_counts(self):
        domains = {
            'to_send_count': Domain('amazon_state', '=', 'to_send'),
            'failed_delivery_count': Domain('amazon_state', '=', 'failed'),
            'late_count': Domain('amazon_urgency', '=', 'late'),
            'ship_today_count': Domain('amazon_urgency', '=', 'today'),
            'ship_tomorrow_count': Domain('amazon_urgency', '=', 'tomorrow'),
            'blocked_count': Domain('amazon_blocked', '=', True),
        }
        for name, domain in domains.items():
            counts = dict(self.env['stock.picking']._read_group(
                Domain('amazon_account_id', 'in', self.ids) & domain,
                ['amazon_account_id'],
                ['__count'],
            ))
            for account in self:
                account[name] = counts.get(account, 0)

    def _compute_chart(self):
        """Count the orders of the last days as the widget `dashboard_graph` wants it."""
        today = fields.Date.context_today(self)
        days = [today - timedelta(days=ago) for ago in range(CHART_DAYS - 1, -1, -1)]
        counts = {
            (account, day.date()): count
            for account, day, count in self.env['sale.order']._read_group(
                [
                    ('amazon_account_id', 'in', self.ids),
                    ('date_order', '>=', fields.Datetime.to_datetime(days[0])),
                ],
                ['amazon_account_id', 'date_order:day'],
                ['__count'],
            )
        }
        for account in self:
            values = [
                {
                    'label': format_date(self.env, day, date_format='d'),
                    'value': counts.get((account, day), 0),
                    'type': 'past',
                }
                for day in days
            ]
            account.chart = json.dumps([{
                'key': self.env._("Orders"), 'values': values, 'is_sample_data': False,
            }])

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

    def action_open_deliveries(self):
        """Open the deliveries of the account.

        :rtype: dict
        """
        action = self._open('amazon_connector.action_amazon_delivery')
        action['domain'] = [
            ('amazon_account_id', 'in', self.ids),
            ('picking_type_code', '!=', 'incoming'),
        ]
        return action

    def action_open_sale_orders(self):
        """Open the sales orders of the account.

        :rtype: dict
        """
        action = self._open('amazon_connector.action_amazon_sale_order')
        action['domain'] = [('amazon_account_id', 'in', self.ids)]
        return action

    def action_open_unexplained_orders(self):
        """Open the sales orders of the account whose total is not explained.

        :rtype: dict
        """
        action = self.action_open_sale_orders()
        action['context'] = {'search_default_amazon_not_explained': 1}
        return action

    # === BUSINESS METHODS === #

    def _open(self, xmlid, **context):
        """Return an action narrowed to the accounts of `self`."""
        action = self.env['ir.actions.act_window']._for_xml_id(xmlid)
        action['domain'] = [('account_id', 'in', self.ids)]
        action['context'] = context
        return action
