from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.exceptions import MissingError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools.misc import get_lang

from ..amazon.errors import Throttled, Unauthorized, Unavailable
from .quiet import log_failure, quiet_sql
from .tools import SYNC_SECONDS, TimeBudget
from .vault import KeyUnusable

# With these, Amazon lets nobody in; with others, a role is missing.
CREDENTIAL_CODES = {'invalid_grant', 'invalid_client', 'unauthorized_client'}
AT_ONCE = timedelta(seconds=5)
RETRY_PAUSE = timedelta(minutes=1)  # what takes less is not worth mentioning
# Longer than the crons' interval, so that who waits renews it; it lapses for who does not ask.
TURN_KEPT = timedelta(minutes=15)
# Connections that agree in these share Amazon's quotas.
QUOTA_FIELDS = ('seller_id', 'lwa_client_id', 'environment', 'region', 'spapi_endpoint')


class Run:
    """What one run of a cron or button has done, for all connections that it serves.

    :param TimeBudget budget: Nothing is begun when it is spent.
    :param Domain domain: Which records it is about.
    """

    def __init__(self, budget, domain=Domain.TRUE):
        self.budget = budget
        self.domain = domain
        self.outcomes = Counter()
        self.tried = set()  # the ids of records that are not taken up again
        self.interrupted = set()  # the ids of the syncs that keep why
        self.up_to_date = set()  # the ids of the syncs that have done what is new


