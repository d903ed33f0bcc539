from datetime import datetime, timezone

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from ..amazon import orders
from .amazon_sync_mixin import to_naive


class AmazonAccount(models.Model):
    """Marketplaces that come and go: each is read from its own beginning, and open orders follow.

    What a seller has, matches and buyers among it, is shared by the accounts of the seller in a
    company.
    """

    _inherit = 'amazon.account'

    order_backlog = fields.Json(
        help="Marketplaces that were added later, each with the time since when its orders have to"
             " be read: a list of pairs of Amazon's identifier and the time in ISO 8601.",
        copy=False,
    )
    backlog_window = fields.Json(
        help="The search for the first of them that was interrupted.", copy=False,
    )

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to read added marketplaces from their beginning, and to say what waits
        when an account is archived.
        """
        before = {
            account: account._get_wanted_marketplaces() for account in self
        } if 'synced_marketplace_ids' in vals else {}
        changed = self.filtered(lambda a: a.active != vals.get('active', a.active))
        res = super().write(vals)
        for account, marketplaces in before.items():
            added = account._get_wanted_marketplaces() - marketplaces
            if added and account.last_order_sync and 'last_order_sync' not in vals:
                account._read_from_beginning(added)
            account._take_over(added)
        changed._follow_archiving()
        return res

    # === BUSINESS METHODS === #

    def _get_wanted_marketplaces(self):
        """Return the marketplaces that the account synchronizes, archived ones among them.

        :rtype: amazon.marketplace
        """
        return self.with_context(active_test=False).synced_marketplace_ids.with_env(self.env)

    def _get_seller_accounts(self):
        """Return all accounts of the same seller in the same company, this one and archived ones
        among them.

        :rtype: amazon.account
        """
        self.ensure_one()
        return self.with_context(active_test=False).search([
            ('seller_id', '=', self.seller_id), ('company_id', '=', self.company_id.id),
        ]).with_env(self.env)

    def _read_from_beginning(self, marketplaces, since=None):
        """See to it that older orders of marketplaces are read, too, and say so.

        :param amazon.marketplace marketplaces: The marketplaces that were added.
        :param datetime since: Since when they were not read (UTC, naive), if that is known.
        :return: None
        """
        self.ensure_one()
        others = (self._get_seller_accounts() - self).mapped('last_order_sync')
        since = min(filter(None, (since, self._get_first_sync(), *others)))
        moment = since.replace(tzinfo=timezone.utc).isoformat()
        refs = marketplaces.mapped('api_ref')
        self.order_backlog = [
            *((ref, earlier) for ref, earlier in self.order_backlog or () if ref not in refs),
            *((ref, moment) for ref in refs),
        ]
        self.backlog_window = False
        self.message_post(body=self.env._(
            "%(marketplaces)s: orders that changed since %(date)s are read now. Fetch an Order"
            " brings older ones.",
            marketplaces=', '.join(marketplaces.mapped('name')),
            date=format_date(self.env, since),
        ))
        self.env.ref('amazon_connector.ir_cron_fetch_orders').sudo()._trigger()

    def _take_over(self, marketplaces):
        """Let what is open of marketplaces follow from other accounts of the same seller.

        :param amazon.marketplace marketplaces: The marketplaces that were added to this account.
        :return: None
        """
        self.ensure_one()
        others = self._get_seller_accounts() - self
        if not marketplaces or not others:
            return
        # In sudo mode: inbox, outbox and sales are not written by Amazon administrators.
        elsewhere = Domain('account_id', 'in', others.ids)
        self.env['amazon.order'].sudo().search(
            elsewhere & Domain('marketplace_id', 'in', marketplaces.ids),
        ).account_id = self
        self.env['sale.order'].sudo().search([
            ('amazon_account_id', 'in', others.ids),
            ('amazon_marketplace_id', 'in', marketplaces.ids),
            ('state', '=', 'sale'),
        ]).amazon_account_id = self
        for name in self.env['amazon.outbox.mixin']._get_outboxes():
            outbox = self.env[name].sudo()
            waiting = outbox.search(
                elsewhere & outbox._get_marketplace_domain(marketplaces)
                & Domain('state', 'in', ('to_send', 'failed')),
            )
            waiting.account_id = self
            waiting._release_archived()

    # === BUSINESS METHODS - SEARCHING === #

    def _choose_search(self, is_up_to_date):
        """Return the search to go on with: for what changed and, when that is complete, for older
        orders of marketplaces that were added.

        :param bool is_up_to_date: Whether this run has completed the search for what changed.
        :return: The field that keeps the search when it is interrupted, and the search.
        :rtype: tuple[str, amazon.orders.OrderQuery]
        """
        self.ensure_one()
        backlog = is_up_to_date and self._get_backlog_query()
        return ('backlog_window', backlog) if backlog else ('order_window', self._get_order_query())

    def _get_backlog_query(self):
        """Return the search for older orders of the marketplaces that were added first.

        :return: The search, the interrupted one if there is one; `None` if nothing is to be read.
        :rtype: amazon.orders.OrderQuery | None
        """
        wanted = self.synced_marketplace_ids.mapped('api_ref')
        backlog = [(ref, since) for ref, since in self.order_backlog or () if ref in wanted]
        if not backlog:
            if self.order_backlog:
                self.write({'order_backlog': False, 'backlog_window': False})
            return None
        since = backlog[0][1]
        query = orders.OrderQuery(
            marketplace_ids=tuple(sorted(ref for ref, moment in backlog if moment == since)),
            updated_after=since,
        )
        interrupted = self.backlog_window and orders.OrderQuery.from_json(self.backlog_window)
        return interrupted if interrupted and interrupted.is_same_search(query) else query

    def _close_search(self, window, query):
        """Record that all pages of a search are stored, unless orders of it wait for their status.

        :param str window: The field that kept the search.
        :param amazon.orders.OrderQuery query: The search, exhausted.
        :return: Whether the search is over.
        :rtype: bool
        """
        if self.env['amazon.order']._are_to_complete(self):
            return False
        if window == 'backlog_window':
            rest = [
                (ref, since) for ref, since in self.order_backlog or ()
                if ref not in query.marketplace_ids
            ]
            self.write({'order_backlog': rest or False, 'backlog_window': False})
            return True
        updated_before = to_naive(datetime.fromisoformat(query.updated_before))
        self.write({
            'order_window': False,
            'last_order_sync': max(self.last_order_sync or updated_before, updated_before),
            'last_error': False,
            'last_error_date': False,
        })
        return True

    # === BUSINESS METHODS - ARCHIVING === #

    def _follow_archiving(self):
        """Say what archived accounts no longer do, and go on with it when they are back.

        :return: None
        """
        for account in self:
            waiting = {
                # In sudo mode: as in `_take_over`.
                outbox: self.env[outbox].sudo().search(Domain('account_id', '=', account.id) & (
                    Domain('state', '=', 'to_send') | Domain('is_held', '=', True)
                    | Domain('state', '=', 'failed') & Domain('next_try', '!=', False)
                ))
                for outbox in self.env['amazon.outbox.mixin']._get_outboxes()
            }
            for records in waiting.values():
                records._release_archived() if account.active else records._hold_archived()
            if account.active:
                continue
            account.message_post(body=self.env._(
                "Archived: no orders come in, and Amazon is told nothing any more. What waits to be"
                " told: %(waiting)s. It goes out when the account is un-archived.",
                waiting=', '.join(
                    records._get_count_label(len(records)) for records in waiting.values()
                    if records
                ) or self.env._("nothing"),
            ))

    @api.model
    def _follow_archived_marketplaces(self, marketplaces):
        """Say on the accounts that marketplaces are not read any more, or are again.

        :param amazon.marketplace marketplaces: Marketplaces that were archived or un-archived, all
                                                in the same state.
        :return: None
        """
        # In sudo mode: marketplaces are shared by all companies.
        accounts = self.sudo().with_context(active_test=False).search([
            ('synced_marketplace_ids', 'in', marketplaces.ids), ('active', '=', True),
        ]).with_env(self.sudo().env)
        for account in accounts:
            concerned = account._get_wanted_marketplaces() & marketplaces
            if marketplaces[:1].active:
                since = min(filter(None, concerned.mapped('archived_at')), default=None)
                account._read_from_beginning(concerned, since)
                continue
            account.message_post(body=self.env._(
                "%(marketplaces)s: archived, so that no orders come in from there any more."
                " Un-archive it under Amazon ▸ Configuration ▸ Marketplaces to read them again.",
                marketplaces=', '.join(concerned.mapped('name')),
            ))
