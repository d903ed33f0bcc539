from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..amazon import marketplaces
from ..amazon.errors import AmazonError, Throttled, Unauthorized, Unavailable
from .quiet import log_failure, quiet_sql
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget
from .vault import KeyUnusable

STATES = ('error', 'warning', 'unknown', 'ok')  # as people should read them
PARTICIPATIONS = 'participations'
# Longer than all accounts take, shorter than a day.
CHECK_PAUSE = timedelta(hours=6)


@dataclass(frozen=True)
class Finding:
    """What a check has found out."""

    state: str  # one of STATES
    message: str  # a sentence with the next step, in our own words: it may be given to others
    remedy: str = ''  # what the button that mends it says, empty if there is none
    answer: str = ''  # what others say, for Amazon users only


class Checkup:
    """What all checks of an account share while they run: Amazon is asked each thing once.

    :param amazon.account account: The account, in sudo mode, in the language of whoever reads what
                                   is found.
    :param TimeBudget budget: Amazon is not asked any more when it is spent.
    """

    def __init__(self, account, budget):
        self.account = account
        self.connection = account.connection_id
        self._budget = budget
        self._answers = {}
        self._contexts = ExitStack()
        self._client = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._contexts.close()

    @property
    def clock_lead(self):
        """By how much our clock is ahead of Amazon's, `None` if no answer has told."""
        return self._client and self._client.clock_lead

    @property
    def is_let_in(self):
        """Whether Amazon has let the account in, so that a refusal is one of what was asked."""
        _answer, error = self._answers.get(PARTICIPATIONS, (None, True))
        return not error

    def ask(self, question, fetch):
        """Return what Amazon answers to a harmless question, which is asked once.

        :param str question: What it is remembered by.
        :param fetch: Takes the client, returns the answer.
        :raise AmazonError: If there is none.
        :raise UserError: If Amazon can't be asked at all.
        """
        if question not in self._answers:
            self._check_can_ask()
            try:
                self._answers[question] = fetch(self._get_client()), None
            except (AmazonError, UserError) as error:
                self._answers[question] = None, error
        answer, error = self._answers[question]
        if error:
            raise error
        return answer

    def ask_participations(self):
        """Return where the seller sells.

        :rtype: list[amazon.marketplaces.Participation]
        :raise AmazonError | UserError: As `ask`.
        """
        participations = self.ask(PARTICIPATIONS, lambda client: marketplaces.parse_participations(
            marketplaces.fetch_participations(client),
        ))
        self._client.renews_refused = False
        return participations

    def _check_can_ask(self):
        """Refuse to ask what can't be answered.

        :raise UserError: Saying why.
        """
        env = self.account.env
        if self.connection.state == 'draft':
            raise UserError(env._(
                "Amazon can't be asked before the account is connected: enter its credentials and"
                " press Connect.",
            ))
        _answer, error = self._answers.get(PARTICIPATIONS, (None, None))
        if isinstance(error, (Unauthorized, KeyUnusable)):
            raise UserError(env['amazon.check']._get_closed_sentence())
        if self._budget.is_spent():
            raise UserError(env._(
                "There was no time left to ask Amazon. Press Check Now again.",
            ))

    def _get_client(self):
        """Return the client, opened when it is needed first.

        :rtype: amazon.client.Client
        :raise KeyUnusable: If the credentials can't be decrypted.
        """
        if not self._client:
            self._client = self._contexts.enter_context(self.connection._get_client())
        return self._client


