from datetime import datetime, timedelta

from odoo import api, fields, models

from ..amazon import orders
from ..amazon.errors import Rejected
from .tools import to_aware, to_naive

FIRST_SYNC_DAYS = 30
WINDOW_OVERLAP = timedelta(minutes=2)


class AmazonSync(models.Model):
    """The way of orders in: one search for all accounts of a connection.

    The cursor is Amazon's own bound of the last search whose pages are all stored. A marketplace
    that was added later has a search of its own, so that the others are not read again.
    """

    _inherit = 'amazon.sync'

    way = fields.Selection(selection_add=[('orders', "Orders")], ondelete={'orders': 'cascade'})
    backlog = fields.Json(
        help="Marketplaces that were added later, each with the time since when its orders have to"
             " be read: a list of pairs of Amazon's identifier and the time in ISO 8601.",
        readonly=True,
        groups=fields.NO_ACCESS,
    )
    backlog_window = fields.Json(
        help="The search for the first of them that was interrupted.",
        readonly=True,
        groups=fields.NO_ACCESS,
    )

    # === BUSINESS METHODS === #

    def _get_cron(self):
        """Override of `amazon_connector`."""
        if self.way != 'orders':
            return super()._get_cron()
        return self.env.ref('amazon_connector.ir_cron_fetch_orders').sudo()

    def _get_operation_in_turn(self):
        """Override of `amazon_connector`: one search in three minutes is all that Amazon grants."""
        return orders.SEARCH_OPERATION if self.way == 'orders' else super()._get_operation_in_turn()

    def _prepare_run(self, accounts):
        """Override of `amazon_connector`: who reads orders now has begun with it."""
        super()._prepare_run(accounts)
        if self.way == 'orders':
            accounts._start()

    def _work(self, run):
        """Override of `amazon_connector` to complete the orders that came without their status, and
        to fetch one page of what changed then.
        """
        if self.way != 'orders':
            return super()._work(run)
        with self._call_amazon(run) as client:
            while not run.budget.is_spent():
                if not self.env['amazon.order']._complete_next(client, self.connection_id, run):
                    return self._fetch_next_page(client, run)
            return True
        return False  # It was interrupted, and says why.

    def _fetch_next_page(self, client, run):
        """Fetch one page of the current search, store it, and commit both it and the progress.

        The row is locked meanwhile, so that two workers take turns.

        :param amazon.client.Client client: The client of the connection.
        :param Run run: Counts how many orders that are new or have changed were `fetched`.
        :return: Whether there is more to be fetched, and no other worker does it.
        :rtype: bool
        :raise UserError: If Amazon does not list the seller where it would search.
        """
        if not self.try_lock_for_update(allow_referencing=True):
            return False
        window, query = self._choose_search(self.id in run.up_to_date)
        if not query.marketplace_ids:
            return False
        if query.is_exhausted:
            # What is not completed now is in the hands of another worker, which goes on.
            is_complete = self._close_search(window, query, run)
            self.env['ir.cron']._commit_progress()
            if is_complete:
                run.up_to_date.add(self.id)
            return is_complete and bool(self.backlog)
        self.connection_id._check_listed(query.marketplace_ids)
        try:
            page = orders.fetch_order_page(client, query)
        except Rejected:
            alternative = query.get_alternative()
            self[window] = alternative and alternative.to_json()
            self.env['ir.cron']._commit_progress()
            if not alternative:
                raise
            return True
        changed = self.env['amazon.order']._store_payloads(
            self.connection_id._get_first_account(), page.payloads, is_reduced=query.is_reduced,
        )
        if changed:
            self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()
        if page.problem:
            self.env['ir.cron']._commit_progress()
            raise page.problem
        self._end_turn()
        self[window] = page.next_query.to_json()
        is_complete = page.next_query.is_exhausted and self._close_search(
            window, page.next_query, run,
        )
        self.env['ir.cron']._commit_progress()
        if is_complete:
            run.up_to_date.add(self.id)
        run.outcomes['fetched'] += len(changed)
        return not is_complete or bool(self.backlog)

    @api.model
    def _get_first_sync(self):
        """Return since when the orders of a new connection are read.

        :rtype: datetime
        """
        return fields.Datetime.now().replace(hour=0, minute=0, second=0) - timedelta(
            days=FIRST_SYNC_DAYS,
        )

    def _set_cursor(self, cursor):
        """Read again all that changed since a time, on all marketplaces.

        :param datetime cursor: The time (UTC, naive), empty to begin anew.
        :return: None
        """
        self.ensure_one()
        self.cursor = cursor
        begin = to_aware(cursor or self._get_first_sync()).isoformat()
        rest = [(ref, since) for ref, since in self.backlog or () if since < begin]
        if len(rest) < len(self.backlog or ()):
            self.write({'backlog': rest or False, 'backlog_window': False})

    # === BUSINESS METHODS - SEARCHING === #

    def _read_from_beginning(self, marketplaces, since=None):
        """See to it that older orders of marketplaces are read, too.

        :param amazon.marketplace marketplaces: The marketplaces that were added.
        :param datetime since: Since when they were not read (UTC, naive), if that is known.
        :return: Since when they are read.
        :rtype: datetime
        """
        self.ensure_one()
        accounts = self.connection_id.account_ids._get_seller_accounts()
        others = (accounts.connection_id - self.connection_id).sync_ids
        cursors = others.filtered(lambda sync: sync.way == 'orders').mapped('cursor')
        refs = marketplaces.mapped('api_ref')
        unread = [
            to_naive(datetime.fromisoformat(earlier))
            for ref, earlier in self.backlog or () if ref in refs
        ]
        since = min(filter(None, (since, self._get_first_sync(), *cursors, *unread)))
        self._read_since(marketplaces, since)
        return since

    def _read_since(self, marketplaces, since):
        """See to it that orders of marketplaces are read since a time.

        :param amazon.marketplace marketplaces: The marketplaces that were added.
        :param datetime since: The time (UTC, naive).
        :return: None
        """
        self.ensure_one()
        refs = marketplaces.mapped('api_ref')
        moment = to_aware(since).isoformat()
        self.backlog = [
            *((ref, earlier) for ref, earlier in self.backlog or () if ref not in refs),
            *((ref, moment) for ref in refs),
        ]
        self._get_cron()._trigger()

    def _choose_search(self, is_up_to_date):
        """Return the search to go on with: for what changed and, when that is complete, for older
        orders of marketplaces that were added.

        :param bool is_up_to_date: Whether this run has completed the search for what changed.
        :return: The field that keeps the search when it is interrupted, and the search.
        :rtype: tuple[str, amazon.orders.OrderQuery]
        """
        self.ensure_one()
        backlog = is_up_to_date and self._get_backlog_query()
        return ('backlog_window', backlog) if backlog else ('window', self._get_query())

    def _get_query(self):
        """Return the search for what changed: the interrupted one if it is still what is wanted.

        Marketplaces that are to be read since later than the others have to wait for them.

        :rtype: amazon.orders.OrderQuery
        """
        cursor = self.cursor or self._get_first_sync()
        begin = to_aware(cursor).isoformat()
        later = {ref for ref, since in self.backlog or () if since > begin}
        wanted = set(self._get_marketplace_refs())
        return self._go_on(self.window, orders.OrderQuery(
            marketplace_ids=tuple(sorted(wanted - later or wanted)),
            updated_after=to_aware(cursor - WINDOW_OVERLAP).isoformat(),
        ))

    def _get_backlog_query(self):
        """Return the search for older orders of the marketplaces that were added first.

        :return: The search, the interrupted one if there is one; `None` if nothing is to be read.
        :rtype: amazon.orders.OrderQuery | None
        """
        wanted = self._get_marketplace_refs()
        backlog = [(ref, since) for ref, since in self.backlog or () if ref in wanted]
        if not backlog:
            if self.backlog:
                self.write({'backlog': False, 'backlog_window': False})
            return None
        since = backlog[0][1]
        return self._go_on(self.backlog_window, orders.OrderQuery(
            marketplace_ids=tuple(sorted(ref for ref, moment in backlog if moment == since)),
            updated_after=since,
        ))

    def _get_marketplace_refs(self):
        """Return what Amazon calls the marketplaces of the accounts that are started."""
        return self.connection_id._get_started_marketplaces().mapped('api_ref')

    @api.model
    def _go_on(self, interrupted, query):
        """Return an interrupted search if it is a part of what is wanted, else the new one.

        What it lacks are marketplaces that were added since: they have a search of their own.

        :param interrupted: The interrupted one as it is kept, if there is one.
        :param amazon.orders.OrderQuery query: The new one.
        :rtype: amazon.orders.OrderQuery
        """
        known = interrupted and orders.OrderQuery.from_json(interrupted)
        return known if known and known.is_part_of(query) else query

    def _close_search(self, window, query, run):
        """Record that all pages of a search are stored, unless orders of it wait for their status.

        :param str window: The field that kept the search.
        :param amazon.orders.OrderQuery query: The search, exhausted.
        :param Run run: What it has tried in vain is not waited for.
        :return: Whether the search is over.
        :rtype: bool
        """
        if self.env['amazon.order']._are_to_complete(self.connection_id, run):
            return False
        if window == 'backlog_window':
            rest = [
                (ref, since) for ref, since in self.backlog or ()
                if ref not in query.marketplace_ids
            ]
            self.write({'backlog': rest or False, 'backlog_window': False})
            return True
        updated_before = to_naive(datetime.fromisoformat(query.updated_before))
        self._mark_success(
            window=False, cursor=max(self.cursor or updated_before, updated_before),
        )
        return True
