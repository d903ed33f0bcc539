import json
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon import orders
from ..amazon.errors import (
    AmazonError,
    Malformed,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from ..amazon.texts import clean
from .amazon_sync import Run
from .amazon_sync_mixin import BACK_OFF_MINUTES
from .quiet import quiet_sql
from .tools import to_naive

COMPLETION_PAUSE = timedelta(seconds=30)
# What Amazon told first counts, whatever it says later.
FIRST_TIMES = ('ended_at', 'delivered_at')
# What is written of an order that comes without its status where fuller data are stored.
VERSION_FIELDS = (
    'amazon_updated_at', 'payload_version', 'to_complete', 'state', 'reason', 'attempts',
    'next_try',
)


class AmazonOrder(models.Model):
    """How orders come into the inbox: stored as Amazon sent them, and asked for again where their
    status is missing.
    """

    _inherit = 'amazon.order'

    # === BUSINESS METHODS - STORING === #

    @api.model
    def _fetch_one_by_one(self, account, order_refs, button):
        """Fetch orders by their Amazon references, of any age and status, and store them.

        :param amazon.account account: The account to ask with.
        :param list[str] order_refs: Amazon's references.
        :param str button: What a person has pressed.
        :return: The orders in the inbox, to be imported anew.
        :rtype: amazon.order
        :raise UserError: If Amazon does not deliver one of them.
        """
        connection = account.connection_id
        with connection._get_client() as client:
            try:
                payloads = [orders.fetch_order(client, order_ref) for order_ref in order_refs]
            except NotFound as error:
                raise UserError(self.env._(
                    "Amazon knows no such order of this account. Check the reference, and whether"
                    " another account sold it.",
                )) from error
            except AmazonError as error:
                raise UserError(connection._get_error_reason(error, button)) from error
        return self._store_payloads(account, payloads, force=True)

    @api.model
    @quiet_sql()  # It would quote personal data when a statement is refused.
    def _store_payloads(self, account, payloads, force=False, is_reduced=False):
        """Store orders as Amazon sent them, unless a version as new is stored already.

        One that can't be stored as it is stops no other: only its data are stored, and the reason.

        :param amazon.account account: The account they came through. It gets those that no account
                                       synchronizes, unless they have one already.
        :param list payloads: The orders as Amazon sent them.
        :param bool force: Whether to store them in any case.
        :param bool is_reduced: Whether they were asked for without their status.
        :return: The orders in the inbox that are new or have changed.
        :rtype: amazon.order
        """
        try:
            with self.env.cr.savepoint():
                return self._store_together(account, payloads, force, is_reduced)
        except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, UniqueViolation):
            raise
        except Exception as exception:
            if len(payloads) == 1:
                return self._store_unreadable(account, payloads[0], exception)
        return self.union(*(
            self._store_payloads(account, [payload], force, is_reduced) for payload in payloads
        ))

    @api.model
    def _store_unreadable(self, account, payload, exception):
        """Store an order of which nothing but its data can be stored.

        :param amazon.account account: The account it came through.
        :param payload: The order as Amazon sent it.
        :param Exception exception: What stopped the rest.
        :return: The order in the inbox.
        :rtype: amazon.order
        """
        text = json.dumps(payload, separators=(',', ':'))
        order_ref = _get_fingerprint(text)
        order = self.search([
            ('company_id', '=', account.company_id.id), ('amazon_order_ref', '=', order_ref),
        ]) or self.create({
            'account_id': account.id, 'amazon_order_ref': order_ref, 'payload': text,
        })
        order._mark_failed(exception)
        return order

    @api.model
    def _store_together(self, account, payloads, force, is_reduced):
        """Store orders in as few statements as can be; see `_store_payloads`."""
        summaries = [orders.parse_summary(payload) for payload in payloads]
        currencies = self.env['res.currency'].with_context(active_test=False).search_fetch(
            [('name', 'in', [summary.currency for summary in summaries])],
        ).grouped('name')
        values_by_ref = {}
        for payload, summary in zip(payloads, summaries, strict=True):
            values = self._prepare_inbox_values(account, payload, summary, currencies)
            values['to_complete'] = bool(summary.order_id) and (
                is_reduced or not summary.is_complete
            )
            known = values_by_ref.get(values['amazon_order_ref'])
            if not known or known['payload_version'] < values['payload_version']:
                values_by_ref[values['amazon_order_ref']] = values
        stored = self.search([
            # The connection is at hand, the account would have to be read.
            ('company_id', '=', account.connection_id.company_id.id),
            ('amazon_order_ref', 'in', list(values_by_ref)),
        ])
        changed = self.browse()
        for order in stored:
            values = values_by_ref.pop(order.amazon_order_ref)
            values['account_id'] = values['account_id'] or order.account_id.id
            values = order._choose_values(values, force)
            if values:
                order.write(values)
                changed |= order
        for values in values_by_ref.values():
            values['account_id'] = values['account_id'] or account.id
            values['company_id'] = account.connection_id.company_id.id  # saves computing it
        changed |= self.create(list(values_by_ref.values()))
        changed.flush_recordset()
        return changed

    def _choose_values(self, values, force):
        """Return what is to be written of another version of the order.

        :param dict values: The values of that version.
        :param bool force: Whether to store it in any case.
        :return: The values to write, without Amazon's data where the ones stored are fuller; none
                 if the version is to be left alone.
        :rtype: dict
        """
        self.ensure_one()
        known, new = self.payload_version or '', values['payload_version']
        completes = self.to_complete and not values['to_complete'] and known == new
        if not (force or known < new or completes):
            return {}
        if values['to_complete'] and self.payload and self.amazon_status:
            return {name: values[name] for name in VERSION_FIELDS}
        first = {
            name: min(filter(None, (self[name], values[name])), default=False)
            for name in FIRST_TIMES
        }
        return {**values, **first}

    @api.model
    def _prepare_inbox_values(self, account, payload, summary, currencies):
        """Return the values of an order in the inbox, readable or not.

        :param amazon.account account: The account it came through.
        :param payload: The order as Amazon sent it.
        :param amazon.orders.OrderSummary summary: What could be read of it.
        :param dict currencies: The currencies, active or not, by their ISO 4217 codes.
        :rtype: dict
        """
        text = json.dumps(payload, separators=(',', ':'))
        now = datetime.now(timezone.utc)
        changed_at = summary.updated_at or now
        # Neither lies in the future, whatever Amazon says.
        known_at = min(changed_at, now)
        ended_at = min(summary.shipped_at or known_at, known_at)
        marketplace = account.connection_id._get_synced_marketplaces().filtered(
            lambda m: m.api_ref == summary.marketplace_id,
        ) or self._find_marketplace(account, summary)
        return {
            # One without a reference is kept too, under a fingerprint of its own.
            'amazon_order_ref': summary.order_id or _get_fingerprint(text),
            'account_id': account.connection_id._get_account_of(marketplace).id,
            'marketplace_id': marketplace.id,
            'channel': summary.channel,
            'amazon_status': summary.status,
            'is_sold_elsewhere': summary.is_sold_elsewhere,
            'amazon_updated_at': to_naive(changed_at),
            'amazon_total': float(summary.total or 0),
            'currency_id': currencies.get(summary.currency, self.env['res.currency']).id,
            'ship_by': to_naive(summary.ship_by),
            'bought_at': to_naive(summary.purchased_at),
            'open_quantities': summary.quantities or False,
            'ended_at': summary.is_over and to_naive(ended_at),
            'delivered_at': summary.is_delivered and to_naive(known_at),
            'stored_at': to_naive(now),
            'is_purged': False,
            'payload': text,
            'payload_version': summary.updated_at and summary.updated_at.isoformat(
                timespec='microseconds',
            ) or '',
            'state': 'to_do',
            'reason': False,
            'attempts': 0,
            'next_try': False,
        }

    @api.model
    def _find_marketplace(self, account, summary):
        """Return the marketplace of an order, archived or not; added when Amazon's is new.

        Where Amazon does not name it, it is one of those that the account asked for.
        """
        if not summary.marketplace_id:
            synced = account.connection_id._get_synced_marketplaces()
            return (
                synced.filtered(lambda m: m.name == summary.marketplace_name)
                or synced.filtered(lambda m: m.currency_id.name == summary.currency)
                or synced
            )[:1]
        Marketplace = self.env['amazon.marketplace'].with_context(active_test=False)
        known = Marketplace.search([('api_ref', '=', summary.marketplace_id)])
        return known or Marketplace.create({
            'name': summary.marketplace_name or summary.marketplace_id,
            'api_ref': summary.marketplace_id,
        })

    # === BUSINESS METHODS - COMPLETING === #

    @api.model
    def _get_due_domain(self):
        """Override of `amazon_connector` to leave alone what is to be completed first."""
        return super()._get_due_domain() & Domain('to_complete', '=', False)

    @api.model
    def _are_to_complete(self, connection, run):
        """Return whether Amazon has still to be asked for the status of orders.

        :param amazon.connection connection: The connection they came through.
        :param Run run: What it has tried already does not count.
        :rtype: bool
        """
        return bool(self.search_count(
            [
                ('account_id', 'in', connection.account_ids.ids),
                ('to_complete', '=', True), ('attempts', '=', 0),
                ('id', 'not in', list(run.tried)),
            ],
            limit=1,
        ))

    @api.model
    def _count_incomplete(self, accounts):
        """Return for how many orders Amazon did not tell the status when it was asked.

        :param amazon.account accounts: The accounts they came through.
        :rtype: int
        """
        return self.search_count([
            ('account_id', 'in', accounts.ids),
            ('to_complete', '=', True),
            ('state', '=', 'failed'),
        ])

    @api.model
    def _complete_next(self, client, connection, run, inbox=None):
        """Ask Amazon for the next order whose status it left out, store it, and commit.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.connection connection: The connection of the orders.
        :param Run run: No order is asked for twice in it.
        :param amazon.order inbox: Only these; all by default.
        :return: Whether there was one that no other worker has in its hands.
        :rtype: bool
        :raise AmazonError: If the connection has to wait.
        """
        domain = Domain([
            ('account_id', 'in', connection.account_ids.ids),
            ('to_complete', '=', True),
            ('state', 'in', ('to_do', 'failed')),
            ('id', 'not in', list(run.tried)),
            '|', ('next_try', '=', False), ('next_try', '<=', fields.Datetime.now()),
        ])
        if inbox is not None:
            domain &= Domain('id', 'in', inbox.ids)
        order = self.search(domain, order='attempts, id', limit=10).try_lock_for_update(
            allow_referencing=True, limit=1,
        )
        if order:
            run.tried.add(order.id)
            order._complete(client)
        return bool(order)

    def _complete(self, client):
        """Ask Amazon for the order, store it, and commit.

        :param amazon.client.Client client: The client of the connection.
        :return: None
        :raise AmazonError: If the connection has to wait.
        """
        self.ensure_one()
        outage = None
        try:
            payload = orders.fetch_order(client, self.amazon_order_ref)
        except Throttled as error:
            # Odoo looks for jobs once a minute: by then the quota suffices for many orders.
            soon = datetime.now(timezone.utc) + COMPLETION_PAUSE
            raise Throttled(error.operation, max(error.retry_at, soon)) from error
        except Unauthorized:
            raise
        except AmazonError as error:
            outage = error if isinstance(error, Unavailable) else None
            reason = error  # Python forgets `error` at the end of the block.
            self._do_safely(lambda order: order._note_missing_status(reason))
        else:
            self._do_safely(lambda order: order._take_completed(payload))
        self.env['ir.cron']._commit_progress()
        if outage:
            raise outage

    def _take_completed(self, payload):
        """Store what Amazon says of the order, asked for it alone.

        :param payload: The order as Amazon sent it.
        :return: None
        """
        self._store_payloads(self.account_id, [payload])
        if self.to_complete:
            self._note_missing_status(
                Malformed(orders.GET_OPERATION, 'fulfillment', "says no status"),
            )
        else:
            self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()

    def _complete_safely(self, connection, budget):
        """Ask Amazon for these orders; what time or quota do not suffice for is left to the cron.

        :param amazon.connection connection: The connection they came through.
        :param TimeBudget budget: Nothing is asked when it is spent.
        :return: None
        """
        if connection.state == 'connected':
            run = Run(budget)
            with connection._get_sync('orders')._call_amazon(run) as client:
                while not budget.is_spent() and self._complete_next(client, connection, run, self):
                    pass

    def _note_missing_status(self, error):
        """Record that Amazon does not tell the status of an order. It is asked for ever again.

        :param Exception error: What Amazon answered, or what it left out.
        :return: None
        """
        self.ensure_one()
        attempts = self.attempts + 1
        is_short_outage = isinstance(error, Unavailable) and attempts == 1
        self.write({
            'state': 'to_do' if is_short_outage else 'failed',
            'reason': self.env._(
                "Amazon does not say how far this order is, so nothing is done with it. It is asked"
                " again by itself; if the parcel is due, look it up in Seller Central.",
            ),
            'answer': clean(str(error)),
            'attempts': attempts,
            'next_try': self._get_next_try(min(attempts, len(BACK_OFF_MINUTES))),
        })
        self.account_id._follow_up_failures()


def _get_fingerprint(text):
    """Return what stands for the reference of an order whose own can't be read."""
    return f'? {sha256(text.encode()).hexdigest()[:12]}'
