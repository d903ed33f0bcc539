from datetime import timedelta
from functools import partial

from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime
from odoo.tools.misc import get_lang

from odoo.addons.base.models.ir_cron import _intervalTypes

from .amazon_check import Finding
from .tools import TimeBudget

WAY_PREFIX = 'way_'
# What takes less is not worth mentioning: it is tried again, or a worker was busy.
PATIENCE = timedelta(hours=1)
MISSED_RUNS = 3


class AmazonCheck(models.Model):
    """The checks of the ways, whatever they carry, and of the crons that do the work."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check each way, and the crons."""
        ways = self.env['amazon.sync']._fields['way']._description_selection(self.env)
        return [
            *super()._get_codes(),
            *(
                (WAY_PREFIX + way, self.env._("Synchronization: %(way)s", way=label))
                for way, label in ways
            ),
            ('crons', self.env._("Scheduled Actions")),
        ]

    @api.model
    def _get_method(self, verb, code):
        """Override of `amazon_connector`: all ways share a method."""
        if not code.startswith(WAY_PREFIX):
            return super()._get_method(verb, code)
        return partial(getattr(self, f'_{verb}_way'), code.removeprefix(WAY_PREFIX))

    # === BUSINESS METHODS - WAYS === #

    @api.model
    def _check_way(self, way, checkup):
        """Find out whether a way works, and when it did last."""
        sync = checkup.connection._get_sync(way)
        if checkup.connection.state == 'draft':
            return Finding('unknown', self.env._("It begins when the account is connected."))
        if sync.last_error:
            return self._describe_failure(sync)
        run_now = self.env._("Run Now")
        if self._waits_for_start(sync, checkup.account):
            return Finding('warning', self.env._(
                "Nothing is fetched before somebody has said from when and where to: press Start.",
            ), self.env._("Start"))
        if not sync.last_success:
            return Finding('unknown', self.env._(
                "It has not worked yet: wait for its scheduled action, or press Run Now.",
            ), run_now)
        now = fields.Datetime.now()
        allowed = max(PATIENCE, (now + MISSED_RUNS * self._get_interval(sync._get_cron())) - now)
        if sync.last_success < now - allowed:
            return Finding('warning', self.env._(
                "%(success)s It should work every few minutes: look at Scheduled Actions in this"
                " list, or press Run Now.",
                success=self._describe_success(sync),
            ), run_now)
        return Finding('ok', self._describe_success(sync))

    @api.model
    def _waits_for_start(self, sync, account):
        """Return whether a way has not begun since nobody has started the account.

        :param amazon.sync sync: The way.
        :param amazon.account account: The account.
        :rtype: bool
        """
        return not (account.is_started or sync.last_success)

    @api.model
    def _describe_failure(self, sync):
        """Return that a way has failed: to be mended, unless it has worked lately or nobody counts
        on it.

        :param amazon.sync sync: The way.
        :rtype: Finding
        """
        works = sync.last_success and sync.last_success > fields.Datetime.now() - PATIENCE
        return Finding(
            'warning' if works or not sync._is_counted_on() else 'error',
            self.env._(
                "It failed at %(time)s. %(success)s The tab Synchronization says why.",
                time=format_datetime(self.env, sync.last_error_date, dt_format='short'),
                success=self._describe_success(sync),
            ),
            self.env._("Run Now"),
            sync.last_error,
        )

    @api.model
    def _describe_success(self, sync):
        """Return when a way has worked last, as long as what was found may be read.

        :param amazon.sync sync: The way.
        :rtype: str
        """
        if not sync.last_success:
            return self.env._("It has never worked yet.")
        age = fields.Datetime.now() - sync.last_success
        return self.env._(
            "It worked last at %(time)s, %(age)s before this check.",
            time=format_datetime(self.env, sync.last_success, dt_format='short'),
            age=format_timedelta(age, locale=get_lang(self.env).code),
        )

    def _remedy_way(self, way):
        """Do what is due in a way now."""
        if self._waits_for_start(self.account_id.connection_id._get_sync(way), self.account_id):
            return self.account_id._get_start_action()
        # In sudo mode: as `_get_sync`; what it does checks by itself who may do it.
        sync = self.account_id.connection_id._get_sync(way).with_user(self.env.user)
        return sync.action_run()

    # === BUSINESS METHODS - CRONS === #

    @api.model
    def _get_crons(self, account):
        """Return the crons that do the work. To be extended by each way that has further ones.

        :param amazon.account account: The account, in sudo mode.
        :return: What each does, as people call it, and the cron.
        :rtype: list[tuple[str, ir.cron]]
        """
        ways = dict(self.env['amazon.sync']._fields['way']._description_selection(self.env))
        return [
            *((ways[sync.way], sync._get_cron()) for sync in account.connection_id.sync_ids),
            (self.env._("Check"), self.env.ref('amazon_connector.ir_cron_check').sudo()),
        ]

    @api.model
    def _check_crons(self, checkup):
        """Find crons that are switched off, or late."""
        account = checkup.account
        off = [
            account._get_cron_problem(label, cron)
            for label, cron in self._get_crons(account) if not cron.active
        ]
        if off:
            # A copy is meant to stand still.
            state = 'warning' if checkup.connection.is_copy else 'error'
            return Finding(state, '\n'.join(off), self.env._("Open Scheduled Actions"))
        now = fields.Datetime.now()
        late = [
            label for label, cron in self._get_crons(account)
            if cron.nextcall + self._get_interval(cron) + PATIENCE < now
        ]
        if late:
            return Finding('warning', self.env._(
                "%(ways)s: the scheduled actions should have run long ago. Odoo may run without"
                " workers for them (max_cron_threads), or be busy; who administers the server looks"
                " at its log.",
                ways=', '.join(late),
            ), self.env._("Open Scheduled Actions"))
        return Finding('ok', self.env._("All scheduled actions are switched on and in time."))

    def _remedy_crons(self):
        """Open the crons."""
        if not self.env.user._is_system():
            raise UserError(self.env._(
                "Only a system administrator may see scheduled actions: ask one to look at Settings"
                " ▸ Technical ▸ Scheduled Actions.",
            ))
        crons = [cron.id for _label, cron in self._get_crons(self.account_id.sudo())]
        action = self.env['ir.actions.act_window']._for_xml_id('base.ir_cron_act')
        return {
            **action,
            'domain': [('id', 'in', crons), ('active', 'in', (True, False))],
            'context': {'active_test': False},
        }

    @api.model
    def _get_interval(self, cron):
        """Return how long a cron waits from one run to the next.

        :param ir.cron cron: The cron.
        :rtype: relativedelta
        """
        return _intervalTypes[cron.interval_type](cron.interval_number)


class AmazonSync(models.Model):
    """What works again is nobody's concern any more."""

    _inherit = 'amazon.sync'

    def _mark_success(self, **values):
        """Override of `amazon_connector` to correct what a check-up found while it failed."""
        super()._mark_success(**values)
        code = WAY_PREFIX + self.way
        for check in self.env['amazon.check'].search([
            ('account_id', 'in', self.connection_id.account_ids.ids),
            ('code', '=', code),
            ('state', '=', 'error'),
        ]):
            check._store(check.account_id, check.account_id._find_out(TimeBudget(0), [code]))
