from datetime import timedelta

from odoo import fields, models

from ..amazon import orders
from ..amazon.errors import AmazonError, Throttled, Unauthorized, Unavailable
from .money_categories import REFUNDS, SALES

# An order that Amazon sold for another shop has no buyer here.
SOLD_ELSEWHERE = 'S'
WAIT_FOR_ORDERS = timedelta(hours=24)


class AmazonSettlement(models.Model):
    """The orders of a settlement that Odoo does not know: they are fetched before it is booked.

    What Amazon does not deliver is booked all the same, on the shared customer, and listed.
    """

    _inherit = 'amazon.settlement'

    asked_refs = fields.Json(
        help="The orders that Amazon was asked for.",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    proven_at = fields.Datetime(readonly=True, copy=False)
    unknown_order_count = fields.Integer(
        string="Orders Not in Odoo", compute='_compute_unknown_order_count',
    )

    # === COMPUTE METHODS === #

    def _compute_unknown_order_count(self):
        counts = dict(self.env['amazon.settlement.line']._read_group(
            self._get_unknown_order_domain(), ['settlement_id'], ['order_ref:count_distinct'],
        ))
        for settlement in self:
            settlement.unknown_order_count = counts.get(settlement, 0)

    # === ACTION METHODS === #

    def action_open_unknown_orders(self):
        """Open the lines of orders that Odoo does not know.

        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.action_open_lines(),
            'domain': self._get_unknown_order_domain(),
            'context': {'search_default_by_order': True},
        }

    # === BUSINESS METHODS === #

    def _get_unknown_order_domain(self):
        """Return the domain of the lines of orders that Odoo does not know.

        :rtype: list
        """
        return [
            ('settlement_id', 'in', self.ids),
            ('order_ref', '!=', False),
            ('sale_order_id', '=', False),
            ('category', 'in', (*SALES, *REFUNDS)),
        ]

    def _prove(self, data):
        """Override of `amazon_connector` to look for the orders of what is proven."""
        super()._prove(data)
        if self.state == 'proven':
            self.proven_at = fields.Datetime.now()
            self._link_sale_orders()
            if self._get_refs_to_ask():
                self.account_id.connection_id._get_sync('settlements')._get_cron()._trigger()

    def _get_refs_to_ask(self):
        """Return the orders that Amazon is to be asked for before the settlement is booked.

        :return: Amazon's ids.
        :rtype: list[str]
        """
        self.ensure_one()
        account = self.account_id
        if not account.is_started or account.state != 'connected' or (
            self.proven_at < fields.Datetime.now() - WAIT_FOR_ORDERS
        ):
            return []
        asked = set(self.asked_refs or ())
        refs = self.env['amazon.settlement.line']._read_group(
            self._get_unknown_order_domain(), ['order_ref'],
        )
        return [
            ref for ref, in refs if ref not in asked and not ref.startswith(SOLD_ELSEWHERE)
        ]

    def _ask_for_order(self, client, order_ref):
        """Ask Amazon for an order, store it, and remember that it was asked for.

        :param amazon.client.Client client: The client of the connection.
        :param str order_ref: Amazon's id.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        self.ensure_one()
        try:
            payload = orders.fetch_order(client, order_ref)
        except (Throttled, Unauthorized, Unavailable):
            raise
        except AmazonError:  # pylint: disable=except-pass
            pass  # It is booked without the order, and listed.
        else:
            # In sudo mode already: the connector alone writes to the inbox.
            self.env['amazon.order']._store_payloads(self.account_id, [payload], force=True)
        self.asked_refs = [*(self.asked_refs or ()), order_ref]

    def _import_asked(self, budget):
        """Import the orders that were asked for.

        :param TimeBudget budget: The time.
        :return: None
        """
        inbox = self.env['amazon.order'].search([
            ('company_id', '=', self.company_id.id),
            ('amazon_order_ref', 'in', self.asked_refs or ()),
            ('state', '=', 'to_do'),
        ])
        if inbox:
            inbox._import_orders(budget, inbox=inbox)
        self._link_sale_orders()

    def _book_safely(self, budget):
        """Override of `amazon_connector` to wait for the orders that Amazon is asked for."""
        if self.state == 'proven' and self._get_refs_to_ask():
            return
        if self.asked_refs:
            self._import_asked(budget)
        super()._book_safely(budget)
