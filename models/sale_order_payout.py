from collections import defaultdict

from odoo import api, fields, models

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

    def _has_settled_documents(self):
        """Return whether all invoices and credit notes of an order are posted and reconciled.

        :rtype: bool
        """
        self.ensure_one()
        documents = self._get_amazon_documents().filtered(lambda move: move.state != 'cancel')
        return len(set(documents.mapped('move_type'))) > 1 and all(
            document.state == 'posted' and document.currency_id.is_zero(document.amount_residual)
            for document in documents
        )

    def _is_being_settled(self):
        """Return whether the entries of a settlement with an order are being made.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.env['amazon.settlement.line'].search_count([
            ('company_id', '=', self.company_id.id),
            ('order_ref', '=', self.amazon_order_ref),
            ('settlement_id.state', '=', 'proven'),
            ('settlement_id.move_ids.state', '=', 'draft'),
        ], limit=1))

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
            # The sale may be in a settlement that nobody knows.
            paid = sums.get((order, False), order.amazon_total)
            if (order, True) in sums and order.currency_id.compare_amounts(
                paid + sums[order, True], 0,
            ) <= 0:
                return 'refunded'
            return 'settled' if (order, False) in sums or (order, True) in sums else 'open'

        with as_connector():
            for state, orders in self.grouped(get_state).items():
                orders.amazon_payout_state = state

    @api.model
    def _create_from_amazon(self, account, incoming_list):
        """Override of `amazon_connector` to find what was settled of orders before they came in."""
        super()._create_from_amazon(account, incoming_list)
        orders = self.union(*(incoming.sale_order for incoming in incoming_list))
        lines = self.env['amazon.settlement.line'].search([
            ('company_id', '=', account.company_id.id),
            ('order_ref', 'in', orders.mapped('amazon_order_ref')),
            ('sale_order_id', '=', False),
        ])
        for order_ref, some in lines.grouped('order_ref').items():
            some.sale_order_id = orders.filtered(lambda o, ref=order_ref: o.amazon_order_ref == ref)
        lines.sale_order_id._update_payout_state()
