from datetime import timedelta

from odoo import fields, models

from ..amazon import transfers
from ..amazon.errors import Rejected
from .tools import to_aware

FIRST_LOOK = timedelta(days=89)
LOOK_EVERY = timedelta(hours=20)
# So long a payout may change: banks send back what has arrived, too.
OVERLAP = timedelta(days=30)
MAX_EXPECTED_PAGES = 20
MAX_EXPIRIES = 2  # of a token, until it is a failure


class AmazonSync(models.Model):
    """The way of payouts in: what Amazon has sent to the bank, and what it is about to."""

    _inherit = 'amazon.sync'

    way = fields.Selection(
        selection_add=[('payouts', "Payouts")], ondelete={'payouts': 'cascade'},
    )

    # === BUSINESS METHODS === #

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'payouts':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_read_payouts').sudo()

    def _prepare_run(self, accounts):
        """Override of `amazon_connector`: who wants it now wants Amazon to be asked."""
        super()._prepare_run(accounts)
        if self.way == 'payouts':
            self._want_payouts()

    def _want_payouts(self):
        """See to it that Amazon is asked for payouts next.

        :return: None
        """
        for sync in self.filtered(lambda sync: not sync.window):
            sync.window = sync._begin_payouts()

    def _work(self, run):
        """Override of `amazon_connector` to read a page of payouts, at last what is expected."""
        if self.way != 'payouts':
            return super()._work(run)
        if not self.window and self._is_payout_look_due():
            self.window = self._begin_payouts()
        if self.window:
            with self._call_amazon(run) as client:
                return self._read_payouts(client)
            return False
        self._note_success(run)
        return False

    def _is_payout_look_due(self):
        """Return whether Amazon is to be asked: each day, and for each new settlement.

        :rtype: bool
        """
        if not self.cursor or self.cursor < fields.Datetime.now() - LOOK_EVERY:
            return True
        return bool(self.env['amazon.settlement'].search_count([
            ('account_id', 'in', self.connection_id.account_ids.ids),
            ('create_date', '>=', self.cursor),
            ('payout_ids', '=', False),
        ], limit=1))

    def _begin_payouts(self, expiries=0):
        """Return how a look at Amazon's payouts begins, as JSON keeps it.

        :param int expiries: How many tokens have expired.
        :rtype: dict
        """
        now = fields.Datetime.now()
        since = self.cursor - OVERLAP if self.cursor else now - FIRST_LOOK
        return {
            'since': fields.Datetime.to_string(since),
            'begun_at': fields.Datetime.to_string(now),
            'token': '',
            'expiries': expiries,
        }

    def _read_payouts(self, client):
        """Read one page of payouts, after the last one what is expected, and commit it.

        :param amazon.client.Client client: The client of the connection.
        :return: Whether there is more to do.
        :rtype: bool
        :raise AmazonError: If Amazon does not answer.
        """
        if not self.try_lock_for_update(allow_referencing=True) or not self.window:
            return False
        window, Payout = self.window, self.env['amazon.payout']
        if not window.get('is_expected'):
            try:
                payload = transfers.fetch_payouts_page(
                    client,
                    to_aware(fields.Datetime.to_datetime(window['since'])),
                    window['token'],
                )
            except Rejected:
                expiries = window.get('expiries', 0)
                if not window['token'] or expiries >= MAX_EXPIRIES:
                    self.window = False
                    self.env['ir.cron']._commit_progress()
                    raise
                self.window = self._begin_payouts(expiries + 1)
                self.env['ir.cron']._commit_progress()
                return True
            page = transfers.parse_payouts(payload)
            Payout._store(self.connection_id, page)
            self.window = {
                **window, 'token': page.next_token, 'is_expected': not page.next_token,
            }
            self.env['ir.cron']._commit_progress()
            return True
        Payout._store_expected(self.connection_id, self._fetch_expected(client))
        self.write({
            'cursor': fields.Datetime.to_datetime(window['begun_at']), 'window': False,
        })
        self.env['amazon.settlement']._wake_matching()
        self.env['ir.cron']._commit_progress()
        return True

    def _fetch_expected(self, client):
        """Return the pages of what Amazon expects to pay out; they replace what was expected.

        :param amazon.client.Client client: The client of the connection.
        :rtype: list[amazon.transfers.ExpectedPayoutPage]
        """
        pages, token = [], ''
        while len(pages) < MAX_EXPECTED_PAGES:
            page = transfers.parse_expected_payouts(
                transfers.fetch_expected_payouts_page(client, token),
            )
            pages.append(page)
            token = page.next_token
            if not token:
                break
        return pages

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way."""
        if self.way != 'payouts':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let its payouts be read. Give the app the role Finance and Accounting"
            " in Seller Central and authorize it again.",
        )
