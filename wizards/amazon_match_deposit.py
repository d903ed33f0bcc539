from odoo import fields, models


class AmazonMatchDeposit(models.TransientModel):
    """The lines of banks that could be what a settlement has paid out, for a person to choose."""

    _name = 'amazon.match.deposit'
    _description = "Match a Deposit"

    settlement_id = fields.Many2one(
        comodel_name='amazon.settlement', required=True, readonly=True, ondelete='cascade',
    )
    line_ids = fields.One2many(
        comodel_name='amazon.match.deposit.line', inverse_name='wizard_id', readonly=True,
    )


class AmazonMatchDepositLine(models.TransientModel):
    """A line of a bank, and what speaks for it."""

    _name = 'amazon.match.deposit.line'
    _description = "Line That Could Be a Deposit"

    wizard_id = fields.Many2one(
        comodel_name='amazon.match.deposit', required=True, readonly=True, ondelete='cascade',
    )
    item_id = fields.Many2one(
        comodel_name='account.move.line', required=True, readonly=True, ondelete='cascade',
    )
    settlement_currency_id = fields.Many2one(related='wizard_id.settlement_id.currency_id')
    amount = fields.Monetary(
        string="Paid Out", currency_field='settlement_currency_id', readonly=True,
    )
    statement_line_id = fields.Many2one(
        comodel_name='account.bank.statement.line',
        required=True,
        readonly=True,
        ondelete='cascade',
    )
    journal_id = fields.Many2one(related='statement_line_id.journal_id', string="Bank")
    date = fields.Date(related='statement_line_id.date')
    payment_ref = fields.Char(related='statement_line_id.payment_ref')
    partner_name = fields.Char(related='statement_line_id.partner_name')
    line_currency_id = fields.Many2one(related='statement_line_id.currency_id')
    line_amount = fields.Monetary(
        related='statement_line_id.amount',
        string="On the Bank",
        currency_field='line_currency_id',
    )
    reasons = fields.Char(string="What Speaks for It", readonly=True)

    # === ACTION METHODS === #

    def action_match(self):
        """Match the deposit with this line.

        :return: The action that closes the wizard.
        :rtype: dict
        """
        self.ensure_one()
        settlement = self.wizard_id.settlement_id
        settlement._check_may_book()
        # In sudo mode: the connector alone writes settlements.
        settlement.sudo()._match_chosen(self.sudo())
        return {'type': 'ir.actions.act_window_close'}
