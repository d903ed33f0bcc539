from collections import defaultdict

from odoo import fields, models

from .guard import as_connector
from .money_categories import REFUNDS, SALES


class SaleOrder(models.Model):
    """Whether Amazon has paid an order out."""

    _inherit = 'sale.order'

    amazon_payout_state = fields.Selection(
        selection=[('open', "Not Settled"), ('settled', "Settled"), ('refunded', "Refunded")],
        string="Payout",
        help="Whether a settlement that is booked has this order, and whether all of it was"
             " refunded.",
        readonly=True,
        copy=False,
        index=True,
    )

    # === BUSINESS METHODS === #

    def _clear_amazon_places(self):
        """Override of `amazon_connector` to forget what Odoo said of their settlements, too."""
        super()._clear_amazon_places()
        self.env['amazon.settlement'].search([
            ('answer', '!=', False),
            ('company_id', 'in', self.company_id.ids),
            ('line_ids.order_ref', 'in', self.mapped('amazon_order_ref')),
        ]).answer = False

    def _get_amazon_documents(self):
        """Return the invoices and credit notes of the orders.

        :rtype: account.move
        """
        invoices = self.invoice_ids
        return invoices | invoices.reversal_move_ids

    def _update_payout_state(self):
        """Record what settlements that are booked have paid out of the orders, and taken back.

        :return: None
        """
        sums = defaultdict(float)
        for order, category, amount in self.env['amazon.settlement.line']._read_group(
            [
                ('sale_order_id', 'in', self.ids),
                ('settlement_id.state', '=', 'booked'),
                ('category', 'in', (*SALES, *REFUNDS)),
            ],
            ['sale_order_id', 'category'],
            ['amount:sum'],
        ):
            sums[order, category in REFUNDS] += amount

        def get_state(order):
            if (order, True) in sums and order.currency_id.compare_amounts(
                sums[order, False] + sums[order, True], 0,
            ) <= 0:
                return 'refunded'
            return 'settled' if (order, False) in sums or (order, True) in sums else 'open'

        with as_connector():
            for state, orders in self.grouped(get_state).items():
                orders.amazon_payout_state = state
