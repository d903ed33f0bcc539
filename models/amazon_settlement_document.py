import base64
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon import reports, settlements
from .quiet import quiet_sql
from .tools import to_naive

MAX_NOTES = 100


class AmazonSettlementDocument(models.Model):
    """A file with settlements, from Amazon or uploaded by a person, as it came.

    It may hold several settlements, and several documents may hold the same one.
    """

    _name = 'amazon.settlement.document'
    _description = "Amazon Settlement Document"
    _inherit = ['amazon.queue.mixin']
    _order = 'made_at desc, id desc'

    _to_do_state = 'to_read'

    connection_id = fields.Many2one(
        comodel_name='amazon.connection',
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        string="Account",
        help="Whose settlements it holds, where a person uploaded it.",
        readonly=True,
        ondelete='restrict',
    )
    name = fields.Char(string="File", readonly=True)
    report_ref = fields.Char(string="Amazon's Report", readonly=True)
    document_ref = fields.Char(readonly=True)
    made_at = fields.Datetime(string="Made", readonly=True)
    content = fields.Binary(
        help="As it came.", attachment=True, readonly=True, copy=False,
    )
    # Odoo quotes what accountants have to mend, too.
    answer = fields.Char(
        groups='amazon_connector.group_amazon_user,account.group_account_invoice',
    )
    state = fields.Selection(
        selection=[
            ('to_download', "To Download"),
            ('to_read', "To Read"),
            ('done', "Read"),
            ('failed', "Failed"),
        ],
        default='to_download',
        required=True,
        readonly=True,
        index=True,
    )

    _connection_report_uniq = models.UniqueIndex(
        "(connection_id, report_ref) WHERE report_ref IS NOT NULL",
        "This report of Amazon's is there already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('name', 'report_ref')
    def _compute_display_name(self):
        for document in self:
            document.display_name = document.name or self.env._(
                "Report %(report)s", report=document.report_ref,
            )

    # === ACTION METHODS === #

    def action_retry(self):
        """Read documents again that failed.

        :return: None
        """
        self.env['amazon.settlement']._check_may_book()
        self.check_access('read')
        # In sudo mode: the connector alone writes documents.
        failed = self.sudo().filtered(lambda document: document.state == 'failed')
        for document in failed:
            document.write({
                'state': 'to_read' if document.content else 'to_download',
                'reason': False,
                'attempts': 0,
                'next_try': False,
            })
        self.env['amazon.settlement']._wake_booking()
        failed.connection_id._get_sync('settlements')._get_cron()._trigger()

    # === BUSINESS METHODS - COMING IN === #

    @api.model
    def _note_reports(self, connection, found):
        """Remember the reports that Amazon shows, to be downloaded.

        :param amazon.connection connection: The connection.
        :param list[amazon.reports.Report] found: The reports.
        :return: None
        """
        known = set(self.search([
            ('connection_id', '=', connection.id),
            ('report_ref', 'in', [report.report_id for report in found]),
        ]).mapped('report_ref'))
        self.create([
            {
                'connection_id': connection.id,
                'report_ref': report.report_id,
                'document_ref': report.document_id,
                'made_at': to_naive(report.created_at),
            }
            for report in {report.report_id: report for report in found}.values()
            if report.report_id not in known and report.document_id
        ])

    def _download(self, client):
        """Store the document as Amazon sends it.

        :param amazon.client.Client client: The client of the connection.
        :return: None
        :raise AmazonError: If Amazon does not send it.
        """
        self.ensure_one()
        content = reports.fetch_document(client, self.document_ref)
        self.write({
            'content': base64.b64encode(content),
            'state': 'to_read',
            'reason': False,
            'next_try': False,
        })

    # === BUSINESS METHODS - READING === #

    @api.model
    def _read_due(self, budget):
        """Read the documents that have come in, the oldest first, as far as the time goes.

        :param TimeBudget budget: The time.
        :return: None
        """
        due = self.search(self._get_due_domain(), order='made_at, id')
        for document in due.filtered('content'):
            document = document[0]  # Avoid prefetching after each cache invalidation.
            if budget.is_spent() or not document._read_safely(budget):
                self.env['amazon.settlement']._wake_booking()
                break

    @quiet_sql()
    def _read_safely(self, budget):
        """Read the document; whatever goes wrong stays on it.

        :param TimeBudget budget: The time.
        :return: Whether it is over; else there is more to read.
        :rtype: bool
        """
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True):
            return True
        try:
            is_over = self._read(budget)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            self.env.cr.rollback()
            self._note_failure_safely(exception)
            is_over = True
        self.env['ir.cron']._commit_progress()
        return is_over

    def _read(self, budget):
        """Do `_read_safely` without its safety."""
        content = base64.b64decode(self.with_context(bin_size=False).content or b'')
        document = settlements.parse_settlements(content)
        if not document.settlements:
            raise UserError(self.env._("There is no settlement in the document."))
        problems = []
        for data in document.settlements:
            try:
                if not self.env['amazon.settlement']._take(self, data, budget):
                    return False
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                raise
            except Exception as exception:
                # What is odd about one settlement stops no other.
                self.env.cr.rollback()
                problems.append(exception)
        if problems:
            raise problems[0]
        self.write({
            'state': 'done',
            'reason': '\n'.join(self._describe_notes(document.notes)),
            'attempts': 0,
            'next_try': False,
        })
        return True

    def _choose_account(self, data):
        """Return the account that a settlement belongs to: the one whose marketplaces it names.

        Amazon lists reports for marketplaces that they are not about, so that only the document
        tells.

        :param amazon.settlements.Settlement data: The settlement as read.
        :rtype: amazon.account
        """
        names = Counter(line.marketplace_name.casefold() for line in data.lines)
        if self.account_id:
            self._check_marketplaces(data, names)
            return self.account_id
        accounts = self.connection_id.account_ids or self.connection_id._get_first_account()

        def rank(account):
            marketplaces = account.synced_marketplace_ids
            return (
                sum(names[name.casefold()] for name in marketplaces.mapped('name')),
                data.currency in marketplaces.currency_id.mapped('name'),
                -account.id,
            )

        return max(accounts, key=rank)

    def _check_marketplaces(self, data, names):
        """Refuse a settlement of marketplaces that the account of the upload does not have.

        :param amazon.settlements.Settlement data: The settlement as read.
        :param Counter names: The names of its marketplaces.
        :return: None
        :raise UserError: Naming them.
        """
        Marketplace = self.env['amazon.marketplace'].with_context(active_test=False)
        known = Marketplace.search([])  # pylint: disable=no-search-all
        named = known.filtered(lambda marketplace: names[marketplace.name.casefold()])
        if named and not named & self.account_id.synced_marketplace_ids:
            raise UserError(self.env._(
                "Account: settlement %(settlement)s is of %(marketplaces)s, which %(account)s does"
                " not synchronize. Choose the account that does, and upload the file again.",
                settlement=data.ref,
                marketplaces=', '.join(named.mapped('name')),
                account=self.account_id.name,
            ))

    @api.model
    def _describe_notes(self, notes):
        """Return what could not be read as it is, a sentence each.

        :param notes: The notes of `amazon.settlements`.
        :rtype: list[str]
        """
        return [
            self.env._(
                "Line %(number)s: %(problem)s",
                number=note.number,
                problem=self._describe_problem(note.problem),
            )
            for note in notes[:MAX_NOTES]
        ]

    @api.model
    def _describe_problem(self, problem):
        """Return what is wrong with a line in the user's language.

        :param str problem: One of the problems of `amazon.settlements`.
        :rtype: str
        """
        return {
            settlements.UNREADABLE_AMOUNT: self.env._("the amount can't be read"),
            settlements.UNREADABLE_TOTAL: self.env._("the total can't be read"),
            settlements.UNREADABLE_TIME: self.env._("the date can't be read beyond doubt"),
            settlements.NO_AMOUNT: self.env._("it has no amount, and was left out"),
            settlements.NO_REF: self.env._(
                "it names no settlement, and was taken for one of the settlement above it",
            ),
            settlements.TWO_TOTALS: self.env._("the settlement has another total already"),
            settlements.TWO_CURRENCIES: self.env._("the settlement has another currency already"),
            settlements.LONG: self.env._("the line has more cells than the header"),
            settlements.CUT: self.env._("the document breaks off in this line"),
            settlements.STRAY: self.env._("it belongs to no settlement, and was left out"),
        }.get(problem, problem)
