from odoo import api, models

from ..models.guard import as_connector


class AccountPaymentRegister(models.TransientModel):
    """Payments of Amazon's buyers: they are with Amazon, not on the bank."""

    _inherit = 'account.payment.register'

    # === COMPUTE METHODS === #

    @api.depends('available_journal_ids')
    def _compute_journal_id(self):
        """Override of `account` to offer Amazon's journal for many invoices, too."""
        super()._compute_journal_id()
        for wizard in self.filtered(lambda wizard: not wizard.can_edit_wizard):
            journal = wizard._get_amazon_journal(wizard.line_ids)
            if journal in wizard.available_journal_ids:
                wizard.journal_id = journal

    # === BUSINESS METHODS === #

    @api.model
    def _get_batch_journal(self, batch_result):
        """Override of `account` to offer Amazon's journal first."""
        journal = self._get_amazon_journal(batch_result['lines'])
        if journal and journal in self.available_journal_ids:
            return journal
        return super()._get_batch_journal(batch_result)

    @api.model
    def _get_amazon_journal(self, lines):
        """Return the journal of payments with Amazon for what is to be paid.

        :param account.move.line lines: The lines on receivables.
        :return: It, empty unless all of them are of orders whose payments are in one such journal.
        :rtype: account.journal
        """
        # In sudo mode: who registers payments need not see Amazon accounts.
        moves = lines.move_id.sudo()
        Journal = self.env['account.journal']
        if not all(move.amazon_account_id for move in moves):
            return Journal
        journals = [
            move.amazon_account_id._get_ledger(move.currency_id).journal_id for move in moves
        ]
        return journals[0].with_env(self.env) if len(set(journals)) == 1 else Journal

    def _init_payments(self, to_process, edit_mode=False):
        """Override of `account` to remember of which Amazon orders payments are."""
        payments = super()._init_payments(to_process, edit_mode=edit_mode)
        for values in to_process:
            lines, payment = values['to_reconcile'], values['payment']
            orders = lines.move_id._get_amazon_orders()
            if len(orders) == 1 and payment.journal_id == self._get_amazon_journal(lines):
                with as_connector():
                    payment.amazon_sale_order_id = orders
        return payments
