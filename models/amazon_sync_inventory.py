from datetime import datetime, timedelta

from odoo import fields, models

from ..amazon import inventory
from ..amazon.errors import Rejected
from .tools import to_aware

# Every hour what has changed, and in the night everything: Amazon tells of no change of what is on
# its way.
CHANGES_AFTER = timedelta(minutes=45)
NIGHT_HOUR = 2  # UTC
# Amazon's figures may appear a little after the time of their change.
CHANGES_OVERLAP = timedelta(minutes=30)
# Page tokens live for 30 seconds. Where they expire so often it is asked SKU by SKU, without them.
MAX_EXPIRIES = 2
# By these Login with Amazon refuses the credentials, which every way needs.


class AmazonSync(models.Model):
    """The way of Amazon's own stock in: marketplace after marketplace, page after page.

    A page is stored and committed with the token of the next one, so that whatever interrupts the
    reading, it goes on where it was; where the token has expired, it begins anew.
    """

    _inherit = 'amazon.sync'

    way = fields.Selection(
        selection_add=[('inventory', "FBA Inventory")], ondelete={'inventory': 'cascade'},
    )
    readings = fields.Json(
        help="Of each marketplace, by Amazon's identifier, as of when its stock is known"
             " (`read_at`), since when it need not be read in full (`full_at`), and when it was"
             " without leaving out what was not known (`whole_at`): times in ISO 8601.",
        readonly=True,
        groups=fields.NO_ACCESS,
    )

    # === BUSINESS METHODS - RUNNING === #

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'inventory':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_read_inventory').sudo()

    def _prepare_run(self, accounts):
        """Override of `amazon_connector`: who wants it now wants all of it."""
        super()._prepare_run(accounts)
        if self.way == 'inventory':
            self._want_all(accounts.filtered('is_started').synced_marketplace_ids)

    def _want_all(self, marketplaces):
        """See to it that marketplaces are read in full next, unless they are being read so.

        :param amazon.marketplace marketplaces: The marketplaces.
        :return: None
        """
        for sync in self:
            readings, window = dict(sync.readings or {}), dict(sync.window or {})
            for ref in marketplaces.mapped('api_ref'):
                readings[ref] = {**readings.get(ref, {}), 'full_at': ''}
                if window.get(ref, {}).get('since'):
                    del window[ref]
            sync.write({'readings': readings, 'window': window or False})

    def _work(self, run):
        """Override of `amazon_connector` to read the marketplaces that are due; whatever stops one
        of them stops no other.
        """
        if self.way != 'inventory':
            return super()._work(run)
        for marketplace in self._get_due_marketplaces():
            if self.connection_id.state != 'connected' or run.budget.is_spent():
                break
            with self._call_amazon(run) as client:
                while not run.budget.is_spent():
                    if not self._read_next_page(client, marketplace, run):
                        break
        if self._get_due_marketplaces() and run.budget.is_spent():
            return True
        self._note_success(run)
        return False

    def _get_denial_reason(self):
        """Override of `amazon_connector`: orders and deliveries go on without this way. Who is not
        known to sell what Amazon ships need not be told.
        """
        if self.way != 'inventory':
            return super()._get_denial_reason()
        return self.env._(
            "Amazon does not let the stock in its warehouses be read. Give the app the role Amazon"
            " Fulfillment or Product Listing in Seller Central and authorize it again.",
        ) if self._has_fba_offers() else ''

    def _has_fba_offers(self):
        """Return whether the seller is known to sell what Amazon ships.

        :rtype: bool
        """
        return bool(self.env['amazon.offer'].search_count([
            ('account_id', 'in', self.connection_id.account_ids.ids),
            ('channel', 'in', ('fba', 'both')),
        ], limit=1))

    # === BUSINESS METHODS - WHAT IS DUE === #

    def _get_times(self, name):
        """Return a time of each marketplace, see `readings`.

        :param str name: Its key.
        :return: The times (UTC, naive) by Amazon's identifiers of the marketplaces.
        :rtype: dict[str, datetime]
        """
        return {
            ref: datetime.fromisoformat(times[name])
            for ref, times in (self.readings or {}).items() if times.get(name)
        }

    def _get_last_night(self):
        """Return since when today's reading in full is due.

        :return: The time (UTC, naive).
        :rtype: datetime
        """
        now = fields.Datetime.now()
        night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
        return night if night <= now else night - timedelta(days=1)

    def _get_due_marketplaces(self):
        """Return what is to be read now: first what has begun, for its token does not live long.

        :rtype: amazon.marketplace
        """
        self.ensure_one()
        window, read_at = self.window or {}, self._get_times('read_at')
        due = self.connection_id._get_started_marketplaces().filtered(self._is_due)
        return due.sorted(lambda marketplace: (
            marketplace.api_ref not in window,
            read_at.get(marketplace.api_ref, datetime.min),
        ))

    def _prepare_reading(self, marketplace):
        """Return what to read next of a marketplace.

        :param amazon.marketplace marketplace: The marketplace.
        :return: Empty if nothing is due; as JSON keeps it: when it was `begun_at`, `since` when
                 changes are wanted (empty for everything), the `token` of the next page, how many
                 tokens have expired, the ids of the offers that everything has not shown yet
                 (`unseen`), and those that are still to be asked for one by one (`left`).
        :rtype: dict
        """
        self.ensure_one()
        if not self._is_due(marketplace):
            return {}
        ref = marketplace.api_ref
        if window := (self.window or {}).get(ref):
            return window
        if self._is_due_in_full(marketplace):
            return self._begin_reading(marketplace)
        return self._begin_reading(
            marketplace, self._get_times('read_at')[ref] - CHANGES_OVERLAP,
        )

    def _is_due(self, marketplace):
        """Return whether something is to be read of a marketplace now.

        :param amazon.marketplace marketplace: The marketplace.
        :rtype: bool
        """
        ref = marketplace.api_ref
        if ref in (self.window or {}) or self._is_due_in_full(marketplace):
            return True
        return self._get_times('read_at')[ref] <= fields.Datetime.now() - CHANGES_AFTER

    def _is_due_in_full(self, marketplace):
        """Return whether all of a marketplace is to be read: once a night, and when wanted.

        :param amazon.marketplace marketplace: The marketplace.
        :rtype: bool
        """
        full_at = self._get_times('full_at').get(marketplace.api_ref)
        return not full_at or full_at < self._get_last_night()

    def _begin_reading(self, marketplace, since=None, expiries=0):
        """Return how a reading begins, see `_prepare_reading`.

        :param amazon.marketplace marketplace: The marketplace.
        :param datetime since: Since when changes are wanted (UTC, naive), empty for everything.
        :param int expiries: How many tokens have expired.
        :rtype: dict
        """
        offers = self._get_known_offers(marketplace)
        reading = {
            'begun_at': fields.Datetime.now().isoformat(),
            'since': since.isoformat() if since else '',
            'token': '',
            'expiries': expiries,
            'unseen': [] if since else offers.filtered(
                lambda offer: offer._is_shown_at_amazon(),
            ).ids,
        }
        return {**reading, 'left': offers.ids} if expiries >= MAX_EXPIRIES else reading

    def _get_known_offers(self, marketplace):
        """Return the offers of a marketplace of which Amazon has had stock.

        :param amazon.marketplace marketplace: The marketplace.
        :rtype: amazon.offer
        """
        Offer = self.env['amazon.offer']
        account = self.connection_id._get_account_of(marketplace)
        return Offer.search(Offer._get_fba_domain(account, marketplace), order='id')

    # === BUSINESS METHODS - READING === #

    def _read_next_page(self, client, marketplace, run):
        """Read one page of a marketplace, store it, and commit both it and the progress.

        The row is locked meanwhile, so that two workers take turns.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.marketplace marketplace: The marketplace.
        :param Run run: Counts how many marketplaces were `read`.
        :return: Whether there is more to be read, and no other worker does it.
        :rtype: bool
        """
        if not self.try_lock_for_update(allow_referencing=True):
            return False
        reading = self._prepare_reading(marketplace)
        if not reading:
            return False
        self.connection_id._check_listed([marketplace.api_ref])
        asked = self._get_asked(reading)
        since = reading['since'] and datetime.fromisoformat(reading['since'])
        try:
            page = inventory.fetch_page(
                client,
                marketplace.api_ref,
                since=to_aware(since) if since and 'left' not in reading else None,
                token=reading['token'],
                skus=asked.mapped('sku'),
            ) if asked or 'left' not in reading else inventory.Page((), '')
        except Rejected:
            if reading['token']:
                reading = self._begin_reading(marketplace, since, reading['expiries'] + 1)
            elif len(asked) > 1:
                reading = {**reading, 'singly': True}
            elif asked:
                # Amazon does not know what to make of this SKU: what was read of it stays.
                reading = {**reading, 'left': [i for i in reading['left'] if i != asked.id]}
            else:
                raise
            self._keep_reading(marketplace, reading)
            self.env['ir.cron']._commit_progress()
            return True
        is_everything = 'left' in reading or not reading['since']
        reading = self._store_page(marketplace, reading, asked, page)
        self._end_turn()
        if reading:
            self._keep_reading(marketplace, reading)
        self.env['ir.cron']._commit_progress()
        if not reading:
            run.outcomes['read'] += 1
            if is_everything:
                self._follow_reading(marketplace)
        return bool(reading)

    def _get_asked(self, reading):
        """Return the offers to ask for next, where it is asked for one by one.

        :param dict reading: See `_prepare_reading`.
        :rtype: amazon.offer
        """
        offers = self.env['amazon.offer'].browse(reading.get('left', ())).exists()
        # Amazon separates SKUs by commas.
        alone = offers.filtered(lambda offer: reading.get('singly') or ',' in offer.sku)
        return (offers - alone)[:inventory.MAX_SKUS] or alone[:1]

    def _store_page(self, marketplace, reading, asked, page):
        """Store what a page shows, and what it does not show any more.

        :param amazon.marketplace marketplace: The marketplace.
        :param dict reading: See `_prepare_reading`.
        :param amazon.offer asked: Which offers were asked for one by one.
        :param amazon.inventory.Page page: The page.
        :return: How the reading goes on, empty when it is over.
        :rtype: dict
        """
        Offer = self.env['amazon.offer']
        account = self.connection_id._get_account_of(marketplace)
        shown = Offer._store_fba_stock(account, marketplace, page)
        if 'left' in reading:
            if not page.next_token:
                (asked - shown)._clear_fba_stock()
            left = (Offer.browse(reading['left']).exists() - asked).ids
            reading = {**reading, 'left': left}
            is_over = not left
        else:
            if reading['since']:
                self._compare_safely(account, shown.product_id)
            unseen = (Offer.browse(reading['unseen']) - shown).ids
            reading = {**reading, 'unseen': unseen, 'token': page.next_token}
            is_over = not page.next_token
            if is_over:
                Offer.browse(unseen).exists()._clear_fba_stock()
        if is_over:
            self._close_reading(marketplace, reading)
        return {} if is_over else reading

    def _keep_reading(self, marketplace, reading):
        """Keep how a reading goes on.

        :param amazon.marketplace marketplace: The marketplace.
        :param dict reading: See `_prepare_reading`; empty when it is over.
        :return: None
        """
        window = {**(self.window or {}), marketplace.api_ref: reading}
        if not reading:
            del window[marketplace.api_ref]
        self.window = window or False

    def _close_reading(self, marketplace, reading):
        """Keep that a marketplace was read.

        :param amazon.marketplace marketplace: The marketplace.
        :param dict reading: See `_prepare_reading`.
        :return: None
        """
        ref, begun_at = marketplace.api_ref, reading['begun_at']
        times = {**(self.readings or {}).get(ref, {}), 'read_at': begun_at}
        if 'left' in reading or not reading['since']:
            times['full_at'] = begun_at
        if 'left' not in reading and not reading['since']:
            times['whole_at'] = begun_at
        self.readings = {**(self.readings or {}), ref: times}
        self._keep_reading(marketplace, {})

    def _follow_reading(self, marketplace):
        """Compare Odoo's stock with all that was read, and adjust it where that is wanted.

        :param amazon.marketplace marketplace: The marketplace.
        :return: None
        """
        account = self.connection_id._get_account_of(marketplace)
        self._compare_safely(account)
        self.env['ir.cron']._commit_progress()
        self.env['amazon.drift']._adjust_by_itself(account)

    def _compare_safely(self, account, products=None):
        """Compare Odoo's stock with what was read. Where it fails, what was read stays.

        :param amazon.account account: The account that was read for.
        :param product.product products: Only these, if given.
        :return: None
        """
        if products is None or products:
            Drift = self.env['amazon.drift']
            account._do_safely(lambda account: Drift._compare(account, products))
