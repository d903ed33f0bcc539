from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget, open_form

REFUND_GROUP = 'account.group_account_invoice'


class AmazonRefund(models.Model):
    """What Amazon gave a buyer back at once, and the credit note that follows from it.

    Amazon tells of it twice: a transaction within days, and lines of a settlement within weeks.
    """

    _name = 'amazon.refund'
    _description = "Amazon Refund"
    _inherit = ['amazon.queue.mixin']
    _order = 'posted_at desc, id desc'
    _rec_name = 'order_ref'
    _check_company_auto = True

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Account",
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, index=True, readonly=True,
    )
    kind = fields.Selection(
        selection=[
            ('refund', "Refund"), ('a_to_z', "A-to-z Guarantee"), ('chargeback', "Chargeback"),
        ],
        default='refund',
        required=True,
        readonly=True,
    )
    order_ref = fields.Char(string="Amazon Order", readonly=True, index='btree_not_null')
    sale_order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Sales Order",
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    posted_at = fields.Datetime(string="Refunded", required=True, readonly=True)
    currency_id = fields.Many2one(comodel_name='res.currency', required=True, readonly=True)
    total = fields.Monetary(
        help="What the buyer gets back is negative. The credit note is about it.", readonly=True,
    )
    source = fields.Selection(
        selection=[('transaction', "Transaction"), ('settlement', "Settlement")],
        help="Where the amounts come from that the credit note is about.",
        required=True,
        readonly=True,
    )
    transaction_id = fields.Many2one(
        comodel_name='amazon.transaction',
        string="Transaction",
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    transaction_total = fields.Monetary(string="By the Transaction", readonly=True)
    refund_ref = fields.Char(string="Amazon's Refund", readonly=True)
    settlement_id = fields.Many2one(
        comodel_name='amazon.settlement',
        string="Settlement",
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    settlement_total = fields.Monetary(string="By the Settlement", readonly=True)
    adjustment_ref = fields.Char(string="Adjustment", readonly=True)
    differs = fields.Boolean(
        string="Figures Differ",
        help="Whether transaction and settlement say different amounts.",
        compute='_compute_differs',
        store=True,
    )
    problem = fields.Char(
        help="Why the transaction does not tell enough, until the settlement does.", readonly=True,
    )
    line_ids = fields.One2many(
        comodel_name='amazon.refund.line',
        inverse_name='refund_id',
        string="Lines",
        readonly=True,
    )
    # Odoo quotes what accountants have to mend, too.
    answer = fields.Char(
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )
    state = fields.Selection(
        selection=[
            ('to_do', "To Do"),
            ('done', "Credit Note Made"),
            ('failed', "Failed"),
            ('skipped', "Skipped"),
        ],
        default='to_do',
        required=True,
        readonly=True,
        index=True,
    )
    note = fields.Char(help="What is odd about it, although it was done.", readonly=True)
    credit_note_id = fields.Many2one(
        comodel_name='account.move',
        string="Credit Note",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='set null',
        check_company=True,
    )
    older_credit_note_id = fields.Many2one(
        comodel_name='account.move',
        string="Older Credit Note",
        help="A person was asked whether it is for this refund.",
        readonly=True,
        copy=False,
        ondelete='set null',
    )
    credit_note_state = fields.Selection(
        related='credit_note_id.state', string="Status of the Credit Note",
    )
    amazon_channel = fields.Selection(related='sale_order_id.amazon_channel')

    # === COMPUTE METHODS === #

    @api.depends('order_ref', 'kind')
    def _compute_display_name(self):
        labels = dict(self._fields['kind']._description_selection(self.env))
        for refund in self:
            refund.display_name = f"{labels.get(refund.kind, '')} {refund.order_ref or ''}".strip()

    @api.depends(
        'settlement_id', 'settlement_total', 'transaction_id', 'transaction_total', 'problem',
    )
    def _compute_differs(self):
        for refund in self:
            refund.differs = bool(
                refund.settlement_id and refund.transaction_id and not refund.problem
                and refund.currency_id.compare_amounts(
                    refund.settlement_total, refund.transaction_total,
                )
            )

    # === ACTION METHODS === #

    def action_retry(self):
        """Make the credit notes of these now, also of those that were skipped.

        :return: None
        """
        self._check_may_refund()
        # In sudo mode: accountants make credit notes, and the connector alone writes refunds.
        refunds = self.sudo().filtered(lambda refund: refund.state != 'done')
        refunds.write({'state': 'to_do', 'reason': False, 'attempts': 0, 'next_try': False})
        refunds._process(TimeBudget(SYNC_SECONDS))

    def action_skip(self):
        """Let there be no credit note for these.

        :return: None
        """
        self._check_may_refund()
        refunds = self.sudo().filtered(  # as in `action_retry`
            lambda refund: refund.state in ('to_do', 'failed'),
        )
        refunds.write({
            'state': 'skipped',
            'reason': self.env._("%(user)s skipped it.", user=self.env.user.name),
            'next_try': False,
        })
        refunds.account_id._follow_up_failures()

    def action_open_credit_note(self):
        """Open the credit note.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.credit_note_id)

    def action_open_order(self):
        """Open the sales order.

        :rtype: dict
        """
        self.ensure_one()
        return open_form(self.sale_order_id)

    # === BUSINESS METHODS - WHO, AND WHEN === #

    def _check_may_refund(self):
        """Refuse whoever may not write credit notes.

        :return: None
        :raise AccessError: If the user has no accounting rights, or not in the company.
        """
        self.check_access('read')
        if not self.env.user.has_group(REFUND_GROUP):
            raise AccessError(self.env._(
                "Credit notes are made by people of Invoicing. Ask for the role Invoicing under"
                " Settings ▸ Users & Companies ▸ Users.",
            ))

    @api.model
    def _wake(self):
        """Let the cron take up what is due.

        :return: None
        """
        # In sudo mode: crons are the system's.
        self.env.ref('amazon_connector.ir_cron_process_refunds').sudo()._trigger()

    @api.model
    def _cron_process_refunds(self):
        """Take up what Amazon has refunded, and make credit notes.

        :return: None
        """
        self._process_due(TimeBudget(CRON_SECONDS))

    @api.model
    def _process_due(self, budget):
        """Take up what Amazon has refunded, and make the credit notes that are due.

        :param TimeBudget budget: The time.
        :return: None
        """
        self._take_from_transactions(budget)
        self._take_from_settlements(budget)
        # By hand: those that a person has begun with, and that waited for something.
        due = self._get_due_domain() & (
            Domain('account_id.refund_policy', '!=', 'manual') | Domain('reason', '!=', False)
        )
        self.search(due, order='posted_at, id')._process(budget)

    def _process(self, budget):
        """Make credit notes, as far as the time goes; whatever stops one stops no other.

        :param TimeBudget budget: The time.
        :return: None
        """
        accounts = self.account_id
        for refund in self:
            refund = refund[0]  # Avoid prefetching after each cache invalidation.
            if budget.is_spent():
                self._wake()
                break
            if refund.try_lock_for_update(allow_referencing=True) and refund.state in (
                'to_do', 'failed',
            ):
                refund._do_safely(lambda refund: refund._make_credit_note_unless_held())
            self.env['ir.cron']._commit_progress()
        accounts._follow_up_failures()

    @api.model
    def _get_attention_domain(self):
        """Return the domain of the refunds that a person has to look at.

        :rtype: Domain
        """
        return Domain('state', '=', 'failed') | Domain('differs', '=', True)

    # === BUSINESS METHODS - WHAT CHANGES === #

    @api.model
    def _go_on(self, companies, order_refs):
        """Let the refunds of orders go on that have waited.

        :param res.company companies: The companies of the orders.
        :param Iterable[str] order_refs: Amazon's ids of the orders.
        :return: None
        """
        waiting = self.search([
            ('company_id', 'in', companies.ids),
            ('order_ref', 'in', list(order_refs)),
            ('state', '=', 'to_do'),
        ])
        if waiting:
            waiting.next_try = False
            self._wake()

    def _take_back(self):
        """Record that the credit notes of these were taken back: a person decides what follows.

        :return: None
        """
        self.write({
            'state': 'skipped',
            'credit_note_id': False,
            'reason': self.env._(
                "Its credit note was taken back. Press Make Credit Note to have another one.",
            ),
            'note': False,
            'next_try': False,
        })

    def _forget_settlement(self):
        """Forget what the settlement said of these: its lines are read anew.

        :return: None
        """
        self.line_ids.filtered(lambda line: line.source == 'settlement').unlink()
        self.write({'settlement_id': False, 'settlement_total': 0.0})
        # What nobody else tells of comes again with the new lines, or was none.
        nobodys = self.filtered(lambda r: not r.transaction_id and not r.credit_note_id)
        nobodys.unlink()
        for refund in self - nobodys:
            if not refund.credit_note_id:
                refund.write({'source': 'transaction', 'total': refund.transaction_total})