class AmazonSync(models.Model):
    """A way between a connection and Odoo: how far it is, and what is wrong with it.

    Each way adds itself to the selection, and says in `_get_cron` and `_work` who does it and how.
    Its row is what two workers take turns by, so that nobody waits for a connection or account.
    """

    _name = 'amazon.sync'
    _description = "Amazon Way"
    _inherit = ['amazon.sync.mixin']
    _rec_name = 'way'
    _order = 'connection_id, id'

    connection_id = fields.Many2one(
        comodel_name='amazon.connection',
        required=True,
        index=True,
        readonly=True,
        ondelete='cascade',
    )
    connection_state = fields.Selection(related='connection_id.state')
    way = fields.Selection(selection=[], required=True, readonly=True)
    cursor = fields.Datetime(
        help="Everything that changed on Amazon until then is in Odoo.", readonly=True,
    )
    window = fields.Json(
        help="What the quota or a failure interrupted, as the way goes on with it.",
        readonly=True,
        groups=fields.NO_ACCESS,
    )
    last_run = fields.Datetime(
        string="Last Try",
        help="When Amazon was asked last, with or without success; not when its quota forbade it.",
        readonly=True,
    )
    last_success = fields.Datetime(
        help="When it did last what was due, or as much as there was time for, and nothing was"
             " wrong.",
        readonly=True,
    )
    age = fields.Char(string="Worked Last", compute='_compute_age')
    last_error = fields.Char(readonly=True)
    last_error_date = fields.Datetime(readonly=True)
    next_run = fields.Datetime(compute='_compute_next_run', compute_sudo=True)
    turn = fields.Integer(
        help="Tells the order in which ways were served in the same second.", readonly=True,
    )
    keeps_turn_until = fields.Datetime(
        help="The quota was used up when this connection wanted to call: until then, others of the"
             " same seller that were served later leave it a call.",
        readonly=True,
    )

    _connection_way_uniq = models.Constraint(
        'UNIQUE(connection_id, way)', "The connection has this way already.",
    )

    # === COMPUTE METHODS === #

    @api.depends('last_success')
    def _compute_age(self):
        locale = get_lang(self.env).code
        for sync in self:
            sync.age = sync.last_success and format_timedelta(
                sync.last_success - fields.Datetime.now(), add_direction=True, locale=locale,
            )

    def _compute_next_run(self):
        for sync in self:
            cron = sync._get_cron()
            triggers = self.env['ir.cron.trigger'].search([('cron_id', '=', cron.id)])
            moments = [cron.nextcall, *triggers.mapped('call_at')] if cron.active else []
            sync.next_run = min(moments, default=False)

    # === ACTION METHODS === #

    def action_run(self):
        """Do what is due in this way now.

        :return: The notification to show.
        :rtype: dict
        """
        self.ensure_one()
        # Of archived accounts, `_get_syncable` says that they are.
        connection = self.connection_id
        accounts = connection.account_ids or connection._get_first_account()
        accounts = accounts._get_syncable()
        self._prepare_run(accounts)
        accounts.connection_id._get_sync(self.way)._run(Run(TimeBudget(SYNC_SECONDS)))
        return accounts[:1]._notify_with_errors(self.env._("Done"), 0, [])

    # === BUSINESS METHODS - WAYS === #

    @api.model
    def _get_ways(self):
        """Return the ways that there are.

        :rtype: list[str]
        """
        return [way for way, _label in self._fields['way']._description_selection(self.env)]

    def _get_cron(self):
        """Return the cron that does this way. To be extended by each way.

        :return: It, in sudo mode.
        :rtype: ir.cron
        """
        return self.env['ir.cron'].sudo()

    def _get_operation_in_turn(self):
        """Return the operation of Amazon's that is so scarce that connections take turns by it.

        To be extended by a way that has one.

        :rtype: str | None
        """
        return None

    def _prepare_run(self, accounts):
        """Prepare what a person wants to be done now. To be extended by ways that are started so.

        :param amazon.account accounts: The accounts of the connection, in sudo mode.
        :return: None
        """

    def _work(self, run):
        """Do a part of what is due, and commit it. To be extended by each way.

        Amazon is called through `_call_amazon`, for each thing that must not stop the next one.

        :param Run run: What this run has done, and what time it has.
        :return: Whether there is more to do.
        :rtype: bool
        """
        raise NotImplementedError

    # === BUSINESS METHODS - RUNNING === #

    @api.model
    def _run_way(self, way, budget):
        """Do what is due in a way, for all connections in turn.

        :param str way: The way.
        :param TimeBudget budget: What is not done when it is spent is left to the next run.
        :return: The run.
        :rtype: Run
        """
        run = Run(budget)
        self._get_due(way)._run(run)
        return run

    @api.model
    def _get_due(self, way):
        """Return the syncs of a way whose connections work.

        :rtype: amazon.sync
        """
        return self.sudo().search_fetch([
            ('way', '=', way),
            ('connection_id.state', '=', 'connected'),
            ('connection_id.active', '=', True),
        ], ['last_run', 'turn'])

    def _run(self, run):
        """Do what is due, a part of each in turn; whatever goes wrong is kept on its sync.

        Who was served longest ago comes first, so that none starves when time or quota runs out.

        :param Run run: What is done, and what time there is.
        :return: None
        """
        queue = list(self.sorted(lambda sync: sync._get_turn()))
        self.env['ir.cron']._commit_progress(remaining=len(queue))
        while queue and not run.budget.is_spent():
            sync = queue.pop(0)[0]  # Avoid prefetching after each cache invalidation.
            goes_on = sync._work_safely(run)
            if goes_on:
                queue.append(sync)
            if not self.env['ir.cron']._commit_progress(processed=1, remaining=len(queue)):
                break
        if queue:
            queue[0]._get_cron()._trigger()
            self.env['ir.cron']._commit_progress()

    @quiet_sql()
    def _work_safely(self, run):
        """Do a part of what is due; whatever goes wrong is kept here.

        :return: As `_work`.
        :rtype: bool
        """
        try:
            accounts = self.connection_id.account_ids
            self = self.with_context(**self.connection_id._get_first_account()._get_ears())
            goes_on = self._work(run)
            if not goes_on:
                accounts._follow_up_failures()
        except Exception as exception:
            self.env.cr.rollback()
            self._note_interruption(exception)
            return False
        return goes_on

    @contextmanager
    def _call_amazon(self, run):
        """Open a client for a job of this way; whatever interrupts the job is kept here.

        What the job has not committed is rolled back then.

        :param Run run: The run that the job belongs to.
        :return: The client.
        :rtype: amazon.client.Client
        """
        self.ensure_one()
        with self.connection_id._get_client(self) as client:
            try:
                yield client
            except Exception as exception:
                self.env.cr.rollback()
                run.interrupted.add(self.id)
                self._note_interruption(exception)

    def _note_interruption(self, exception):
        """Keep why a job was interrupted, and see to it that it goes on.

        If another worker has taken over meanwhile, its outcome is the one to keep. What can't be
        kept is logged.

        :param Exception exception: What interrupted the job.
        :return: None
        """
        now = fields.Datetime.now()
        retry_at = now + RETRY_PAUSE
        if isinstance(exception, Throttled):
            retry_at = exception.retry_at.replace(tzinfo=None) + timedelta(seconds=1)
        try:
            cron = self._get_cron()
            is_conflict = isinstance(exception, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)
            if is_conflict or retry_at < now + AT_ONCE:
                # For a time to come Odoo wakes up once a minute only. To start the job anew takes
                # about as long as a quota of some calls a second needs to have one again.
                cron._trigger()
            else:
                if isinstance(exception, (Throttled, Unavailable)):
                    cron._trigger(at=retry_at)
                if self.try_lock_for_update(allow_referencing=True):
                    if retry_at >= now + RETRY_PAUSE:
                        self._mark_error(exception)
                    self._note_turn(exception)
            self.env['ir.cron']._commit_progress()
        except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, MissingError):
            self.env.cr.rollback()
        except Exception as second:
            self.env.cr.rollback()
            log_failure(self, second)

    def _mark_error(self, exception):
        """Keep what went wrong. What only a person can mend for all ways stops the connection.

        :param Exception exception: What went wrong.
        :return: None
        """
        self.ensure_one()
        is_denied = isinstance(exception, Unauthorized) and not (
            CREDENTIAL_CODES & set(exception.codes)
        )
        denial = self._get_denial_reason() if is_denied else None
        if denial is not None:
            self.write({
                'last_error': denial and f'{denial} ({exception})',
                'last_error_date': fields.Datetime.now(),
            })
            return
        reason = self.connection_id._get_error_reason(exception)
        self.write({'last_error': reason, 'last_error_date': fields.Datetime.now()})
        if isinstance(exception, (Unauthorized, KeyUnusable)):
            self.connection_id._mark_unauthorized(exception, reason)

    def _get_denial_reason(self):
        """Return what to do when Amazon lets everything in but this way. To be extended by each way
        without which the others go on.

        :return: A sentence, empty if it does not matter; `None` if it stops all ways.
        :rtype: str | None
        """
        return None

    def _is_counted_on(self):
        """Return whether somebody counts on the way. To be extended by ways that begin by
        themselves, wanted or not: who does not use them is asked for nothing.

        :rtype: bool
        """
        return True

    def _note_success(self, run):
        """Keep that what was due is done, unless something interrupted it; commit it.

        If another worker keeps its own outcome at this moment, that is as good.

        :param Run run: What was done.
        :return: None
        """
        self.ensure_one()
        if self.id in run.interrupted:
            return
        self.env['ir.cron']._commit_progress()
        try:
            if self.try_lock_for_update(allow_referencing=True):
                self._end_turn()
                self._mark_success()
            self.env['ir.cron']._commit_progress()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            self.env.cr.rollback()

    def _mark_success(self, **values):
        """Keep that all that was due is done.

        :param values: What else is to be remembered.
        :return: None
        """
        self.write({
            'last_success': fields.Datetime.now(),
            'last_error': False,
            'last_error_date': False,
            **values,
        })

    # === BUSINESS METHODS - TURNS === #

    def _count_ahead_in_turn(self):
        """Return how many connections that share the quota wait for it before this one.

        Whoever was served longest ago comes first.

        :rtype: int
        """
        self.ensure_one()
        waiting = self.search([
            *((f'connection_id.{name}', '=', self.connection_id[name]) for name in QUOTA_FIELDS),
            ('id', '!=', self.id),
            ('way', '=', self.way),
            ('connection_id.state', '=', 'connected'),
            ('connection_id.active', '=', True),
            ('keeps_turn_until', '>', fields.Datetime.now()),
        ])
        return sum(sync._get_turn() < self._get_turn() for sync in waiting)

    def _get_turn(self):
        """Return what connections that share a quota are served by, in ascending order."""
        self.ensure_one()
        return self.last_run or datetime.min, self.turn, self.id

    def _end_turn(self):
        """Let all others that wait for the quota come first.

        :return: None
        """
        self.ensure_one()
        last = self.search_fetch([], ['turn'], order='turn desc NULLS LAST', limit=1)
        self.write({
            'last_run': fields.Datetime.now(),
            'turn': last.turn + 1,
            'keeps_turn_until': False,
        })

    def _note_turn(self, error):
        """Keep the turn of a connection that the quota did not let call; else it has had its turn.

        :param Exception error: What interrupted a job.
        :return: None
        """
        self.ensure_one()
        if not isinstance(error, Throttled):
            self._end_turn()
        elif error.operation == self._get_operation_in_turn():
            self.keeps_turn_until = fields.Datetime.now() + TURN_KEPT
