from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget, to_naive

LINES_PER_PART = 2000
BOOKING_GROUP = 'account.group_account_invoice'


class AmazonSettlement(models.Model):
    """What Amazon paid out for a period, line by line, as it says itself.

    It comes in from a document (`amazon.settlement.document`), part by part; it is proven when its
    lines sum up to its total; it is booked when it is known what each line is.
    """

    _name = 'amazon.settlement'
    _description = "Amazon Settlement"
    _inherit = ['mail.thread', 'mail.activity.mixin', 'amazon.queue.mixin']
    _order = 'date_end desc, id desc'
    _rec_name = 'settlement_ref'
    _check_company_auto = True

    settlement_ref = fields.Char(
        string="Settlement", help="Amazon's id of it.", required=True, readonly=True,
    )
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, index=True, readonly=True,
    )
    currency_id = fields.Many2one(comodel_name='res.currency', required=True, readonly=True)
    date_start = fields.Datetime(string="From", readonly=True)
    date_end = fields.Datetime(string="Until", readonly=True)
    deposit_date = fields.Date(
        string="Deposit", help="When Amazon means to send the money.", readonly=True,
    )
    total = fields.Monetary(help="What Amazon says that it pays out.", readonly=True)
    line_total = fields.Monetary(
        string="Sum of the Lines", help="It has to be the total, to the cent.", readonly=True,
    )
    # Odoo quotes what accountants have to mend, too.
    answer = fields.Char(
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )
    state = fields.Selection(
        selection=[
            ('to_do', "To Read"),
            ('proven', "Proven"),
            ('booked', "Booked"),
            ('failed', "Failed"),
        ],
        default='to_do',
        required=True,
        readonly=True,
        index=True,
        tracking=True,
    )
    line_ids = fields.One2many(
        comodel_name='amazon.settlement.line',
        inverse_name='settlement_id',
        string="Lines",
        readonly=True,
    )
    line_count = fields.Integer(string="Number of Lines", readonly=True)
    lines_read = fields.Integer(readonly=True)
    notes = fields.Text(
        string="What Was Odd", help="What could not be read as it is.", readonly=True,
    )
    document_id = fields.Many2one(
        comodel_name='amazon.settlement.document',
        string="Document",
        readonly=True,
        ondelete='restrict',
    )
    rival_document_id = fields.Many2one(
        comodel_name='amazon.settlement.document',
        string="Other Document",
        help="Amazon sent the settlement again, with other content.",
        readonly=True,
        ondelete='restrict',
    )
    fingerprint = fields.Char(
        help="Tells whether Amazon's lines are the same.", readonly=True, groups=fields.NO_ACCESS,
    )
    unknown_kind_ids = fields.Many2many(
        comodel_name='amazon.money.kind',
        string="Unknown Kinds",
        compute='_compute_unknown_kind_ids',
    )

    _account_settlement_uniq = models.Constraint(
        'UNIQUE(company_id, settlement_ref)', "There is this settlement already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('line_ids.category')
    def _compute_unknown_kind_ids(self):
        kinds = dict(self.env['amazon.settlement.line']._read_group(
            [('settlement_id', 'in', self.ids), ('category', '=', False)],
            ['settlement_id'],
            ['kind_id:recordset'],
        ))
        for settlement in self:
            settlement.unknown_kind_ids = kinds.get(settlement)

    # === ACTION METHODS === #

    def action_retry(self):
        """Read settlements again that failed, book what can be booked, and reconcile what Odoo
        has refused to.

        :return: None
        """
        self._check_may_book()
        # In sudo mode: accountants book, and the connector alone writes settlements.
        settlements = self.sudo()
        settlements.filtered(lambda s: s.state == 'failed')._begin_again()
        settlements.filtered('reason')._reconcile_again()
        settlements._wake_booking()
        settlements._process(TimeBudget(SYNC_SECONDS))

    def action_take_rival(self):
        """Take the lines that Amazon sent last, in place of those that are known.

        :return: None
        :raise UserError: If it is booked.
        """
        self.ensure_one()
        self._check_may_book()
        settlement = self.sudo()  # as in `action_retry`
        if not settlement.rival_document_id:
            return
        if settlement.state == 'booked':
            raise UserError(self.env._(
                "It is booked with the lines that came first. Cancel its entries, then take the"
                " other document.",
            ))
        settlement.document_id = settlement.rival_document_id
        settlement._begin_again()
        settlement._process(TimeBudget(SYNC_SECONDS))

    def action_keep_first(self):
        """Keep the lines that came first, and show the other document no more.

        :return: None
        """
        self._check_may_book()
        self.sudo().rival_document_id = False  # as in `action_retry`

    def action_open_lines(self):
        """Open the lines.

        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.actions']._for_xml_id(
                'amazon_connector.action_amazon_settlement_line',
            ),
            'domain': [('settlement_id', '=', self.id)],
            'context': {'search_default_by_category': True},
        }

    def action_name_kinds(self):
        """Open the kinds of money that nobody has named yet.

        :rtype: dict
        """
        return {
            **self.env['ir.actions.actions']._for_xml_id(
                'amazon_connector.action_amazon_money_kind',
            ),
            'domain': [('id', 'in', self.unknown_kind_ids.ids)],
            'context': {},
        }

    # === BUSINESS METHODS - WHO, AND WHEN === #

    def _check_may_book(self):
        """Refuse whoever may not write entries.

        :return: None
        :raise AccessError: If the user has no accounting rights, or not in the company.
        """
        self.check_access('read')
        if not self.env.user.has_group(BOOKING_GROUP):
            raise AccessError(self.env._(
                "Settlements are booked by people of Invoicing. Ask for the role Invoicing under"
                " Settings ▸ Users & Companies ▸ Users.",
            ))

    @api.model
    def _wake_booking(self):
        """Let the cron read and book what is due.

        :return: None
        """
        # In sudo mode: crons are the system's.
        self.env.ref('amazon_connector.ir_cron_book_settlements').sudo()._trigger()

    @api.model
    def _cron_book_settlements(self):
        """Read the documents that have come in, and book the settlements that are proven.

        :return: None
        """
        budget = TimeBudget(CRON_SECONDS)
        self.env['amazon.settlement.document']._read_due(budget)
        self.search([('state', 'in', ('to_do', 'proven'))], order='date_end, id')._process(budget)

    def _process(self, budget):
        """Read and book these, as far as the time goes; whatever stops one stops no other.

        :param TimeBudget budget: The time.
        :return: None
        """
        for settlement in self:
            settlement = settlement[0]  # Avoid prefetching after each cache invalidation.
            if budget.is_spent():
                self._wake_booking()
                break
            if settlement.state == 'to_do':
                settlement.document_id._read_safely(budget)
            if settlement.state == 'proven':
                settlement._book_safely(budget)

    # === BUSINESS METHODS - READING === #

    @api.model
    def _take(self, document, data, budget):
        """Take a settlement of a document in; commit each part.

        :param amazon.settlement.document document: The document.
        :param amazon.settlements.Settlement data: The settlement as read.
        :param TimeBudget budget: The time.
        :return: Whether it is in; else it goes on later.
        :rtype: bool
        """
        settlement = self._find(document, data)
        if settlement.document_id != document:
            settlement._compare(document, data)
        if settlement.document_id != document or settlement.state != 'to_do':
            return True
        if not settlement._read_lines(data, budget):
            return False
        settlement._prove(data)
        self.env['ir.cron']._commit_progress()
        return True

    @api.model
    def _find(self, document, data):
        """Return the settlement of which a document tells; make it if it is new.

        :param amazon.settlement.document document: The document.
        :param amazon.settlements.Settlement data: The settlement as read.
        :rtype: amazon.settlement
        :raise UserError: If Odoo does not know the currency.
        """
        known = self.search([
            ('company_id', '=', document.company_id.id), ('settlement_ref', '=', data.ref),
        ])
        if known:
            return known
        if not data.currency:
            raise UserError(self.env._(
                "The document names no currency for settlement %(settlement)s. Press Read"
                " Settlements later: Amazon sends it anew.",
                settlement=data.ref,
            ))
        account = document._choose_account(data)
        return self.create({
            'settlement_ref': data.ref,
            'account_id': account.id,
            'company_id': account.company_id.id,
            'currency_id': account._get_currency(data.currency).id,
            **self._prepare_values(document, data),
        })

    @api.model
    def _prepare_values(self, document, data):
        """Return what a document says of a settlement as a whole.

        :param amazon.settlement.document document: The document.
        :param amazon.settlements.Settlement data: The settlement as read.
        :rtype: dict
        """
        return {
            'document_id': document.id,
            'date_start': to_naive(data.start),
            'date_end': to_naive(data.end),
            'deposit_date': data.deposit_at and data.deposit_at.date(),
            'total': float(data.total or 0),
            'line_total': float(data.line_sum),
            'line_count': len(data.lines),
            'fingerprint': data.fingerprint,
            'notes': '\n'.join(document._describe_notes(data.notes)),
        }

    def _compare(self, document, data):
        """Compare a settlement with what another document says of it.

        The same again is nothing new. What has failed is replaced; else both are shown.

        :param amazon.settlement.document document: The other document.
        :param amazon.settlements.Settlement data: What it says.
        :return: None
        """
        self.ensure_one()
        if self.fingerprint == data.fingerprint:
            return
        if self.state == 'failed':
            self._begin_again()
            self.write(self._prepare_values(document, data))
            self.message_post(body=self.env._("Amazon has sent it anew; this is read now."))
        else:
            self.rival_document_id = document
            if self.account_id._keeps_books():
                self.account_id._warn_person_in_charge(self.env._(
                    "Settlement %(settlement)s came again with other content. Both documents are on"
                    " it; it was left as it is.",
                    settlement=self.settlement_ref,
                ))

    def _begin_again(self):
        """Forget the lines of settlements, so that they are read anew.

        :return: None
        """
        for settlement in self:
            settlement.line_ids.unlink()
            settlement.write({
                'state': 'to_do',
                'reason': False,
                'attempts': 0,
                'next_try': False,
                'lines_read': 0,
                'rival_document_id': False,
            })

    def _read_lines(self, data, budget):
        """Store the lines that are not stored yet, as far as the time goes; commit each part.

        :param amazon.settlements.Settlement data: The settlement as read.
        :param TimeBudget budget: The time.
        :return: Whether all are stored.
        :rtype: bool
        """
        Line = self.env['amazon.settlement.line']
        find_kind = self.env['amazon.money.kind']._get_finder()
        while self.lines_read < len(data.lines):
            if budget.is_spent():
                return False
            part = data.lines[self.lines_read:self.lines_read + LINES_PER_PART]
            Line.create([Line._prepare_values(self, line, find_kind) for line in part])
            self.lines_read += len(part)
            self.env['ir.cron']._commit_progress()
            if not self.try_lock_for_update(allow_referencing=True):
                return False
        return True

    def _prove(self, data):
        """Record whether the lines make the total; else nothing of it is booked.

        :param amazon.settlements.Settlement data: The settlement as read.
        :return: None
        """
        self.ensure_one()
        problem = self._find_problem(data)
        self.write({
            'state': 'failed' if problem else 'proven', 'reason': problem, 'next_try': False,
            **self._prepare_values(self.document_id, data),
        })
        if problem:
            self.account_id._follow_up_failures()
        else:
            self._wake_booking()

    def _find_problem(self, data):
        """Return why a settlement is not proven, in a sentence with the next step.

        :param amazon.settlements.Settlement data: The settlement as read.
        :return: The sentence, empty if it is proven.
        :rtype: str
        """
        unit = Decimal(str(self.currency_id.rounding))
        odd = [line for line in data.lines if line.amount % unit]
        if data.total is None:
            return self.env._(
                "The document has no line with the total of the settlement. Press Read Settlements"
                " later: Amazon sends it anew.",
            )
        if data.is_contradictory:
            return self.env._(
                "The document names more than one total or currency for it, so that nothing is"
                " booked. Press Read Settlements later: Amazon sends it anew.",
            )
        if data.unreadable:
            return self.env._(
                "Amounts that can't be read: %(count)s. What Was Odd shows them. Nothing is"
                " booked.",
                count=data.unreadable,
            )
        if odd:
            return self.env._(
                "Line %(number)s: %(amount)s is no amount in %(currency)s. Check its rounding"
                " under Invoicing ▸ Configuration ▸ Currencies, then press Retry.",
                number=odd[0].number,
                amount=odd[0].amount,
                currency=self.currency_id.name,
            )
        if data.line_sum != data.total:
            return self.env._(
                "The lines sum up to %(sum)s, but the total is %(total)s: %(difference)s are not"
                " explained, and nothing is booked. Amazon sends such a settlement anew; it is"
                " taken by itself then.",
                sum=self.currency_id.format(float(data.line_sum)),
                total=self.currency_id.format(float(data.total)),
                difference=self.currency_id.format(float(data.total - data.line_sum)),
            )
        return ''
