import json
from collections import Counter, defaultdict
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import mute_logger

from ..amazon import orders
from ..amazon.addresses import build_order_url
from ..amazon.errors import (
    AmazonError,
    Malformed,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from ..amazon.order_overview import parse_overview
from ..amazon.orders import Status
from ..amazon.payload import load_json
from .amazon_sync import Run
from .amazon_sync_mixin import BACK_OFF_MINUTES
from .incoming import Incoming, Step
from .ship_by import get_urgency_domains, get_urgency_search_domain
from .stock_move import ShippedItem
from .tools import CRON_SECONDS, SYNC_SECONDS, TimeBudget, to_naive

BATCH_SIZE = 100
PART_SIZE = 25
CAREFUL_PART_SIZE = 10  # when more than one has failed: others may
MAX_CONFLICTS = 5
COMPLETION_PAUSE = timedelta(seconds=30)
# Without a date of delivery, an order counts as delivered so many days after its last change.
DELIVERY_DAYS = 14
# Imported orders need no log of their creation, no followers and no tracking of their first values.
LEAN_CONTEXT = {
    'tracking_disable': True,
    'mail_create_nosubscribe': True,
    'mail_create_nolog': True,
    'mail_notrack': True,
    'loyalty_no_mail': True,  # where coupons are installed
}
STATUS_LABELS = [
    (Status.PENDING, "Pending"),
    (Status.PENDING_AVAILABILITY, "Pre-ordered"),
    (Status.UNSHIPPED, "Unshipped"),
    (Status.PARTIALLY_SHIPPED, "Partly Shipped"),
    (Status.SHIPPED, "Shipped"),
    (Status.CANCELLED, "Cancelled"),
    (Status.UNFULFILLABLE, "Can't Be Fulfilled"),
]
URGENCIES = get_urgency_domains('ship_by')
# What the seller has to ship and no delivery stands for yet.
TO_SHIP = Domain([
    ('state', 'in', ('to_do', 'failed')),
    ('channel', '=', 'fbm'),
    ('sale_order_id', '=', False),
    ('amazon_status', 'in', Status.TO_SHIP),
])
# What is written of an order that comes without its status where fuller data are stored.
VERSION_FIELDS = (
    'amazon_updated_at', 'payload_version', 'to_complete', 'state', 'reason', 'attempts',
    'next_try',
)


class AmazonOrder(models.Model):
    """The inbox: what Amazon sent about an order, and what became of it in Odoo.

    An order is stored as it comes and imported in another transaction, so that one that can't be
    imported is neither lost nor in the way, and is replayed without asking Amazon again.
    """

    _name = 'amazon.order'
    _description = "Amazon Order"
    _inherit = ['amazon.queue.mixin']
    _order = 'amazon_updated_at desc, id desc'
    _rec_name = 'amazon_order_ref'
    _check_company_auto = True

    amazon_order_ref = fields.Char(
        string="Amazon Reference", help="E.g. 302-1234567-1234567.", required=True, readonly=True,
    )
    account_id = fields.Many2one(
        comodel_name='amazon.account',
        required=True,
        index=True,
        readonly=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(related='account_id.company_id', store=True, index=True)
    marketplace_id = fields.Many2one(comodel_name='amazon.marketplace', index=True, readonly=True)
    channel = fields.Selection(selection=[('fba', "FBA"), ('fbm', "FBM")], readonly=True)
    amazon_status = fields.Char(
        string="Amazon's Status", help="As Amazon writes it, e.g. UNSHIPPED.", readonly=True,
    )
    status_label = fields.Selection(
        selection=STATUS_LABELS,
        string="Status on Amazon",
        help="Empty where Amazon's status is new to this connector.",
        compute='_compute_status_label',
        store=True,
        precompute=True,
    )
    amazon_updated_at = fields.Datetime(
        string="Changed on Amazon", readonly=True,
    )
    amazon_total = fields.Monetary(
        string="Paid by Buyer", help="The grand total as Amazon shows it.", readonly=True,
    )
    currency_id = fields.Many2one(
        comodel_name='res.currency', context={'active_test': False}, readonly=True,
    )
    payload = fields.Text(
        string="Amazon's Data",
        readonly=True,
        copy=False,
        groups='amazon_connector.group_amazon_admin',
    )
    readable_payload = fields.Text(
        string="Amazon's Data, Readable",
        compute='_compute_readable_payload',
        groups='amazon_connector.group_amazon_admin',
    )
    overview = fields.Html(
        string="Items",
        compute='_compute_overview',
        sanitize=False,
        groups='amazon_connector.group_amazon_user',
    )
    ordered_at = fields.Datetime(
        string="Ordered",
        compute='_compute_overview',
        groups='amazon_connector.group_amazon_user',
    )
    place = fields.Char(
        string="Ship To",
        help="The place only; the address is on the sales order.",
        compute='_compute_overview',
        groups='amazon_connector.group_amazon_user',
    )
    service_level = fields.Char(
        string="Service Level",
        help="How fast Amazon promised it, e.g. Standard or Expedited.",
        compute='_compute_overview',
        groups='amazon_connector.group_amazon_user',
    )
    seller_central_url = fields.Char(compute='_compute_seller_central_url')
    payload_version = fields.Char(
        help="Amazon's time of the last change, with its fractions.", readonly=True,
    )
    ship_by = fields.Datetime(
        string="Ship By", help="Amazon counts a later shipment as late.", readonly=True,
    )
    urgency = fields.Selection(
        selection=[
            ('late', "Late"),
            ('today', "Today"),
            ('tomorrow', "Tomorrow"),
            ('later', "Later"),
        ],
        string="To Ship",
        help="By Amazon's ship-by time, of what waits to be imported.",
        compute='_compute_urgency',
        search='_search_urgency',
    )
    delivered_at = fields.Datetime(
        string="Delivered By",
        help="As Amazon promised the buyer. Its data are removed some time later.",
        readonly=True,
    )
    note = fields.Text(
        string="Left Out", help="What was odd in Amazon's data and did not matter.", readonly=True,
    )
    given = fields.Json(
        string="Given by a Person",
        help="What Amazon does not say of the order, as somebody answered for it.",
        readonly=True,
        copy=False,
    )
    can_answer = fields.Boolean(
        help="Whether it failed for something that a person can answer for.",
        compute='_compute_can_answer',
    )
    state = fields.Selection(
        selection=[
            ('to_do', "Waiting to Import"),
            ('failed', "Failed"),
            ('skipped', "Skipped"),
            ('done', "Done"),
        ],
        default='to_do',
        required=True,
        readonly=True,
        index=True,
    )
    import_shipped = fields.Boolean(
        help="Whether a person wants it imported although it was shipped outside Odoo.",
        readonly=True,
    )
    to_complete = fields.Boolean(
        string="To Complete",
        help="Amazon's search left out how far the order is. Amazon is asked for the order alone"
             " before anything is done with it.",
        readonly=True,
    )
    is_sold_elsewhere = fields.Boolean(
        string="Sold Elsewhere",
        help="Sold in another shop than Amazon's, and only shipped by Amazon.",
        readonly=True,
    )
    sale_order_deleted = fields.Boolean(
        help="A person deleted its sales order: it stays away until a person wants it again.",
        readonly=True,
    )
    waiting_offer_ids = fields.Many2many(
        comodel_name='amazon.offer',
        string="Offers to Match",
        help="The order is imported as soon as they are matched to products.",
        readonly=True,
    )
    sale_order_id = fields.Many2one(
        comodel_name='sale.order', index='btree_not_null', readonly=True, ondelete='set null',
    )

    _amazon_order_ref_uniq = models.Constraint(
        'UNIQUE(company_id, amazon_order_ref)', "This Amazon order is in the inbox already.",
    )
    _to_import_idx = models.Index("(account_id, id) WHERE state IN ('to_do', 'failed')")
    _to_complete_idx = models.Index("(account_id, attempts, id) WHERE to_complete")
    _with_payload_idx = models.Index("(account_id, delivered_at) WHERE payload IS NOT NULL")

    # === COMPUTE METHODS === #

    @api.depends('payload')
    def _compute_readable_payload(self):
        for order in self:
            order.readable_payload = order.payload and json.dumps(
                load_json(order.payload), indent=2, ensure_ascii=False,
            )

    @api.depends('state', 'payload')
    def _compute_can_answer(self):
        for order in self:
            order.can_answer = order.state == 'failed' and bool(order._find_questions())

    @api.depends('amazon_status')
    def _compute_status_label(self):
        known = dict(STATUS_LABELS)
        for order in self:
            status = order.amazon_status
            order.status_label = status if status in known else False

    @api.depends('ship_by', 'state', 'channel', 'sale_order_id', 'amazon_status')
    def _compute_urgency(self):
        self.urgency = False
        waiting = self.filtered_domain(TO_SHIP)
        for urgency, domain in URGENCIES.items():
            waiting.filtered_domain(domain).urgency = urgency

    def _search_urgency(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return get_urgency_search_domain(URGENCIES, TO_SHIP, value)

    @api.depends('payload')
    def _compute_overview(self):
        """Show what an order holds to whoever may work on it, without anybody's name."""
        for order in self:
            overview = order._get_overview()
            order.ordered_at = to_naive(overview.ordered_at)
            order.service_level = overview.service_level.replace('_', ' ').capitalize()
            order.place = ', '.join(filter(None, (
                overview.city,
                self.env['res.country'].search([('code', '=', overview.country_code)]).name
                or overview.country_code,
            )))
            order.overview = self.env['ir.qweb']._render(
                'amazon_connector.order_overview',
                {'lines': overview.lines, 'format_amount': order._format_amount},
            ) if overview.lines else False

    @api.depends('marketplace_id.seller_central_url', 'amazon_order_ref')
    def _compute_seller_central_url(self):
        for order in self:
            order.seller_central_url = build_order_url(
                order.marketplace_id.seller_central_url, order.amazon_order_ref,
            )

    def _get_overview(self):
        """Return what the order holds, without anybody's name.

        :rtype: amazon.order_overview.Overview
        """
        # In sudo mode: Amazon's data themselves are for Amazon administrators only.
        return parse_overview(self.sudo().payload or '')

    def _format_amount(self, amount):
        """Return an amount of Amazon's as people read it, empty if there is none.

        :param amazon.order_overview.Amount amount: The amount.
        :rtype: str
        """
        if not amount:
            return ''
        if amount.currency == self.currency_id.name:
            return self.currency_id.format(float(amount.value))
        return f'{amount.value:f} {amount.currency}'

    # === CRUD METHODS === #

    def write(self, vals):
        """Override of `base` to leave the inbox to the connector, which acts on what it says.

        The right to write to it is the right to press its buttons.
        """
        if not self.env.su:
            raise AccessError(self.env._(
                "Amazon orders are changed by the connector only. Use the buttons Retry and Fetch"
                " Again.",
            ))
        return super().write(vals)

    # === ACTION METHODS === #

    def action_retry(self):
        """Import the orders now, from what is stored.

        :return: The notification to show.
        :rtype: dict
        """
        return self._import_again({'state': 'to_do', 'attempts': 0, 'next_try': False})

    def action_import_shipped(self):
        """Import orders that were shipped outside Odoo.

        :return: The notification to show.
        :rtype: dict
        """
        return self._import_again({
            'state': 'to_do', 'attempts': 0, 'next_try': False, 'import_shipped': True,
        })

    def action_retry_same_reason(self):
        """Import all orders that failed for the same reason as this one.

        :return: The notification to show.
        :rtype: dict
        """
        return self.search([
            ('state', '=', 'failed'), ('reason', 'in', self.mapped('reason')),
        ]).action_retry()

    def action_fetch_again(self):
        """Ask Amazon for the orders again and import what it says now.

        :return: The notification to show.
        :rtype: dict
        """
        self.check_access('write')
        # In sudo mode: importing takes more rights than an Amazon user needs to have.
        for account, inbox in self.sudo().grouped('account_id').items():
            inbox._fetch_one_by_one(
                account, inbox.mapped('amazon_order_ref'), self.env._("Fetch Again"),
            )
        return self.action_retry()

    def action_open_waiting_offers(self):
        """Open the offers that the order waits for.

        :rtype: dict
        """
        action = self.env['ir.actions.act_window']._for_xml_id(
            'amazon_connector.action_amazon_offer',
        )
        action['domain'] = [('id', 'in', self.waiting_offer_ids.ids)]
        return action

    def action_open_sale_order(self):
        """Open the sales order.

        :rtype: dict
        """
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'res_model': 'sale.order',
            'res_id': self.sale_order_id.id,
            'view_mode': 'form',
        }

    def action_open_seller_central(self):
        """Open the order in Seller Central.

        :rtype: dict
        """
        self.ensure_one()
        return {'type': 'ir.actions.act_url', 'url': self.seller_central_url, 'target': 'new'}

    def _import_again(self, values):
        """Set the state of the orders and import them, within the time budget of a button.

        Those whose status is not known are asked for first. Those whose sales orders were deleted
        are wanted again.
        """
        self.check_access('write')
        # In sudo mode: importing takes more rights than an Amazon user needs to have.
        inbox = self.sudo()
        inbox.write({**values, 'sale_order_deleted': False})
        budget = TimeBudget(SYNC_SECONDS)
        incomplete = inbox.filtered('to_complete')
        for connection, part in incomplete.grouped(lambda o: o.account_id.connection_id).items():
            part._complete_safely(connection, budget)
        accounts = inbox.account_id
        outcomes = inbox._import_orders(budget, accounts, inbox)
        outcomes['failed'] += len(inbox.filtered(lambda o: o.to_complete and o.state == 'failed'))
        return accounts._get_sync_notification(None, outcomes)

    # === BUSINESS METHODS - FETCHING === #

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
        return self._store_payloads(connection, payloads, force=True)

    @api.model
    @mute_logger('odoo.sql_db')  # It would quote personal data when a statement is refused.
    def _store_payloads(self, connection, payloads, force=False, is_reduced=False):
        """Store orders as Amazon sent them, unless a version as new is stored already.

        One that can't be stored as it is stops no other: only its data are stored, and the reason.

        :param amazon.connection connection: The connection they came through.
        :param list payloads: The orders as Amazon sent them.
        :param bool force: Whether to store them in any case.
        :param bool is_reduced: Whether they were asked for without their status.
        :return: The orders in the inbox that are new or have changed.
        :rtype: amazon.order
        """
        try:
            with self.env.cr.savepoint():
                return self._store_together(connection, payloads, force, is_reduced)
        except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, UniqueViolation):
            raise
        except Exception as exception:
            if len(payloads) == 1:
                return self._store_unreadable(connection, payloads[0], exception)
        return self.union(*(
            self._store_payloads(connection, [payload], force, is_reduced) for payload in payloads
        ))

    @api.model
    def _store_unreadable(self, connection, payload, exception):
        """Store an order of which nothing but its data can be stored.

        :param amazon.connection connection: The connection it came through.
        :param payload: The order as Amazon sent it.
        :param Exception exception: What stopped the rest.
        :return: The order in the inbox.
        :rtype: amazon.order
        """
        text = json.dumps(payload, separators=(',', ':'))
        order_ref = _get_fingerprint(text)
        order = self.search([
            ('company_id', '=', connection.company_id.id), ('amazon_order_ref', '=', order_ref),
        ]) or self.create({
            'account_id': connection.account_ids[:1].id,
            'amazon_order_ref': order_ref,
            'payload': text,
        })
        order._mark_failed(exception)
        return order

    @api.model
    def _store_together(self, connection, payloads, force, is_reduced):
        """Store orders in as few statements as can be; see `_store_payloads`."""
        summaries = [orders.parse_summary(payload) for payload in payloads]
        currencies = self.env['res.currency'].with_context(active_test=False).search(
            [('name', 'in', [summary.currency for summary in summaries])],
        ).grouped('name')
        values_by_ref = {}
        for payload, summary in zip(payloads, summaries, strict=True):
            values = self._prepare_inbox_values(connection, payload, summary, currencies)
            values['to_complete'] = bool(summary.order_id) and (
                is_reduced or not summary.is_complete
            )
            known = values_by_ref.get(values['amazon_order_ref'])
            if not known or known['payload_version'] < values['payload_version']:
                values_by_ref[values['amazon_order_ref']] = values
        stored = self.search([
            ('company_id', '=', connection.company_id.id),
            ('amazon_order_ref', 'in', list(values_by_ref)),
        ])
        changed = self.browse()
        for order in stored:
            values = order._choose_values(values_by_ref.pop(order.amazon_order_ref), force)
            if values:
                order.write(values)
                changed |= order
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
        return values

    @api.model
    def _prepare_inbox_values(self, connection, payload, summary, currencies):
        """Return the values of an order in the inbox, readable or not.

        :param amazon.connection connection: The connection it came through.
        :param payload: The order as Amazon sent it.
        :param amazon.orders.OrderSummary summary: What could be read of it.
        :param dict currencies: The currencies, active or not, by their ISO 4217 codes.
        :rtype: dict
        """
        text = json.dumps(payload, separators=(',', ':'))
        changed_at = summary.updated_at or datetime.now(timezone.utc)
        delivered_at = summary.deliver_by or changed_at + timedelta(days=DELIVERY_DAYS)
        marketplace = connection._get_synced_marketplaces().filtered(
            lambda m: m.api_ref == summary.marketplace_id,
        ) or self._find_marketplace(connection, summary)
        return {
            # One without a reference is kept too, under a fingerprint of its own.
            'amazon_order_ref': summary.order_id or _get_fingerprint(text),
            'account_id': connection._get_account_of(marketplace).id,
            'marketplace_id': marketplace.id,
            'channel': summary.channel,
            'amazon_status': summary.status,
            'is_sold_elsewhere': summary.is_sold_elsewhere,
            'amazon_updated_at': to_naive(changed_at),
            'amazon_total': float(summary.total or 0),
            'currency_id': currencies.get(summary.currency, self.env['res.currency']).id,
            'ship_by': to_naive(summary.ship_by),
            'delivered_at': to_naive(delivered_at),
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
    def _find_marketplace(self, connection, summary):
        """Return the marketplace of an order, archived or not; added when Amazon's is new.

        Where Amazon does not name it, it is one of those that the account asked for.
        """
        if not summary.marketplace_id:
            synced = connection._get_synced_marketplaces()
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
    def _are_to_complete(self, connection):
        """Return whether Amazon has still to be asked for the status of orders.

        :param amazon.connection connection: The connection they came through.
        :rtype: bool
        """
        return bool(self.search_count(
            [
                ('account_id', 'in', connection.account_ids.ids),
                ('to_complete', '=', True), ('attempts', '=', 0),
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
    def _complete_next(self, client, connection, inbox=None):
        """Ask Amazon for the next order whose status it left out, store it, and commit.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.connection connection: The connection of the orders.
        :param amazon.order inbox: Only these; all by default.
        :return: Whether there was one that no other worker has in its hands.
        :rtype: bool
        :raise AmazonError: If the connection has to wait.
        """
        domain = Domain([
            ('account_id', 'in', connection.account_ids.ids),
            ('to_complete', '=', True),
            ('state', 'in', ('to_do', 'failed')),
            '|', ('next_try', '=', False), ('next_try', '<=', fields.Datetime.now()),
        ])
        if inbox is not None:
            domain &= Domain('id', 'in', inbox.ids)
        order = self.search(domain, order='attempts, id', limit=10).try_lock_for_update(
            allow_referencing=True, limit=1,
        )
        if order:
            order._complete(client, connection)
        return bool(order)

    def _complete(self, client, connection):
        """Ask Amazon for the order, store it, and commit.

        :param amazon.client.Client client: The client of the connection.
        :param amazon.connection connection: The connection it came through.
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
            self._note_missing_status(error)
        else:
            self._store_payloads(connection, [payload])
            if self.to_complete:
                self._note_missing_status(
                    Malformed(orders.GET_OPERATION, 'fulfillment', "says no status"),
                )
            else:
                self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()
        self.env['ir.cron']._commit_progress()
        if outage:
            raise outage

    def _complete_safely(self, connection, budget):
        """Ask Amazon for these orders; what time or quota do not suffice for is left to the cron.

        :param amazon.connection connection: The connection they came through.
        :param TimeBudget budget: Nothing is asked when it is spent.
        :return: None
        """
        if connection.state == 'connected':
            with connection._get_sync('orders')._call_amazon(Run(budget)) as client:
                while not budget.is_spent() and self._complete_next(client, connection, self):
                    pass

    def _note_missing_status(self, error):
        """Record that Amazon does not tell the status of an order. It is asked for ever again.

        :param AmazonError error: What Amazon answered, or what it left out.
        :return: None
        """
        self.ensure_one()
        attempts = self.attempts + 1
        is_short_outage = isinstance(error, Unavailable) and attempts == 1
        self.write({
            'state': 'to_do' if is_short_outage else 'failed',
            'reason': self.env._(
                "Amazon does not say how far this order is, so nothing is done with it. It is asked"
                " again by itself; if the parcel is due, look it up in Seller Central. (%(error)s)",
                error=error,
            ),
            'attempts': attempts,
            'next_try': self._get_next_try(min(attempts, len(BACK_OFF_MINUTES))),
        })
        self.account_id._follow_up_failures()

    # === BUSINESS METHODS - IMPORTING === #

    @api.model
    def _cron_import_orders(self):
        """Import what is to be imported, and hand over what the time did not suffice for.

        :return: None
        """
        try:
            self._import_orders(TimeBudget(CRON_SECONDS))
        except Exception as exception:
            # After a commit, an exception would make the cron run again at once, over and over.
            self.env.cr.rollback()
            self._get_failure_reason(exception)
        else:
            if self.search_count(self._get_due_domain(), limit=1):
                self.env.ref('amazon_connector.ir_cron_import_orders')._trigger()
        self.env['ir.cron']._commit_progress(remaining=0)

    @api.model
    def _import_orders(self, budget, accounts=None, inbox=None):
        """Import what is to be imported, in batches that are committed one by one.

        The rows of a batch are locked, so that workers divide the inbox and never meet.

        :param TimeBudget budget: No batch is begun when it is spent.
        :param amazon.account accounts: Only of these; all by default.
        :param amazon.order inbox: Only these; all by default.
        :return: How many orders were `created`, `updated`, `cancelled`, `moved`, `skipped`,
                 `failed`.
        :rtype: Counter
        """
        domain = self._get_due_domain()
        if accounts is not None:
            domain &= Domain('account_id', 'in', accounts.ids)
        if inbox is not None:
            domain &= Domain('id', 'in', inbox.ids)
        outcomes = Counter()
        conflicts = 0
        while not budget.is_spent() and conflicts < MAX_CONFLICTS:
            try:
                candidates = self.search(domain, order='id', limit=10 * BATCH_SIZE)
                batch = candidates.try_lock_for_update(allow_referencing=True, limit=BATCH_SIZE)
                if not batch:
                    break
                batch_outcomes = batch._import_batch()
                self.env['ir.cron']._commit_progress(processed=len(batch))
                outcomes += batch_outcomes
            except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, UniqueViolation):
                self.env.cr.rollback()
                conflicts += 1
            except Exception:
                # What is odd about one order must stop no other.
                self.env.cr.rollback()
                outcomes += batch._import_apart()
        return outcomes

    def _import_apart(self):
        """Import these orders one after the other; whatever goes wrong stays on its order.

        :return: As `_import_orders`.
        :rtype: Counter
        """
        outcomes = Counter()
        for order in self:
            order = order[0]  # Avoid prefetching after each cache invalidation.
            try:
                outcomes += order.try_lock_for_update(allow_referencing=True)._import_alone()
                self.env['ir.cron']._commit_progress(processed=1)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                self.env.cr.rollback()  # It is left to the worker that is faster.
        return outcomes

    def _import_alone(self):
        """Import this order, if it is not locked by another worker; see `_import_apart`."""
        try:
            with mute_logger('odoo.sql_db'), self.env.cr.savepoint():
                return self._import_batch()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as exception:
            self._mark_failed(exception)
            return Counter(failed=1)

    def _import_batch(self):
        """Import these orders; each one that can't be imported keeps the reason.

        :return: As `_import_orders`.
        :rtype: Counter
        """
        outcomes = Counter()
        for account, inbox in self.grouped('account_id').items():
            inbox = inbox.with_company(account.company_id).with_context(**LEAN_CONTEXT)
            outcomes += inbox._import_for(account.with_env(inbox.env))
        return outcomes

    def _import_for(self, account):
        """Import these orders, all of one account.

        :param amazon.account account: The account they came through.
        :return: As `_import_orders`.
        :rtype: Counter
        """
        self._link_sale_orders()
        outcomes = Counter()
        failures = self._do_together_or_apart(self.env['amazon.shipment']._take_echoes)
        incoming_by_order = {}
        steps = defaultdict(self.browse)
        for order in self - self.browse().union(*failures):
            step, reason = order._choose_step(account)
            if step is Step.SKIP:
                order._mark_skipped(reason)
                outcomes[step.value] += 1
                continue
            try:
                if step is not Step.CANCEL:
                    incoming_by_order[order] = Incoming(order, order._parse(step))
                steps[step] |= order
            except Malformed as error:
                failures[order] = error
        failures.update(self._find_obstacles(account, list(incoming_by_order.values())))
        for step in Step:
            todo = steps[step] - self.browse().union(*failures)
            # What failed before is apart, or it would cost those that are new each time.
            fresh = todo.filtered(lambda order: not order.attempts)
            for part in filter(None, (fresh, todo - fresh)):
                failed = part._do_together_or_apart(
                    lambda inbox, step=step: inbox._take_step(step, incoming_by_order),
                )
                failures.update(failed)
                outcomes[step.value] += len(part) - len(failed)
        for order, exception in failures.items():
            order._mark_failed(exception)
        outcomes['failed'] += len(failures)
        account._follow_up_failures()
        return outcomes

    def _link_sale_orders(self):
        """Find the sales orders of the ones that have lost the link to theirs."""
        unlinked = self.filtered(lambda o: not o.sale_order_id)
        sale_orders = self.env['sale.order'].search([
            ('company_id', 'in', unlinked.company_id.ids),
            ('amazon_order_ref', 'in', unlinked.mapped('amazon_order_ref')),
        ]).grouped(lambda so: (so.company_id, so.amazon_order_ref))
        for order in unlinked:
            order.sale_order_id = sale_orders.get((order.company_id, order.amazon_order_ref))

    def _choose_step(self, account):
        """Decide what an order asks for, by its status and channel.

        :param amazon.account account: The account it came through.
        :return: The step; for `SKIP` the reason, too.
        :rtype: tuple[Step, str | None]
        """
        self.ensure_one()
        if not self.sale_order_id and self.sale_order_deleted:
            return Step.SKIP, self.env._(
                "Its sales order was deleted in Odoo. Retry makes it again; goods that have left"
                " stay as they are.",
            )
        if not self.sale_order_id and self.is_sold_elsewhere:
            return self._choose_step_sold_elsewhere(account)
        status, step = self.amazon_status, Step.UPDATE if self.sale_order_id else Step.CREATE
        if status == Status.CANCELLED:
            return (Step.CANCEL, None) if self.sale_order_id else (
                Step.SKIP, self.env._("Cancelled on Amazon before it came to Odoo."),
            )
        if status and status not in Status.ALL:
            return Step.SKIP, self.env._(
                "Amazon's status %(status)s is new to this connector. It looks again when the order"
                " changes.",
                status=status,
            )
        if step is Step.UPDATE or not (status and self.channel):
            return step, None
        if status in Status.NOT_RELEASED:
            return Step.SKIP, self.env._("Waits on Amazon, which has not released it yet.")
        if self.channel == 'fba':
            return (step, None) if status == Status.SHIPPED else (
                Step.SKIP, self.env._("Waits for Amazon to ship it."),
            )
        if status == Status.SHIPPED and not (
            self.import_shipped or account.shipped_elsewhere == 'import'
        ):
            return Step.SKIP, self.env._("Shipped outside Odoo before it came here.")
        return step, None

    def _choose_step_sold_elsewhere(self, account):
        """Decide what an order asks for that was sold in another shop and is shipped by Amazon.

        :param amazon.account account: The account it came through.
        :return: As `_choose_step`.
        :rtype: tuple[Step, str | None]
        """
        if account.sold_elsewhere == 'skip' or self.channel != 'fba':
            return Step.SKIP, self.env._(
                "Sold in another shop; Amazon only ships it. To take its goods from the FBA"
                " location, choose so in the account, then press Retry.",
            )
        if self.amazon_status == Status.SHIPPED:
            return Step.MOVE, None
        if self.env['stock.move']._get_moved_without_sale(account, self.amazon_order_ref):
            note = self.env._(
                "%(status)s on Amazon after its goods were taken from the FBA location. Nothing was"
                " undone: count them there if they came back.",
                status=self.amazon_status,
            )
            account._warn_person_in_charge(f'{self.amazon_order_ref}: {note}')
            return Step.SKIP, note
        return Step.SKIP, self.env._(
            "Sold in another shop, and not shipped by Amazon: %(status)s.",
            status=self.amazon_status,
        )

    def _parse(self, step=Step.UPDATE):
        """Return the order as `amazon.orders` reads it.

        :param Step step: What the order asks for; with `MOVE` only its goods are read.
        :rtype: amazon.orders.Order | amazon.orders.ShippedGoods
        :raise Malformed: If it can't be understood, naming the field.
        """
        self.ensure_one()
        if not self.payload:
            raise Malformed(
                self.amazon_order_ref, self.env._("Amazon's data"),
                self.env._("were removed to protect the buyer: press Fetch Again"),
            )
        if step is Step.MOVE:
            return orders.parse_shipped_goods(load_json(self.payload))
        payload = load_json(self.payload)
        try:
            data = orders.parse_order(
                payload, orders.Given(channel=self.sale_order_id.amazon_channel or ''),
            )
        except Malformed:
            if not self.given:
                raise
            data = orders.parse_order(payload, orders.Given.from_json(self.given))
        if not data.currency:
            currency = self.marketplace_id.currency_id or self.company_id.currency_id
            data = replace(data, currency=currency.name)
        if not data.updated_at:
            moment = self.amazon_updated_at.replace(tzinfo=timezone.utc)
            data = replace(data, purchased_at=moment, updated_at=moment)
        if not all(item.sku for item in data.items):
            data = self._find_missing_skus(data)
        return data

    def _find_questions(self):
        """Return what Amazon does not say of the order, so that a person has to.

        :rtype: amazon.orders.Questions
        """
        self.ensure_one()
        # In sudo mode: Amazon's data are for Amazon administrators only, what is missing is not.
        payload = self.sudo().payload
        return orders.find_questions(load_json(payload)) if payload else orders.Questions()

    def _import_anyway(self, given):
        """Import the order with what a person has answered for.

        :param amazon.orders.Given given: The answers.
        :return: The notification to show.
        :rtype: dict
        """
        self.ensure_one()
        return self._import_again({
            'state': 'to_do', 'attempts': 0, 'next_try': False, 'given': given.to_json(),
        })

    def _find_missing_skus(self, data):
        """Return an order with the SKUs that Amazon left out, as other orders of the ASINs had it.

        An ASIN that was never sold before stands in for its SKU, so that it can be matched.

        :param amazon.orders.Order data: The order as read.
        :rtype: amazon.orders.Order
        """
        self.ensure_one()
        offers = self.env['amazon.offer'].search([
            ('account_id', '=', self.account_id.id),
            ('marketplace_id', '=', self.marketplace_id.id),
            ('asin', 'in', [item.asin for item in data.items if item.asin and not item.sku]),
        ], order='product_id, id').grouped('asin')
        items, notes = [], [*data.notes]
        for item in data.items:
            if not item.sku:
                known = offers.get(item.asin, self.env['amazon.offer'])
                known = known.filtered(lambda o: o.channel == data.channel) or known
                sku = known[:1].sku or item.asin or item.item_id
                notes.append(self.env._(
                    "the SKU of “%(title)s” is missing, %(sku)s was taken for it",
                    title=item.title or item.asin or item.item_id, sku=sku,
                ))
                item = replace(item, sku=sku)
            items.append(item)
        return replace(data, items=tuple(items), notes=tuple(notes))

    @api.model
    def _find_obstacles(self, account, incoming_list):
        """Return which orders lack something that only a person can give: a currency or a match.

        The offers of all are made: they are what a person works on.

        :param amazon.account account: The account of the orders.
        :param list[Incoming] incoming_list: The orders.
        :return: What is in the way.
        :rtype: dict[amazon.order, UserError]
        """
        offers = self.env['amazon.offer']._get_or_create_for(account, incoming_list)
        failures = {}
        for incoming in incoming_list:
            order, data = incoming.order, incoming.data
            try:
                if not (order.is_sold_elsewhere or order.currency_id.active):
                    account._get_currency(data.currency)
                if not order.sale_order_id:
                    order._check_offers(account, self.env['amazon.offer'].union(*(
                        offers[order.marketplace_id.id, item.sku] for item in data.items
                    )))
            except UserError as error:
                failures[order] = error
        return failures

    def _check_offers(self, account, offers):
        """Refuse an order whose offers are not matched, where a match is wanted.

        :param amazon.account account: The account of the order.
        :param amazon.offer offers: The offers of its items.
        :return: None
        :raise UserError: Naming the SKUs.
        """
        self.ensure_one()
        missing = offers.filtered(lambda o: not o.product_id)
        if missing and (
            self.is_sold_elsewhere or account.only_matched_products or not account.product_id
        ):
            self.waiting_offer_ids = missing
            raise UserError(self.env._(
                "SKU %(skus)s is not matched: choose its product under Amazon ▸ Offers, then the"
                " order is imported by itself.",
                skus=', '.join(missing.mapped('sku')),
            ))

    def _take_step(self, step, incoming_by_order):
        """Do what these orders ask for, which is the same for all of them.

        :param Step step: What they ask for.
        :param dict[amazon.order, Incoming] incoming_by_order: These and maybe others, with what
                                                               was read of them.
        :return: What stopped those that were left out, if any was.
        :rtype: dict[amazon.order, Exception] | None
        :raise Exception: If it can't be done with one of them.
        """
        match step:
            case Step.CREATE:
                return self._create_sale_orders(incoming_by_order)
            case Step.UPDATE:
                return self._update_sale_orders(incoming_by_order)
            case Step.CANCEL:
                return self._cancel_sale_orders()
            case Step.MOVE:
                return self._move_goods_sold_elsewhere(
                    [incoming_by_order[order] for order in self],
                )

    def _create_sale_orders(self, incoming_by_order):
        """Make the sales orders, confirm them and move the goods that are on their way already.

        They are made part by part, so that one that can't be made costs the others little, and
        confirmed together.

        :param dict[amazon.order, Incoming] incoming_by_order: The orders as read.
        :return: What stopped those that can't be made.
        :rtype: dict[amazon.order, Exception]
        :raise UserError: If one can't be confirmed, saying why.
        """
        attempted, failures = {}, {}

        def create(inbox):
            attempt = {order: copy(incoming_by_order[order]) for order in inbox}
            self.env['sale.order']._create_from_amazon(self.account_id, list(attempt.values()))
            attempted.update(attempt)

        rest, size = self, PART_SIZE
        while rest:
            part, rest = rest[:size], rest[size:]
            failures.update(part._do_together_or_apart(create))
            if len(failures) > 1:
                size = CAREFUL_PART_SIZE
        made = [attempted[order] for order in self if order not in failures]
        if made:
            self.env['sale.order']._confirm_from_amazon(made)
        for incoming in made:
            incoming.order._mark_done(incoming.sale_order, incoming.data.notes)
        return failures

    def _update_sale_orders(self, incoming_by_order):
        """Carry over what changed on Amazon to the sales orders.

        :param dict[amazon.order, Incoming] incoming_by_order: The orders as read.
        :return: None
        :raise UserError: If it can't be, saying why.
        """
        for order in self:
            data = incoming_by_order[order].data
            with order._blamed():
                order.sale_order_id._adopt_amazon_items(data)
                order.sale_order_id._update_from_amazon(data)
                order._mark_done(order.sale_order_id, data.notes)

    def _cancel_sale_orders(self):
        """Cancel the sales orders of orders that were cancelled on Amazon.

        :return: None
        """
        for order in self:
            with order._blamed():
                order.sale_order_id._cancel_from_amazon()
                order._mark_done(order.sale_order_id)

    def _move_goods_sold_elsewhere(self, incoming_list):
        """Take from the FBA location what Amazon shipped of orders of other shops.

        :param list[Incoming] incoming_list: These orders as read.
        :return: None
        """
        account = self.account_id
        offers = self.env['amazon.offer']._get_for(
            account, [incoming.data for incoming in incoming_list],
        )
        self.env['stock.move']._ship_without_sale(account, [
            ShippedItem(
                order_ref=incoming.order.amazon_order_ref,
                item_ref=item.item_id,
                product=offers[incoming.order.marketplace_id.id, item.sku].product_id,
                quantity=item.quantity,
                serial_numbers=item.serial_numbers,
                shipped_at=to_naive(incoming.data.updated_at),
            )
            for incoming in incoming_list
            for item in incoming.data.items
        ])
        for order in self:
            order._mark_done(self.env['sale.order'])

    def _note_sale_orders_deleted(self):
        """Record that a person deleted the sales orders, so that they are not made again.

        :return: None
        """
        self.write({'sale_order_deleted': True})
        for order in self:
            order._mark_skipped(order._choose_step(order.account_id)[1])

    def _mark_done(self, sale_order, notes=()):
        """Record that Odoo is up to date with an order.

        :param sale.order sale_order: What became of it.
        :param notes: What was tolerated, see `amazon.orders.Order`.
        :return: None
        """
        self.write({
            'state': 'done',
            'sale_order_id': sale_order.id,
            'note': '\n'.join(notes),
            'reason': False,
            'attempts': 0,
            'next_try': False,
        })
        if self.waiting_offer_ids:
            self.waiting_offer_ids = False

    def _mark_skipped(self, reason):
        """Record that an order is not for Odoo, or not yet.

        :param str reason: Why, in a sentence.
        :return: None
        """
        self.write({'state': 'skipped', 'reason': reason, 'attempts': 0, 'next_try': False})

    @api.model
    def _retry_waiting_for_offers(self, offers):
        """Import the orders that waited for nothing but the match of these offers.

        :param amazon.offer offers: Offers that have been matched to products.
        :return: The orders.
        :rtype: amazon.order
        """
        # In sudo mode: the inbox is written by the connector only.
        waiting = self.sudo().search([
            ('state', '=', 'failed'), ('waiting_offer_ids', 'in', offers.ids),
        ]).filtered(lambda o: all(offer.product_id for offer in o.waiting_offer_ids))
        if waiting:
            waiting.write({'state': 'to_do', 'reason': False, 'attempts': 0, 'next_try': False})
            self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()
        return waiting

    # === BUSINESS METHODS - DATA PROTECTION === #

    @api.model
    def _cron_remove_payloads(self):
        """Remove what Amazon sent about orders that were delivered long enough ago.

        :return: None
        """
        for [account] in self._read_group([('payload', '!=', False)], ['account_id']):
            domain = [
                ('account_id', '=', account.id),
                ('payload', '!=', False),
                ('delivered_at', '<', fields.Datetime.now() - timedelta(days=account.payload_days)),
            ]
            while expired := self.search(domain, limit=10 * BATCH_SIZE):
                expired.payload = False
                if not self.env['ir.cron']._commit_progress(processed=len(expired)):
                    return


def _get_fingerprint(text):
    """Return what stands for the reference of an order whose own can't be read."""
    return f'? {sha256(text.encode()).hexdigest()[:12]}'
