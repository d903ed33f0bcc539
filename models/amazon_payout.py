import logging

from odoo import api, fields, models

from ..amazon import transfers
from .tools import open_form, to_naive

_logger = logging.getLogger(__name__)


class AmazonPayout(models.Model):
    """A transfer of Amazon's to the bank, as Amazon tells of it; or one that it expects to make."""

    _name = 'amazon.payout'
    _description = "Amazon Payout"
    _order = 'is_expected desc, created_at desc, id desc'
    _rec_name = 'payout_ref'

    connection_id = fields.Many2one(
        comodel_name='amazon.connection',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    payout_ref = fields.Char(string="Payout", help="Amazon's id of it.", readonly=True)
    is_expected = fields.Boolean(
        string="Expected",
        help="Amazon has not begun this transfer yet.",
        readonly=True,
        index=True,
    )
    status = fields.Char(help="Amazon's word for it.", readonly=True)
    status_text = fields.Char(string="Status in Words", compute='_compute_status_text')
    status_at = fields.Datetime(string="Since", readonly=True)
    failure_reason = fields.Char(string="Why It Failed", readonly=True)
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    trace_id = fields.Char(
        string="Trace ID",
        help="The banks' own id of the transfer: many statements show it.",
        readonly=True,
        index='btree_not_null',
    )
    account_tail = fields.Char(
        string="Bank Account", help="The last digits of its number.", readonly=True,
    )
    created_at = fields.Datetime(string="Begun", readonly=True)
    scheduled_date = fields.Date(
        string="Scheduled", help="When Amazon means to begin it.", readonly=True,
    )
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', readonly=True, ondelete='set null',
    )
    settlement_ref = fields.Char(
        string="Amazon's Settlement", readonly=True, index='btree_not_null',
    )
    settlement_id = fields.Many2one(
        comodel_name='amazon.settlement',
        string="Settlement",
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )

    _connection_payout_uniq = models.UniqueIndex(
        "(connection_id, payout_ref) WHERE payout_ref IS NOT NULL",
        "There is this payout already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('status')
    def _compute_status_text(self):
        texts = self._get_status_texts()
        for payout in self:
            payout.status_text = texts.get(payout.status) or payout.status

    @api.depends('payout_ref', 'is_expected')
    def _compute_display_name(self):
        for payout in self:
            payout.display_name = payout.payout_ref or self.env._("Expected payout")

    # === ACTION METHODS === #

    def action_open_settlement(self):
        """Open the settlement that it pays out.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.settlement_id)

    # === BUSINESS METHODS === #

    @api.model
    def _get_status_texts(self):
        """Return what Amazon's words for a status mean.

        :rtype: dict[str, str]
        """
        return {
            'STARTED': self.env._("Amazon has begun the transfer"),
            'IN_TRANSIT': self.env._("On its way to the bank"),
            'PAID': self.env._("Arrived at the bank"),
            'FAILED': self.env._("Failed"),
            'CANCELLED': self.env._("Cancelled"),
            'NO_PAYOUT': self.env._("Nothing to pay out"),
            'SCHEDULED': self.env._("Scheduled"),
            'DISABLED': self.env._("Amazon has disabled payouts"),
            'AT_RISK': self.env._("At risk: look at it in Seller Central"),
            'NO_PAYOUT_EXPECTED': self.env._("No payout is expected"),
        }

    def _is_failed(self):
        """Return whether the money has not reached the bank, and will not.

        :rtype: bool
        """
        self.ensure_one()
        return self.status in (transfers.FAILED, transfers.CANCELLED)

    @api.model
    def _store(self, connection, page):
        """Keep what a page of Amazon's says of payouts, and tell of those that have failed.

        :param amazon.connection connection: The connection.
        :param amazon.transfers.PayoutPage page: The page as read.
        :return: None
        """
        self._log_notes(page)
        known = {payout.payout_ref: payout for payout in self.search([
            ('connection_id', '=', connection.id),
            ('payout_ref', 'in', [data.payout_id for data in page.payouts]),
        ])}
        for data in page.payouts:
            values = self._prepare_values(connection, data)
            payout = known.get(data.payout_id, self.browse())
            was_failed = payout and payout._is_failed()
            if payout:
                payout.write(values)
            else:
                payout = known[data.payout_id] = self.create(values)
            payout._link_settlement()
            if payout._is_failed() and not was_failed:
                payout._warn_of_failure()

    @api.model
    def _store_expected(self, connection, pages):
        """Keep what Amazon expects to pay out, in place of what it has expected before.

        :param amazon.connection connection: The connection.
        :param pages: The pages as read.
        :type pages: list[amazon.transfers.ExpectedPayoutPage]
        :return: None
        """
        self.search([
            ('connection_id', '=', connection.id), ('is_expected', '=', True),
        ]).unlink()
        for page in pages:
            self._log_notes(page)
            for data in page.payouts:
                self.create({
                    **self._prepare_shared_values(connection, data),
                    'is_expected': True,
                    'scheduled_date': data.scheduled_at and data.scheduled_at.date(),
                })._link_settlement()

    @api.model
    def _log_notes(self, page):
        """Log what of a page could not be read; it stays at Amazon, and is read again."""
        for note in page.notes:
            _logger.warning("Payouts: %s", note)

    @api.model
    def _prepare_values(self, connection, data):
        """Return the values of a payout.

        :param amazon.connection connection: The connection.
        :param amazon.transfers.Payout data: The payout as read.
        :rtype: dict
        """
        return {
            **self._prepare_shared_values(connection, data),
            'payout_ref': data.payout_id,
            'trace_id': data.trace_id or False,
            'created_at': to_naive(data.created_at),
            'status_at': to_naive(data.status_at),
            'failure_reason': data.failure_reason or False,
        }

    @api.model
    def _prepare_shared_values(self, connection, data):
        """Return the values that payouts have, expected or not."""
        account = connection.account_ids[:1] or connection._get_first_account()
        refs = data.settlement_refs
        return {
            'connection_id': connection.id,
            'status': data.status,
            'amount': float(data.amount.amount) if data.amount else 0.0,
            'currency_id': data.amount and account._get_currency(data.amount.currency).id,
            'account_tail': data.account_tail or False,
            'marketplace_id': self.env['amazon.marketplace'].search(
                [('api_ref', '=', data.marketplace_id)], limit=1,
            ).id,
            'settlement_ref': refs[0] if refs else False,
        }

    def _link_settlement(self):
        """Note the settlements that these pay out, as far as they are known.

        :return: None
        """
        for payout in self.filtered(lambda p: p.settlement_ref and not p.settlement_id):
            payout.settlement_id = self.env['amazon.settlement'].search([
                ('company_id', '=', payout.company_id.id),
                ('settlement_ref', '=', payout.settlement_ref),
            ])

    def _warn_of_failure(self):
        """Tell the person in charge that money has not arrived.

        :return: None
        """
        self.ensure_one()
        account = self.settlement_id.account_id or self.connection_id.account_ids[:1]
        if account:
            account._warn_person_in_charge(self.env._(
                "A payout of %(amount)s has failed: %(reason)s. Check the bank account under Seller"
                " Central ▸ Settings ▸ Deposit Methods; Amazon credits the money to a settlement to"
                " come.",
                amount=self.currency_id.format(self.amount) if self.currency_id else '?',
                reason=self.failure_reason or self.status_text,
            ))
