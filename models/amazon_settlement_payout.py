from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from ..amazon.settlements import is_return

DEPOSIT_STATES = [
    ('none', "Nothing to Deposit"),
    ('open', "In Transit"),
    ('failed', "Transfer Failed"),
    ('deposited', "On the Bank"),
]


class AmazonSettlement(models.Model):
    """What became of the money of a settlement: Amazon's words, and the bank's."""

    _inherit = 'amazon.settlement'

    payout_ids = fields.One2many(
        comodel_name='amazon.payout',
        inverse_name='settlement_id',
        string="Payouts",
        readonly=True,
    )
    trace_id = fields.Char(string="Trace ID", compute='_compute_trace_id')
    deposit_state = fields.Selection(
        selection=DEPOSIT_STATES,
        string="Payout",
        compute='_compute_deposit_state',
        search='_search_deposit_state',
        compute_sudo=True,
    )
    payout_note = fields.Char(
        string="What Became of It", compute='_compute_payout_note', compute_sudo=True,
    )

    # === COMPUTE METHODS === #

    @api.depends('payout_ids.trace_id')
    def _compute_trace_id(self):
        for settlement in self:
            settlement.trace_id = ', '.join(filter(None, settlement.payout_ids.mapped('trace_id')))

    @api.depends('state', 'total', 'payout_ids.status', 'move_ids.state')
    def _compute_deposit_state(self):
        items = self._get_transit_items().grouped(lambda item: item.move_id.amazon_settlement_id)
        for settlement in self:
            own = items.get(settlement)
            if settlement.state != 'booked':
                settlement.deposit_state = False
            elif not own:
                settlement.deposit_state = 'none'
            elif settlement._has_failed_payout():
                settlement.deposit_state = 'failed'
            elif all(own.mapped('reconciled')):
                settlement.deposit_state = 'deposited'
            else:
                settlement.deposit_state = 'open'

    def _search_deposit_state(self, operator, value):
        if operator != 'in':
            return NotImplemented
        booked = self.search([('state', '=', 'booked')])
        return Domain('id', 'in', booked.filtered(
            lambda settlement: settlement.deposit_state in value,
        ).ids)

    @api.depends('deposit_state', 'total', 'payout_ids')
    def _compute_payout_note(self):
        for settlement in self:
            settlement.payout_note = ' '.join(filter(None, (
                settlement.deposit_state and settlement._describe_balance(),
                *(settlement._describe_payout(payout) for payout in settlement.payout_ids),
                settlement.deposit_state and settlement._describe_bank(),
            )))

    def _describe_balance(self):
        """Say what happens with what a settlement leaves, if nothing is paid out.

        :rtype: str
        """
        if self.currency_id.compare_amounts(self.total, 0) > 0:
            return ''
        if self.currency_id.is_zero(self.total):
            return self.env._("Nothing is left to be paid out.")
        amount = self.currency_id.format(-self.total)
        following = self._get_following()
        lines = self.env['amazon.settlement.line']
        carried = lines.search_count([
            ('settlement_id', '=', following.id),
            ('category', '=', 'carried'),
            ('amount', '=', self.total),
        ], limit=1)
        if not carried:
            return self.env._(
                "You owe Amazon %(amount)s. Amazon charges this amount, or takes it from the next"
                " settlement.",
                amount=amount,
            )
        charges = following._get_transfers().filtered(
            lambda line: not is_return(line.amount_description),
        ).mapped('amount')
        if self.currency_id.compare_amounts(sum(charges), -self.total) >= 0:
            return self.env._(
                "You owed Amazon %(amount)s. Amazon has charged this amount: see settlement"
                " %(settlement)s.",
                amount=amount,
                settlement=following.settlement_ref,
            )
        return self.env._(
            "You owed Amazon %(amount)s. Settlement %(settlement)s has taken this amount over.",
            amount=amount,
            settlement=following.settlement_ref,
        )

    @api.model
    def _describe_payout(self, payout):
        """Say what Amazon tells of a payout.

        :param amazon.payout payout: The payout.
        :rtype: str
        """
        if payout.status == 'NO_PAYOUT':
            return ''
        if payout._is_failed():
            return self.env._(
                "Amazon could not transfer the money: %(reason)s. A later settlement will contain"
                " it again.",
                reason=payout.failure_reason or payout.status_text,
            )
        return self.env._(
            "Amazon: %(status)s (%(date)s).",
            status=payout.status_text,
            date=format_date(self.env, payout.status_at or payout.created_at),
        )

    def _describe_bank(self):
        """Say where the bank shows the money, or which settlement has it again.

        :rtype: str
        """
        parts = []
        for item in self._get_transit_items():
            others = item._get_reconciled_with()
            parts += [
                self.env._(
                    "The money is on %(journal)s, with the date %(date)s.",
                    journal=line.journal_id.display_name,
                    date=format_date(self.env, line.date),
                ) for line in others.move_id.statement_line_ids
            ]
            if item.amount_currency > 0:
                parts += [
                    self.env._(
                        "The money came back: settlement %(settlement)s contains it again.",
                        settlement=other.settlement_ref,
                    ) for other in others.move_id.amazon_settlement_id
                ]
        return ' '.join(parts)

    # === BUSINESS METHODS === #

    def _has_failed_payout(self):
        """Return whether money of this settlement has not reached the bank, and will not.

        :rtype: bool
        """
        self.ensure_one()
        return any(payout._is_failed() for payout in self.payout_ids)

    def _get_transit_items(self):
        """Return what entries of these have on *payout in transit*.

        :rtype: account.move.line
        """
        return self.env['account.move.line'].search([
            ('move_id.amazon_settlement_id', 'in', self.ids),
            ('amazon_is_deposit', '=', True),
            ('parent_state', '!=', 'cancel'),
        ])

    def _get_following(self):
        """Return the settlement of the account that follows this one, empty if there is none yet.

        :rtype: amazon.settlement
        """
        self.ensure_one()
        return self.search([
            ('account_id', '=', self.account_id.id),
            ('currency_id', '=', self.currency_id.id),
            '|',
            ('date_end', '>', self.date_end),
            '&',
            ('date_end', '=', self.date_end),
            ('id', '>', self.id),
        ], order='date_end, id', limit=1)

    def _get_transfers(self):
        """Return the lines of what went to the bank and came back, or was charged there.

        :rtype: amazon.settlement.line
        """
        return self.env['amazon.settlement.line'].search([
            ('settlement_id', 'in', self.ids), ('category', '=', 'transfer'),
        ])

    def _prepare_rest_items(self, part, carried, total):
        """Override of `amazon_connector` to know what the bank is going to show."""
        items = super()._prepare_rest_items(part, carried, total)
        transit = self._get_ledger().transit_account_id
        for item in items:
            if item['account_id'] == transit.id:
                item['amazon_is_deposit'] = True
        return items

    def _prove(self, data):
        """Override of `amazon_connector` to link payouts that were known before, and to ask for
        this one.
        """
        super()._prove(data)
        if self.state == 'proven':
            self.env['amazon.payout'].search([
                ('company_id', '=', self.company_id.id),
                ('settlement_ref', '=', self.settlement_ref),
                ('settlement_id', '=', False),
            ])._link_settlement()
            # In sudo mode: crons are the system's.
            self.env.ref('amazon_connector.ir_cron_read_payouts').sudo()._trigger()
