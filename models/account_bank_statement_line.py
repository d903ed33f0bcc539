from odoo import api, fields, models


class AccountBankStatementLine(models.Model):
    """Lines of banks, which show what Amazon has paid out."""

    _name = 'account.bank.statement.line'
    _inherit = ['account.bank.statement.line', 'amazon.guard.mixin']

    amazon_was_matched = fields.Boolean(
        help="The line was matched with a payout of Amazon's. If somebody undoes that, it is not"
             " matched by itself again: press Match Deposit on the settlement.",
        readonly=True,
        copy=False,
    )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account` to look for the deposits that Amazon has announced."""
        lines = super().create(vals_list)
        # In sudo mode: who imports statements need not see settlements.
        Settlement = self.env['amazon.settlement'].sudo()
        if lines and self.env['account.move.line'].sudo().search_count([
            *Settlement._get_open_deposit_domain(), ('company_id', 'in', lines.company_id.ids),
        ], limit=1):
            Settlement._wake_matching()
        return lines

    # === BUSINESS METHODS === #

    def _get_amazon_text(self):
        """Return all that the bank says of a transaction, as texts are compared.

        :rtype: str
        """
        self.ensure_one()
        texts = (
            self.payment_ref, self.partner_name, self.partner_id.name, self.ref,
            self.narration and str(self.narration),
        )
        return ''.join(' '.join(filter(None, texts)).split()).upper()

    def _get_transaction(self):
        """Return the amount that was transferred, and its currency.

        :rtype: tuple[float, res.currency]
        """
        self.ensure_one()
        if self.foreign_currency_id:
            return self.amount_currency, self.foreign_currency_id
        return self.amount, self.currency_id

    def _get_matchable_item(self, account):
        """Return the journal item that nothing explains yet, or that is on an account already.

        :param account.account account: *Payout in transit*.
        :return: One item, empty if all is explained.
        :rtype: account.move.line
        """
        self.ensure_one()
        _liquidity, suspense, others = self._seek_for_lines()
        if suspense and not others:
            return suspense[:1]
        open_items = others.filtered(
            lambda item: item.account_id == account and not item.matched_debit_ids
            and not item.matched_credit_ids,
        )
        return open_items if len(open_items) == 1 and not suspense else suspense.browse()


class AccountMoveLine(models.Model):
    _inherit = 'account.move.line'

    amazon_is_deposit = fields.Boolean(
        string="Payout in Transit",
        help="The bank is going to show it: Amazon has sent or charged it.",
        readonly=True,
        copy=False,
    )

    _amazon_open_deposit_idx = models.Index(
        "(company_id) WHERE amazon_is_deposit AND NOT reconciled",
    )

    # === BUSINESS METHODS === #

    def _get_matched_parts(self):
        """Return what these are reconciled with, part by part.

        :rtype: account.partial.reconcile
        """
        return self.matched_debit_ids | self.matched_credit_ids

    def _get_reconciled_with(self):
        """Return the items that these are reconciled with.

        :rtype: account.move.line
        """
        parts = self._get_matched_parts()
        return (parts.debit_move_id | parts.credit_move_id) - self