class AmazonCheck(models.Model):
    """One line of the check-up of an account: whether something works, and how to mend it.

    Each room adds its checks in a file of its own: a code in `_get_codes`, `_check_<code>` and,
    where there is a remedy, `_remedy_<code>`. Only the connector writes the lines.
    """

    _name = 'amazon.check'
    _description = "Amazon Check"
    _inherit = ['amazon.sync.mixin']
    _order = 'sequence, id'
    _rec_name = 'code'

    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    code = fields.Selection(
        selection='_get_codes', string="Check", required=True, readonly=True,
    )
    state = fields.Selection(
        selection=[
            ('ok', "Works"),
            ('warning', "Look at It"),
            ('error', "To Mend"),
            ('unknown', "Not Known"),
        ],
        required=True,
        readonly=True,
    )
    message = fields.Text(string="What Is Found", required=True, readonly=True)
    answer = fields.Text(
        help="In the words of Amazon or of another module.",
        readonly=True,
        groups='amazon_connector.group_amazon_user',
    )
    remedy = fields.Char(help="What the button that mends it says.", readonly=True)
    sequence = fields.Integer(help="What is to be mended comes first.", readonly=True)
    checked_at = fields.Datetime(string="Checked", required=True, readonly=True)

    _account_code_uniq = models.Constraint(
        'UNIQUE(account_id, code)', "The account has this check already.",
    )

    # === ACTION METHODS === #

    def action_remedy(self):
        """Mend what was found, or open where it can be mended, and check it again.

        :return: The action to go on with.
        :rtype: dict
        :raise UserError: If there is nothing to mend.
        """
        self.ensure_one()
        self.check_access('read')
        self.account_id.check_access('write')
        if not self.remedy:
            raise UserError(self.env._("There is nothing to mend here. Press Check Now again."))
        account, code = self.account_id, self.code  # Some remedies remove the line.
        action = self._get_method('remedy', code)()
        # Where the remedy has made all of it obsolete, all of it is checked.
        account._check_up(TimeBudget(SYNC_SECONDS), codes=[code] if account.check_ids else None)
        return action or {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    # === BUSINESS METHODS - CHECKS === #

    @api.model
    def _get_codes(self):
        """Return the checks that there are. To be extended by each room.

        :return: What the method of each is called by, and what people call it.
        :rtype: list[tuple[str, str]]
        """
        return []

    @api.model
    def _get_method(self, verb, code):
        """Return the method that checks something, or mends it. To be extended where some share it.

        :param str verb: `check`, whose method takes a `Checkup` and returns a `Finding`, or `None`
                         where it does not apply; or `remedy`, whose method is one of the line and
                         returns an action, if there is one to go on with.
        :param str code: One of `_get_codes`.
        """
        return getattr(self, f'_{verb}_{code}')

    @api.model
    @quiet_sql()
    def _find(self, code, checkup):
        """Check one thing. Whatever goes wrong is what is found, and stops no other check.

        :param str code: One of `_get_codes`.
        :param Checkup checkup: What the checks share.
        :return: What was found, `None` if the check does not apply.
        :rtype: Finding | None
        """
        try:
            with self.env.cr.savepoint():
                return self._get_method('check', code)(checkup)
        except Exception as exception:
            return self._describe_obstacle(exception, checkup)

    @api.model
    def _describe_obstacle(self, exception, checkup):
        """Return why a check could not find out anything.

        :param Exception exception: What stopped it.
        :param Checkup checkup: What the checks share.
        :rtype: Finding
        """
        if isinstance(exception, Throttled):
            message = checkup.connection._get_error_reason(exception, self.env._("Check Now"))
        elif isinstance(exception, Unavailable):
            message = self.env._(
                "Amazon can't be asked at the moment. Press Check Now again in some minutes.",
            )
        elif isinstance(exception, Unauthorized):
            message = self.env._(
                "Amazon denies access, which may have other reasons. Press Check Now again in some"
                " minutes.",
            )
        else:
            message = self._get_failure_reason(exception)
        return Finding('unknown', message, answer=self._get_answer(exception))

    @api.model
    def _get_closed_sentence(self):
        """Return why nothing can be found out while Amazon does not let the account in."""
        return self.env._("Amazon can't be asked before it lets the account in, see Access.")

    # === BUSINESS METHODS - STORING === #

    @api.model
    def _store(self, account, findings):
        """Keep what was found, unless another worker keeps its own findings at this moment.

        :param amazon.account account: The account.
        :param dict findings: What was found by code; `None` removes the line.
        :return: None
        """
        if not account.try_lock_for_update(allow_referencing=True):
            return
        ranks = {code: rank for rank, (code, _label) in enumerate(self._get_codes())}
        checks = self.search([
            ('account_id', '=', account.id), ('code', 'in', list(findings)),
        ])
        known = {check.code: check for check in checks}
        for code, finding in findings.items():
            check = known.get(code, self.browse())
            if not finding:
                check.unlink()
                continue
            values = {
                'state': finding.state,
                'message': finding.message,
                'answer': finding.answer or False,
                'remedy': finding.remedy or False,
                'sequence': STATES.index(finding.state) * 1000 + ranks[code],
                'checked_at': fields.Datetime.now(),
            }
            if check:
                check.write(values)
            else:
                self.create({'account_id': account.id, 'code': code, **values})

    @api.model
    def _remove_obsolete(self, account):
        """Remove the lines of checks that there are no more.

        :param amazon.account account: The account.
        :return: None
        """
        codes = [code for code, _label in self._get_codes()]
        self.search([('account_id', '=', account.id), ('code', 'not in', codes)]).unlink()


class AmazonAccount(models.Model):
    """The check-up: when it is done, and who is told of it."""

    _inherit = 'amazon.account'

    check_ids = fields.One2many(
        comodel_name='amazon.check',
        inverse_name='account_id',
        string="Checks",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_user',
    )
    checked_at = fields.Datetime(
        string="Checked Last",
        compute='_compute_check_results',
        groups='amazon_connector.group_amazon_user',
    )
    to_mend_count = fields.Integer(
        string="To Mend",
        compute='_compute_check_results',
        groups='amazon_connector.group_amazon_user',
    )

    # === COMPUTE METHODS === #

    @api.depends('check_ids.state', 'check_ids.checked_at')
    def _compute_check_results(self):
        for account in self:
            checks = account.check_ids
            account.checked_at = max(checks.mapped('checked_at'), default=False)
            account.to_mend_count = len(checks.filtered(lambda check: check.state == 'error'))

    # === ACTION METHODS === #

    def action_check(self):
        """Check the account now.

        :return: The notification to show: how much is to be mended.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        # Salespeople and warehouse people may see accounts, but not what is wrong with them.
        self.env['amazon.check'].check_access('read')
        self._check_up(TimeBudget(SYNC_SECONDS))
        notification = self._notify(*self._summarize_checks())
        notification['params']['sticky'] = False  # The lines say it.
        return notification

    def action_open_checks(self):
        """Open the checks of the account.

        :rtype: dict
        """
        return self._open('amazon_connector.action_amazon_check')

    # === BUSINESS METHODS - CHECKING === #

    def _check_up(self, budget, codes=None):
        """Check the account, keep what is found, and tell the person in charge; commit it.

        :param TimeBudget budget: What Amazon can't be asked in it is left to the next time.
        :param list[str] codes: What to check; all by default.
        :return: None
        """
        self.ensure_one()
        # In sudo mode: only the connector writes the lines, and what it looks at is not for
        # everybody who may read what is found.
        account = self.sudo().with_company(self.company_id)
        Check = account.env['amazon.check']
        findings = account._find_out(budget, codes or [code for code, _label in Check._get_codes()])
        # Another worker may have kept its findings meanwhile.
        self.env['ir.cron']._commit_progress()
        with suppress(UniqueViolation), quiet_sql(), self.env.cr.savepoint():
            Check._store(account, findings)
        if not codes:
            Check._remove_obsolete(account)
        if account.active and account.state == 'connected':
            account._follow_up_failures()
        self.env['ir.cron']._commit_progress()

    def _find_out(self, budget, codes):
        """Check the account.

        :param TimeBudget budget: As `_check_up`.
        :param list[str] codes: What to check.
        :return: What was found by code, `None` where a check does not apply.
        :rtype: dict[str, Finding | None]
        """
        self.ensure_one()
        with Checkup(self, budget) as checkup:
            return {code: self.env['amazon.check']._find(code, checkup) for code in codes}

    def _summarize_checks(self):
        """Say how much is to be mended.

        :return: The sentence, and what kind of notification it is.
        :rtype: tuple[str, str]
        """
        self.ensure_one()
        states = self.check_ids.mapped('state')
        parts = [
            label for state, label in (
                ('error', self.env._("%(count)s to mend", count=states.count('error'))),
                ('warning', self.env._("1 warning") if states.count('warning') == 1
                 else self.env._("%(count)s warnings", count=states.count('warning'))),
                ('unknown', self.env._("%(count)s not known", count=states.count('unknown'))),
            ) if state in states
        ]
        kind = 'danger' if 'error' in states else 'warning' if 'warning' in states else 'success'
        results = ', '.join(parts) or self.env._("everything works")
        return self.env._("Check-up: %(results)s", results=results), kind

    @api.model
    def _cron_check(self):
        """Check all accounts that are connected and were not checked lately.

        :return: None
        """
        budget = TimeBudget(CRON_SECONDS)
        accounts = self._get_accounts_to_check()
        remaining = len(accounts)
        self.env['ir.cron']._commit_progress(remaining=remaining)
        for account in accounts:
            if budget.is_spent():
                break
            account[0]._check_up_safely(budget)  # Avoid prefetching after each cache invalidation.
            remaining -= 1
            if not self.env['ir.cron']._commit_progress(processed=1, remaining=remaining):
                break
        if remaining:
            self.env.ref('amazon_connector.ir_cron_check').sudo()._trigger()
            self.env['ir.cron']._commit_progress()

    @api.model
    def _get_accounts_to_check(self):
        """Return the accounts that are connected and were not checked lately.

        :return: They, those that were not checked for the longest time first.
        :rtype: amazon.account
        """
        accounts = self.sudo().search([('state', '=', 'connected')])
        checked = dict(self.env['amazon.check'].sudo()._read_group(
            [('account_id', 'in', accounts.ids)], ['account_id'], ['checked_at:min'],
        ))
        lately = fields.Datetime.now() - CHECK_PAUSE
        due = accounts.filtered(lambda account: checked.get(account, lately) <= lately)
        return due.sorted(lambda account: checked.get(account, lately - CHECK_PAUSE))

    @quiet_sql()
    def _check_up_safely(self, budget):
        """Check the account in the language of the person in charge. Whatever goes wrong is logged,
        and stops no other account.

        :param TimeBudget budget: As `_check_up`.
        :return: None
        """
        try:
            self.with_context(**self._get_ears())._check_up(budget)
        except Exception as exception:
            self.env.cr.rollback()
            log_failure(self, exception)

    # === BUSINESS METHODS - FOLLOWING UP === #

    def _follow_connecting(self):
        """Override of `amazon_connector` to check anew: what was found before no longer counts."""
        super()._follow_connecting()
        # In sudo mode: only the connector writes the lines.
        self.env['amazon.check'].sudo().search([('account_id', '=', self.id)]).unlink()
        self.env.ref('amazon_connector.ir_cron_check').sudo()._trigger()

    def _find_failures(self):
        """Override of `amazon_connector` to look for what the check-up has found."""
        failures = super()._find_failures()
        if failures:
            return failures
        to_mend = self.env['amazon.check'].sudo().search(
            Domain('account_id', '=', self.id) & Domain('state', '=', 'error'),
        )
        labels = dict(to_mend._get_codes())
        return to_mend and self.env._(
            "The check-up of the account has found what does not work: %(checks)s. The tab Check of"
            " the account says how to mend it.",
            checks=', '.join(labels[check.code] for check in to_mend if check.code in labels),
        ) or ''
