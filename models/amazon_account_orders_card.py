import json
from collections import Counter
from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

CHART_DAYS = 14


class AmazonAccount(models.Model):
    """The card's figures of orders, each of which leads to what it counts."""

    _inherit = 'amazon.account'

    to_do_count = fields.Integer(compute='_compute_order_counts', compute_sudo=True)
    failed_count = fields.Integer(compute='_compute_order_counts', compute_sudo=True)
    today_count = fields.Integer(compute='_compute_order_counts', compute_sudo=True)
    unexplained_count = fields.Integer(compute='_compute_unexplained_count', compute_sudo=True)
    unmatched_offer_count = fields.Integer(
        compute='_compute_unmatched_offer_count', compute_sudo=True,
    )
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
        today = self._count_by_account('sale.order', Domain('date_order', '>=', 'today'))
        for account in self:
            account.to_do_count = by_state.get((account, 'to_do'), 0)
            account.failed_count = by_state.get((account, 'failed'), 0)
            account.today_count = today.get(account, 0)

    def _compute_unexplained_count(self):
        counts = self._count_by_account('sale.order', Domain([
            ('amazon_unexplained_amount', '!=', 0),
            ('amazon_unexplained_accepted', '=', False),
            ('state', '!=', 'cancel'),
        ]))
        for account in self:
            account.unexplained_count = counts.get(account, 0)

    def _compute_unmatched_offer_count(self):
        counts = self._count_by_account(
            'amazon.offer', Domain('product_id', '=', False) & Domain('is_gone', '=', False),
        )
        for account in self:
            account.unmatched_offer_count = counts.get(account, 0)

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

    def _open_sale_orders(self, **context):
        """Open the sales orders of the accounts; see `_open`."""
        return self._open(
            'amazon_connector.action_amazon_sale_order',
            Domain('amazon_account_id', 'in', self.ids),
            **context,
        )
