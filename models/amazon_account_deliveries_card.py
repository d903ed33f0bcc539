from odoo import fields, models
from odoo.fields import Domain

# The figures of an urgency, which is also what the filters are called.
URGENCY_FIELDS = {'late': 'late', 'today': 'ship_today', 'tomorrow': 'ship_tomorrow'}


class AmazonAccount(models.Model):
    """The card's figures of deliveries, each of which leads to what it counts."""

    _inherit = 'amazon.account'

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

    # === COMPUTE METHODS === #

    def _compute_ship_counts(self):
        """Count the orders to ship: each one once, however many transfers it has."""
        blocked = self._count_orders_to_ship(Domain('amazon_blocked', '=', True))
        for account in self:
            account.blocked_count = blocked.get(account, 0)
        for urgency, prefix in URGENCY_FIELDS.items():
            deliveries = self._count_orders_to_ship(Domain('amazon_urgency', '=', urgency))
            inbox = self._count_by_account('amazon.order', Domain('urgency', '=', urgency))
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

    # === ACTION METHODS === #

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

    # === BUSINESS METHODS === #

    def _count_orders_to_ship(self, domain):
        """Count the orders that transfers are of, each one once.

        :param Domain domain: Which transfers.
        :rtype: dict[amazon.account, int]
        """
        return self._count_by_account('stock.picking', domain, 'sale_id:count_distinct')

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
