import base64
from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon import reports
from .quiet import quiet_sql
from .tools import to_naive

REUSABLE_FOR = timedelta(hours=1)  # Amazon makes none anew before
MAX_AGE = timedelta(hours=24)
KEPT_FOR = timedelta(days=90)
MAX_NOTES = 100


class AmazonReport(models.Model):
    """A document that Amazon makes in its own time, and how far it is read.

    What it says is the matter of its reader, a model that inherits `amazon.report.mixin`: the
    contract between the two is there. It is stored as it came, and then read part by part.
    """

    _name = 'amazon.report'
    _description = "Amazon Report"
    _inherit = ['amazon.job.mixin', 'amazon.queue.mixin']
    _order = 'id desc'

    _to_do_state = 'to_look'
    _open_states = ('to_look', 'to_ask', 'in_progress', 'over', 'to_read')
    _job_cron = 'amazon_connector.ir_cron_process_reports'
    _poll_pause = timedelta(minutes=1)

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    # The reader.
    type = fields.Selection(selection='_selection_type', required=True, readonly=True)
    marketplace_id = fields.Many2one(
        comodel_name='amazon.marketplace', required=True, readonly=True, index=True,
    )
    state = fields.Selection(
        selection=[
            ('to_look', "To Ask For"),
            ('to_ask', "To Be Made"),
            ('in_progress', "Amazon Works on It"),
            ('over', "To Download"),
            ('to_read', "To Read"),
            ('done', "Done"),
            ('failed', "Failed"),
        ],
        default='to_look',
        required=True,
        readonly=True,
        index=True,
    )
    report_ref = fields.Char(string="Amazon's Report", readonly=True)
    refused_refs = fields.Json(
        help="Amazon's reports that could not be used.", readonly=True, default=list,
    )
    made_at = fields.Datetime(
        string="Made", help="What Amazon's report says is as old as this.", readonly=True,
    )
    asked_at = fields.Datetime(readonly=True)
    document_ref = fields.Char(string="Document", readonly=True)
    content = fields.Binary(
        help="As Amazon sent it; removed once it is read.",
        attachment=True,
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_admin',
    )
    line_count = fields.Integer(string="Lines", readonly=True)
    lines_read = fields.Integer(string="Read", readonly=True)
    left_out_count = fields.Integer(string="Left Out", readonly=True)
    notes = fields.Text(
        string="What Was Left Out", help="Lines or values that could not be read.", readonly=True,
    )

    # === SELECTION METHODS === #

    @api.model
    def _selection_type(self):
        """Return the readers, each with what people call its reports."""
        return [(reader, self.env[reader]._get_report_label()) for reader in self._get_readers()]

    # === COMPUTE METHODS === #

    @api.depends('type', 'marketplace_id')
    def _compute_display_name(self):
        types = dict(self._fields['type']._description_selection(self.env))
        for report in self:
            report.display_name = (
                f'{types.get(report.type, report.type)} {report.marketplace_id.name}'
            )

    # === ACTION METHODS === #

    def action_retry(self):
        """Ask Amazon for the reports again.

        :return: None
        """
        self.check_access('read')
        self.env['amazon.sync'].check_access('read')
        # In sudo mode: Amazon users see reports, the connector changes them.
        self.sudo()._ask_again(attempts=0)

    # === BUSINESS METHODS - ASKING === #

    @api.model
    def _get_readers(self):
        """Return the models that reports tell about.

        :return: Their names.
        :rtype: list[str]
        """
        registry = self.env.registry
        return [
            name for name in registry.descendants(['amazon.report.mixin'], '_inherit')
            if registry[name]._report_type
        ]

    def _get_reader(self):
        """Return the model that the report tells about.

        :return: No record of it.
        :rtype: models.Model
        """
        self.ensure_one()
        return self.env[self.type]

    @api.model
    def _ask_for(self, reader, account, marketplaces):
        """Ask Amazon for a report of each marketplace, unless one is on its way.

        :param str reader: The model that the reports tell about.
        :param amazon.account account: The account.
        :param amazon.marketplace marketplaces: The marketplaces.
        :return: The reports that are on their way, new or not.
        :rtype: amazon.report
        """
        known = self.search([
            ('type', '=', reader),
            ('account_id', '=', account.id),
            ('marketplace_id', 'in', marketplaces.ids),
            '|', ('state', 'in', self._open_states), ('next_try', '!=', False),
        ])
        known.filtered(lambda report: report.state == 'failed')._ask_again(attempts=0)
        return known | self.create([
            {'type': reader, 'account_id': account.id, 'marketplace_id': marketplace.id}
            for marketplace in marketplaces - known.marketplace_id
        ])

    def _ask_again(self, **values):
        """Begin anew, with none of Amazon's reports that could not be used.

        :param values: What else is written.
        :return: None
        """
        for report in self.filtered(lambda report: report.state == 'failed'):
            refs = [*(report.refused_refs or []), report.report_ref]
            report.write({
                'state': 'to_look',
                'refused_refs': [ref for ref in dict.fromkeys(refs) if ref],
                'report_ref': False,
                'document_ref': False,
                'content': False,
                'line_count': 0,
                'lines_read': 0,
                'reason': False,
                'next_try': False,
                **values,
            })
        self._wake_job()

    @api.model
    def _get_open(self, account):
        """Override of `amazon.job.mixin` to begin anew with what failed and is due again."""
        self.search(
            Domain('account_id', '=', account.id) & Domain('state', '=', 'failed')
            & self._get_due_domain(),
        )._ask_again()
        return super()._get_open(account)

    @api.model
    def _look_for_made(self, client, account):
        """Find reports that Amazon has made or makes already, for what somebody wants now.

        Amazon makes none anew for a while, and everybody who asks costs it as much.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        wanted = self.search([('account_id', '=', account.id), ('state', '=', 'to_look')])
        for reader, records in wanted.grouped('type').items():
            made = reports.fetch_recent_reports(
                client,
                self.env[reader]._report_type,
                records.marketplace_id.mapped('api_ref'),
                fields.Datetime.now().replace(tzinfo=timezone.utc) - REUSABLE_FOR,
            )
            for record in records.try_lock_for_update(allow_referencing=True):
                record._adopt(made)
            self.env['ir.cron']._commit_progress()

    def _adopt(self, made):
        """Take the newest of the reports that Amazon has made, or makes, for the marketplace.

        :param list made: The reports as Amazon shows them, the newest first.
        :return: None
        """
        self.ensure_one()
        fitting = [
            report for report in made
            if report.marketplace_ids == (self.marketplace_id.api_ref,)
            and report.report_id not in (self.refused_refs or [])
        ]
        if fitting:
            self._mark_asked(fitting[0].report_id)
        else:
            self.state = 'to_ask'

    def _mark_asked(self, report_ref):
        """Record that Amazon makes a report.

        :param str report_ref: Amazon's id of it.
        :return: None
        """
        self.write({
            'report_ref': report_ref, 'asked_at': fields.Datetime.now(), 'state': 'in_progress',
        })

    # === BUSINESS METHODS - STEPS === #

    def _do_next_step(self, client):
        """Override of `amazon.job.mixin`. Each step returns as much."""
        if self.state == 'to_ask':
            return self._ask(client)
        if self.state == 'in_progress':
            return self._poll(client)
        return self.state == 'over' and self._download(client)

    def _ask(self, client):
        """Let Amazon make the report."""
        reader = self._get_reader()
        self._mark_asked(reports.create_report(
            client, reader._report_type, [self.marketplace_id.api_ref], reader._report_options,
        ))
        self._wait_for_amazon()
        return False

    def _poll(self, client):
        """Ask Amazon how far it is; come back later while it works."""
        report = reports.fetch_report(client, self.report_ref)
        if report.is_over and report.status == 'DONE' and report.document_id:
            self.write({
                'document_ref': report.document_id,
                'made_at': to_naive(report.created_at) or self.asked_at,
                'state': 'over',
            })
            return True
        if report.status == 'CANCELLED' and not self._get_reader()._expects_lines(self):
            self.write({
                'state': 'done',
                'made_at': fields.Datetime.now(),
                'reason': self.env._("Amazon has nothing to report there (CANCELLED)."),
            })
        elif report.is_over:
            self._give_up(self.env._(
                "Amazon ended the report without a document: %(status)s.", status=report.status,
            ))
        elif self.asked_at < fields.Datetime.now() - MAX_AGE:
            self._give_up(self.env._(
                "Amazon has not finished the report within a day: %(status)s.",
                status=report.status,
            ))
        else:
            self._wait_for_amazon()
        return False

    def _download(self, client):
        """Store the document as Amazon sends it."""
        content = reports.fetch_document(client, self.document_ref)
        self.write({'content': base64.b64encode(content), 'state': 'to_read'})
        return False

    def _give_up(self, reason):
        """Record that Amazon makes no document of it, and ask again in a while.

        :param str reason: Why, in a sentence.
        :return: None
        """
        attempts = self.attempts + 1
        self.write({
            'state': 'failed',
            'reason': reason,
            'attempts': attempts,
            'next_try': self._get_next_try(attempts),
        })

    # === BUSINESS METHODS - READING === #

    @quiet_sql()
    def _read_safely(self, budget):
        """Read the document, as far as the time goes; commit each part.

        :param TimeBudget budget: The time.
        :return: Whether there is more to read.
        :rtype: bool
        """
        self.ensure_one()
        if not self.try_lock_for_update(allow_referencing=True) or self.state != 'to_read':
            return False
        try:
            return self._read_parts(budget)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            self.env.cr.rollback()
            self._note_failure_safely(exception)
            self.env['ir.cron']._commit_progress()
            return False

    def _read_parts(self, budget):
        """Do `_read_safely` without its safety."""
        reader = self._get_reader()
        document = reader._parse_report_content(self, base64.b64decode(self.content or b''))
        lines = reader._get_report_lines(document)
        if not self.lines_read:
            self._note_left_out(reader._get_report_notes(document))
        self.line_count = len(lines)
        while self.lines_read < len(lines):
            if budget.is_spent():
                return True
            part = lines[self.lines_read:self.lines_read + reader._report_part]
            self._take_apart(reader, part)
            self.lines_read += len(part)
            self.env['ir.cron']._commit_progress()
            if not self.try_lock_for_update(allow_referencing=True):
                return False
        reason = reader._end_report(self, document)
        self.write({
            'state': 'done', 'content': False, 'attempts': 0, 'next_try': False, 'reason': reason,
        })
        self.env['ir.cron']._commit_progress()
        return False

    def _take_apart(self, reader, lines):
        """Act on lines, in one go or, if that fails, on halves, until only the bad one stays out.

        :param models.Model reader: The model that the report tells about.
        :param lines: The lines.
        :return: None
        """
        self._flush_before()
        try:
            with quiet_sql(), self.env.cr.savepoint():
                reader._take_report_lines(self, lines)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            if len(lines) > 1:
                middle = len(lines) // 2
                self._take_apart(reader, lines[:middle])
                self._take_apart(reader, lines[middle:])
            else:
                self._note_left_out([self.env._(
                    "%(line)s: %(reason)s",
                    line=reader._describe_report_line(lines[0]),
                    reason=self._get_failure_reason(exception),
                )])

    def _note_left_out(self, notes):
        """Keep what could not be read.

        :param list[str] notes: A sentence for each line or value.
        :return: None
        """
        if notes:
            known = (self.notes or '').splitlines()
            self.write({
                'left_out_count': self.left_out_count + len(notes),
                'notes': '\n'.join([*known, *notes][:MAX_NOTES]),
            })

    # === BUSINESS METHODS - CLEANING UP === #

    @api.autovacuum
    def _gc_reports(self):
        """Forget the reports that are over long since."""
        self.search([
            ('state', 'in', ('done', 'failed')),
            ('write_date', '<', fields.Datetime.now() - KEPT_FOR),
        ], limit=10000).unlink()
