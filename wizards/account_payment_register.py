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
            if journal.id in wizard.available_journal_ids.ids:
                wizard.journal_id = journal

    # === BUSINESS METHODS === #

    @api.model
    def _get_batch_journal(self, batch_result):
        """Override of `account` to offer Amazon's journal first."""
        journal = self._get_amazon_journal(batch_result['lines'])
        if journal.id in self.available_journal_ids.ids:
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

    def _create_payment_vals_from_wizard(self, batch_result):
        """Override of `account` to remember of which Amazon order the payment is."""
        values = super()._create_payment_vals_from_wizard(batch_result)
        return {**values, **self._prepare_amazon_payment_values(batch_result, values)}

    def _create_payment_vals_from_batch(self, batch_result):
        """Override of `account` to remember of which Amazon order the payment is."""
        values = super()._create_payment_vals_from_batch(batch_result)
        return {**values, **self._prepare_amazon_payment_values(batch_result, values)}

    @api.model
    def _prepare_amazon_payment_values(self, batch_result, values):
        """Return the Amazon order of a payment with Amazon, if it is one of a single order.

        :param dict batch_result: What is paid.
        :param dict values: The values of the payment.
        :rtype: dict
        """
        lines = batch_result['lines']
        orders = lines.move_id._get_amazon_orders()
        if len(orders) == 1 and values['journal_id'] == self._get_amazon_journal(lines).id:
            return {'amazon_sale_order_id': orders.id}
        return {}

    @as_connector()
    def _init_payments(self, to_process, edit_mode=False):
        """Override of `account`: the Amazon orders of payments are found here, nobody sends them.
        """
        return super()._init_payments(to_process, edit_mode=edit_mode)
