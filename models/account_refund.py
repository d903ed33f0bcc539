from odoo import fields, models

from .guard import as_connector
from .tools import open_form


class AccountMove(models.Model):
    """Credit notes of what Amazon has refunded, and the invoices that these wait for."""

    _inherit = 'account.move'

    amazon_refund_id = fields.Many2one(
        comodel_name='amazon.refund',
        string="Amazon Refund",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
    )

    # === COMPUTE METHODS === #

    def _compute_payment_state(self):
        """Override of `account`: what a settlement has paid back is paid, not reversed."""
        super()._compute_payment_state()
        for move in self.filtered(lambda m: m.amazon_refund_id and m.payment_state == 'reversed'):
            # In sudo mode: who sees credit notes need not see settlements.
            matched = move.sudo().line_ids.matched_debit_ids.debit_move_id
            if matched.move_id.amazon_settlement_id:
                move.payment_state = 'paid'

    # === CRUD METHODS === #

    def unlink(self):
        """Override of `account` to let a person decide on refunds whose credit note is deleted."""
        # In sudo mode: accountants delete credit notes, and the connector alone writes refunds.
        refunds = self.sudo().amazon_refund_id
        res = super().unlink()
        refunds._take_back()
        return res

    # === ACTION METHODS === #

    def button_cancel(self):
        """Override of `account` to let a person decide on refunds whose credit note is cancelled.
        """
        res = super().button_cancel()
        cancelled = self.sudo().filtered('amazon_refund_id')  # as in `unlink`
        refunds = cancelled.amazon_refund_id
        with as_connector():
            cancelled.amazon_refund_id = False
        refunds._take_back()
        return res

    def action_open_amazon_refund(self):
        """Open the refund that a credit note is about.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.amazon_refund_id)

    # === BUSINESS METHODS === #

    def _post(self, soft=True):
        """Override of `account` to let the credit notes follow that waited for an invoice."""
        posted = super()._post(soft=soft)
        # In sudo mode: who posts invoices need not see refunds.
        invoices = posted.sudo().filtered(lambda move: move.move_type == 'out_invoice')
        refs = {ref for invoice in invoices for ref in invoice._get_amazon_order_refs()}
        if refs:
            invoices.env['amazon.refund']._go_on(invoices.company_id, refs)
        return posted

    def _get_amazon_order_refs(self):
        """Override of `amazon_connector`: a credit note is of one order, its invoice may be of
        several.
        """
        refund = self.sudo().amazon_refund_id  # who posts credit notes need not see refunds
        return [refund.order_ref] if refund else super()._get_amazon_order_refs()

    def _get_amazon_transaction_ref(self):
        """Override of `amazon_connector`: what Amazon calls the refund."""
        refund = self.sudo().amazon_refund_id  # who sees a credit note may know of what it is
        return refund.refund_ref or refund.adjustment_ref or ''

    def _reconcile_reversed_moves(self, reverse_moves, move_reverse_cancel):
        """Override of `account` to leave Amazon's credit notes open: the settlement pays them, as
        it pays their invoices.
        """
        own = reverse_moves.filtered('amazon_refund_id')
        if not own:
            return super()._reconcile_reversed_moves(reverse_moves, move_reverse_cancel)
        others = reverse_moves - own
        return super(AccountMove, others.reversed_entry_id)._reconcile_reversed_moves(
            others, move_reverse_cancel,
        )
