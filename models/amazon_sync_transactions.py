import logging
from datetime import datetime, timedelta

from odoo import fields, models

from ..amazon import finances
from ..amazon.errors import Rejected
from .tools import to_aware

_logger = logging.getLogger(__name__)

# Amazon may show a transaction two days after the time that it says of it.
OVERLAP = timedelta(hours=72)
FIRST_PERIOD = timedelta(days=30)
READ_EVERY = timedelta(minutes=45)
MAX_EXPIRIES = 2  # of a token, until it is a failure


class AmazonSync(models.Model):
    """The way of transactions in: what was posted since the last time, page after page.

    A page is stored and committed with the token of the next one, so that whatever interrupts the
    reading, it goes on where it was; where the token has expired, the period begins anew.
    """

    _inherit = 'amazon.sync'

    way = fields.Selection(
        selection_add=[('transactions', "Transactions")], ondelete={'transactions': 'cascade'},
    )
    # How many transactions of the period that was read last can't be read.
    left_out = fields.Integer(readonly=True, groups=fields.NO_ACCESS)

    # === BUSINESS METHODS === #

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'transactions':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_read_transactions').sudo()

    def _prepare_run(self, accounts):
        """Override of `amazon_connector`: who wants it now wants Amazon to be asked."""
        super()._prepare_run(accounts)
        if self.way == 'transactions':
            self._want_transactions()

    def _want_transactions(self):
        """See to it that Amazon is asked for new transactions next.

        :return: None
        """
        for sync in self:
            if not sync.window:
                sync.window = sync._begin_period()

    def _work(self, run):
        """Override of `amazon_connector` to read transactions."""
        if self.way != 'transactions':
            return super()._work(run)
        if not self.window and (
            not self.cursor or self.cursor < self._get_newest() - READ_EVERY
        ):
            self.window = self._begin_period()
        if not self.window:
            self._note_success(run)
            return False
        goes_on = False
        with self._call_amazon(run) as client:
            goes_on = self._read_next_transactions(client, run)
        if not goes_on and not self.window:
            self._note_success(run)
        return goes_on

    def _get_newest(self):
        """Return up to when Amazon can be asked.

        :return: The time (UTC, naive).
        :rtype: datetime
        """
        return fields.Datetime.now() - finances.NOT_YET

    def _begin_period(self, expiries=0, status=None):
        """Return how the reading of a period begins, as JSON keeps it.

        The first time, what is deferred still is read before all else: it may be older.

        :param int expiries: How many tokens have expired.
        :param str status: Only transactions of this status; empty: all of them.
        :rtype: dict
        """
        newest = self._get_newest()
        if status is None:
            status = '' if self.cursor else finances.DEFERRED
        if status:
            since = newest - finances.MAX_PERIOD
        else:
            since = self.cursor - OVERLAP if self.cursor else newest - FIRST_PERIOD
        until = min(newest, since + finances.MAX_PERIOD)
        return {
            'since': since.isoformat(),
            'until': until.isoformat(),
            'status': status,
            'token': '',
            'expiries': expiries,
        }

    def _read_next_transactions(self, client, run):
        """Read one page, store what it holds, and commit both.

        :param amazon.client.Client client: The client of the connection.
        :param Run run: What this run has done.
        :return: Whether there is more.
        :rtype: bool
        :raise AmazonError: If Amazon does not answer.
        """
        if not self.try_lock_for_update(allow_referencing=True) or not self.window:
            return False
        window = self.window
        since, until = (datetime.fromisoformat(window[name]) for name in ('since', 'until'))
        try:
            payload = finances.fetch_transactions_page(
                client, to_aware(since), to_aware(until), next_token=window['token'],
                status=window['status'],
            )
        except Rejected:
            if not window['token'] or window['expiries'] >= MAX_EXPIRIES:
                self.window = False
                self.env['ir.cron']._commit_progress()
                raise
            self.window = self._begin_period(window['expiries'] + 1, window['status'])
            self.env['ir.cron']._commit_progress()
            return True
        page = finances.parse_transactions(payload)
        for note in page.notes:
            _logger.warning("Transactions: %s", note)
        stored = self.env['amazon.transaction']._store(self.connection_id, page.transactions)
        run.outcomes['read'] += len(stored)
        self._end_turn()
        left_out = window.get('left_out', 0) + page.left_out
        if page.next_token:
            self.window = {**window, 'token': page.next_token, 'left_out': left_out}
        elif window['status']:
            self.window = self._begin_period(status='')
        else:
            self.write({'cursor': until, 'window': False})
        if not page.next_token:
            self._note_left_out(left_out)
        self.env['amazon.refund']._wake()
        self.env['ir.cron']._commit_progress()
        return bool(self.window) or until < self._get_newest() - READ_EVERY

    def _note_left_out(self, count):
        """Tell the person in charge of transactions that can't be read. Periods overlap: what was
        told of once is not told of again.

        :param int count: How many there are in a period.
        :return: None
        """
        if count > self.left_out and self._is_counted_on():
            self.connection_id._get_first_account()._warn_person_in_charge(self.env._(
                "Transactions on Amazon that can't be read: %(count)s. A refund among them is here"
                " when its settlement comes in, not before. The server log names the fields that"
                " are odd.",
                count=count,
            ))
        self.left_out = count

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way."""
        if self.way != 'transactions':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let its transactions be read: refunds come with settlements only. Give"
            " the app the role Finance and Accounting in Seller Central and authorize it again.",
        )
