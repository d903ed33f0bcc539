from odoo import fields, models

from .guard import as_connector


class SaleOrder(models.Model):
    """Whether Amazon has paid an order out."""

    _inherit = 'sale.order'

    amazon_payout_state = fields.Selection(
        selection=[('open', "Not Settled"), ('settled', "Settled"), ('refunded', "Refunded")],
        string="Payout",
        help="Whether a settlement that is booked has this order, and whether all of it was"
             " refunded.",
        default='open',
        readonly=True,
        copy=False,
        index=True,
    )

    # === BUSINESS METHODS === #

    def _get_amazon_documents(self):
        """Return the invoices and credit notes of the orders.

        :rtype: account.move
        """
        invoices = self.invoice_ids
        return invoices | invoices.reversal_move_ids

    def _forget_payout(self):
        """Record that the entry of the settlement that paid orders out was taken back.

        :return: None
        """
        with as_connector():
            self.amazon_payout_state = 'open'
