from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..amazon import listings
from ..amazon.errors import Unavailable
from .amazon_stock_level import READ_BACK_MINUTES
from .amazon_sync_mixin import BACK_OFF_MINUTES

# A feed takes Amazon some five minutes, in which it takes as many calls of five a second. It also
# recommends feeds for more.
FEED_FROM = 1500
# Calculated together, shortly before they are sent one by one.
BATCH_SIZE = 20
CHANNEL_KNOWN = timedelta(days=1)


class AmazonStockLevel(models.Model):
    """How Amazon is told of quantities: few by calls, many in feeds, and what it shows of them."""

    _inherit = 'amazon.stock.level'

    # === BUSINESS METHODS === #

    def _wake_sender(self, at=None):
        """Let the cron that sends these run.

        :param datetime at: When (UTC, naive); as soon as they are committed if not given.
        :return: None
        """
        self.env.ref('amazon_connector.ir_cron_send_stock').sudo()._trigger(at=at)

    @api.model
    def _wake_reader(self):
        """Let the cron look at Amazon's data when what was just sent is to be in them."""
        self._wake_sender(fields.Datetime.now() + timedelta(minutes=READ_BACK_MINUTES[0]))

    @api.model
    def _get_next_try_anyway(self, attempts):
        """Return when to try again what no person has to wait for.

        :param int attempts: The failures so far.
        :rtype: datetime
        """
        return self._get_next_try(min(attempts, len(BACK_OFF_MINUTES)))

    def _build_patch(self):
        """Return what Amazon is to be told.

        :rtype: amazon.listings.QuantityPatch
        """
        return listings.QuantityPatch(self.target)

    # === BUSINESS METHODS - WHAT IS DUE === #

    @api.model
    def _get_due_domain(self):
        """Override of `amazon.queue.mixin`: what an open feed says is left to it."""
        return super()._get_due_domain() & Domain('is_told', '=', True) & Domain(
            'waits_for_feed', '=', False,
        )

    @api.model
    def _get_account_domain(self, account, run):
        """Return the domain of what an account may tell now.

        :param amazon.account account: The account that sends.
        :param Run run: What it has tried is not taken up again.
        :rtype: Domain
        """
        return (
            run.domain
            & Domain('account_id', '=', account.id)
            & Domain('marketplace_id', 'in', account.synced_marketplace_ids.ids)
            & Domain('id', 'not in', list(run.tried))
        )

    @api.model
    def _get_known_channel_domain(self):
        """Return the domain of what Amazon has shown within a day to be shipped by the seller, and
        by nobody else: to send a quantity for any other would take it away from FBA.

        :rtype: Domain
        """
        return Domain('offer_id.channel', '=', 'fbm') & Domain(
            'offer_id.channel_read_at', '>', fields.Datetime.now() - CHANNEL_KNOWN,
        )

    @api.model
    def _get_sendable_domain(self):
        """Return the domain of what may be sent, as the account is set now and Amazon was read.

        :rtype: Domain
        """
        return self._get_known_channel_domain() & Domain([
            ('account_id.stock_push', '=', 'on'),
            ('account_id.active', '=', True),
            ('account_id.is_started', '=', True),
        ])

    def _is_due(self):
        """Return whether it is still to be sent, now that nobody else can change it.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.filtered_domain(
            self._get_due_domain() & self._get_sendable_domain(),
        ))

    # === BUSINESS METHODS - CHANNELS === #

    @api.model
    def _read_channels(self, client, account, run):
        """Ask Amazon who ships what is due, unless it has told within a day. Commit each answer.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account that sends.
        :param Run run: No call is begun when its budget is spent.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        while not run.budget.is_spent():
            levels = self._take_group(
                self._get_account_domain(account, run)
                & self._get_due_domain()
                & ~self._get_known_channel_domain(),
            )
            if not levels:
                return
            self._read(client, levels)
        self._wake_sender()

    @api.model
    def _take_group(self, domain, order=None):
        """Return levels that one call can ask Amazon about, locked.

        :param Domain domain: Which of them.
        :param str order: Which first.
        :rtype: amazon.stock.level
        """
        first = self.search(domain, order=order, limit=1)
        return self.search(
            domain & Domain('marketplace_id', '=', first.marketplace_id.id),
            order=order,
            limit=listings.MAX_IDENTIFIERS,
        ).try_lock_for_update(allow_referencing=True)

    @api.model
    def _read(self, client, levels):
        """Read what Amazon shows of levels of a marketplace, and act on it. Commit it.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.stock.level levels: As many as one call takes.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        readings = levels.offer_id._read_listings(client)
        for level in levels.filtered(lambda level: level.offer_id in readings):
            reading = readings[level.offer_id]
            if isinstance(reading, Exception):
                level._note_failure_safely(reading)
            else:
                level._do_safely(lambda level, item=reading: level._take_reading(item))
        self.env['ir.cron']._commit_progress()

    # === BUSINESS METHODS - SENDING === #

    @api.model
    def _send_due(self, client, account, run):
        """Tell Amazon of the quantities that are due: few by calls, many in feeds.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account that sends.
        :param Run run: No call is begun when its budget is spent. It counts how many offers were
                        `sent`, `fed` into a feed, `failed`.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        for marketplace in account.synced_marketplace_ids:
            self._feed_many(account, marketplace, run)
        while not run.budget.is_spent():
            due = self.search(
                self._get_account_domain(account, run)
                & self._get_due_domain()
                & self._get_known_channel_domain(),
                limit=BATCH_SIZE,
            )
            if not due:
                return
            run.tried.update(due.ids)
            due._send_each(client, run)
        self._wake_sender()

    def _send_each(self, client, run):
        """Tell Amazon of these one by one, as they are now; commit each.

        :param amazon.client.Client client: The client of the connection.
        :param Run run: As `_send_due`.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        self.try_lock_for_update(allow_referencing=True)._recalculate()
        self._wake_reader()
        self.env['ir.cron']._commit_progress()
        for level in self:
            level = level[0]  # Avoid prefetching after each cache invalidation.
            if run.budget.is_spent():
                return
            if not level.try_lock_for_update(allow_referencing=True) or not level._is_due():
                continue
            try:
                outcome = level._do_safely(lambda level: level._send(client))
            except Unavailable as error:
                # Amazon may have taken it. Sent again, it says the same.
                level._mark_open(
                    self.env._("Amazon did not answer. It is told again by itself."),
                    self._get_answer(error),
                )
                self.env['ir.cron']._commit_progress()
                raise
            run.outcomes[outcome or 'failed'] += 1
            self.env['ir.cron']._commit_progress()

    def _send(self, client):
        """Tell Amazon of the quantity.

        :param amazon.client.Client client: The client of the connection.
        :return: `sent`.
        :rtype: str
        :raise AmazonError: If Amazon does not take it.
        """
        self.ensure_one()
        submission = listings.patch_listing(
            client,
            self.account_id.seller_id,
            self.marketplace_id.api_ref,
            self.offer_id.sku,
            [self._build_patch()],
        )
        if not submission.is_accepted:
            raise listings.build_refusal(
                listings.PATCH_OPERATION, submission.errors or submission.issues,
            )
        self._mark_sent(self.target, submission.issues)
        return 'sent'

    @api.model
    def _feed_many(self, account, marketplace, run):
        """Put the quantities that are due on a marketplace into a feed, if they are many.

        Where Amazon's last answer is in doubt, calls tell more than feeds. A feed waits until it is
        known of all who ships them; meanwhile, calls do what they can.

        :param amazon.account account: The account that sends.
        :param amazon.marketplace marketplace: The marketplace.
        :param Run run: It counts how many were `fed` into a feed, `failed`.
        :return: None
        """
        domain = (
            self._get_account_domain(account, run)
            & self._get_due_domain()
            & Domain('marketplace_id', '=', marketplace.id)
            & Domain('feed_id', '=', False)
            & Domain('attempts', '=', 0)
        )
        known = self._get_known_channel_domain()
        if self.search_count(domain & known, limit=FEED_FROM) < FEED_FROM:
            return
        if self.search_count(domain & ~known, limit=1):
            return
        levels = self.search(domain & known, limit=self._feed_size).try_lock_for_update(
            allow_referencing=True,
        )
        levels._recalculate()
        feeds = levels.filtered_domain(domain & known)._put_in_feed()
        self.env['ir.cron']._commit_progress()
        run.outcomes['fed'] += sum(feeds.mapped('message_count'))
        run.outcomes['failed'] += len(levels.filtered(lambda level: level.state == 'failed'))

    # === BUSINESS METHODS - READING BACK === #

    @api.model
    def _read_back(self, client, account, run):
        """Look whether Amazon shows what it has accepted. Commit each answer.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.account account: The account that has sent it.
        :param Run run: No call is begun when its budget is spent.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        while not run.budget.is_spent():
            levels = self._take_group(
                run.domain
                & Domain('account_id', '=', account.id)
                & Domain('state', '=', 'sent')
                & Domain('read_next', '<=', fields.Datetime.now()),
                'read_next, id',
            )
            if not levels:
                return
            self._read(client, levels)
        self._wake_sender()
