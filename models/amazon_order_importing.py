from collections import Counter, defaultdict
from copy import copy
from dataclasses import replace
from datetime import timezone

from psycopg2.errors import UniqueViolation

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..amazon import orders
from ..amazon.errors import (
    Malformed,
)
from ..amazon.orders import Status
from ..amazon.payload import load_json
from .guard import as_connector
from .incoming import LEAN_CONTEXT, Incoming, Step
from .quiet import log_failure, quiet_sql
from .stock_move import ShippedItem
from .tools import CRON_SECONDS, TimeBudget, to_naive
from .vault import KeyUnusable, check_key

BATCH_SIZE = 100
PART_SIZE = 25
CAREFUL_PART_SIZE = 10  # when more than one has failed: others may
MAX_CONFLICTS = 5


class AmazonOrder(models.Model):
    """How orders leave the inbox: in batches, each one that can't be imported keeps the reason."""

    _inherit = 'amazon.order'

    # === BUSINESS METHODS - BATCHES === #

    @api.model
    def _cron_import_orders(self):
        """Import what is to be imported, and hand over what the time did not suffice for.

        :return: None
        """
        budget = TimeBudget(CRON_SECONDS)
        try:
            self._import_orders(budget)
        except KeyUnusable:
            self.env.cr.rollback()  # The connections say so, when they fetch.
        except Exception as exception:
            # After a commit, an exception would make the cron run again at once, over and over.
            self.env.cr.rollback()
            log_failure(self, exception)
        else:
            if budget.is_spent() and self.search_count(self._get_due_domain(), limit=1):
                self.env.ref('amazon_connector.ir_cron_import_orders')._trigger()
        self.env['ir.cron']._commit_progress(remaining=0)

    @api.model
    @quiet_sql()
    def _import_orders(self, budget, accounts=None, inbox=None):
        """Import what is to be imported, in batches that are committed one by one.

        The rows of a batch are locked, so that workers divide the inbox and never meet.

        :param TimeBudget budget: No batch is begun when it is spent.
        :param amazon.account accounts: Only of these; all by default.
        :param amazon.order inbox: Only these; all by default.
        :return: How many orders were `created`, `updated`, `cancelled`, `moved`, `skipped`,
                 `failed`.
        :rtype: Counter
        :raise KeyUnusable: If Amazon's data can't be decrypted.
        """
        check_key(self.env)
        domain = self._get_due_domain()
        if accounts is not None:
            domain &= Domain('account_id', 'in', accounts.ids)
        if inbox is not None:
            domain &= Domain('id', 'in', inbox.ids)
        outcomes = Counter()
        conflicts = 0
        tried = []  # No order is taken up twice, even if nothing can be kept of its failure.
        while not budget.is_spent() and conflicts < MAX_CONFLICTS:
            try:
                candidates = self.search(
                    domain & Domain('id', 'not in', tried), order='id', limit=10 * BATCH_SIZE,
                )
                batch = candidates.try_lock_for_update(allow_referencing=True, limit=BATCH_SIZE)
                if not batch:
                    break
                batch_outcomes = batch._import_batch()
                self.env['ir.cron']._commit_progress(processed=len(batch))
                outcomes += batch_outcomes
                tried += batch.ids
            except (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, UniqueViolation):
                self.env.cr.rollback()
                conflicts += 1
            except Exception:
                # What is odd about one order must stop no other.
                self.env.cr.rollback()
                outcomes += batch._import_apart()
                tried += batch.ids
        if conflicts == MAX_CONFLICTS:
            self.env.ref('amazon_connector.ir_cron_import_orders').sudo()._trigger()
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
                for locked in order.try_lock_for_update(allow_referencing=True):
                    outcomes += locked._do_safely(
                        lambda order: order._import_batch(),
                    ) or Counter(failed=1)
                self.env['ir.cron']._commit_progress(processed=1)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                self.env.cr.rollback()  # It is left to the worker that is faster.
        return outcomes

    def _import_batch(self):
        """Import these orders; each one that can't be imported keeps the reason.

        :return: As `_import_orders`.
        :rtype: Counter
        """
        outcomes = Counter()
        for account, inbox in self.grouped('account_id').items():
            inbox = inbox.with_company(account.company_id).with_context(
                **account._get_ears(), **LEAN_CONTEXT,
            )
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
            except Malformed as error:
                failures[order] = error
                continue
            if step is Step.MOVE and order._is_before_cut_over(account, incoming_by_order[order]):
                del incoming_by_order[order]
                order._mark_skipped(self.env._(
                    "Bought before the cut-over, so that its goods are not taken from the FBA"
                    " location. To take them, change the Cut-Over of the account, then press"
                    " Retry.",
                ))
                outcomes[Step.SKIP.value] += 1
                continue
            steps[step] |= order
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
            order._note_failure_safely(exception)
        outcomes['failed'] += len(failures)
        account._follow_up_failures()
        return outcomes

    def _link_sale_orders(self):
        """Find the sales orders of the ones that have lost the link to theirs.

        None but the connector can give a sales order Amazon's reference, see `amazon.guard.mixin`.
        """
        unlinked = self.filtered(lambda o: not o.sale_order_id)
        sale_orders = self.env['sale.order'].search([
            ('company_id', 'in', unlinked.company_id.ids),
            ('amazon_order_ref', 'in', unlinked.mapped('amazon_order_ref')),
        ]).grouped(lambda so: (so.company_id, so.amazon_order_ref))
        for order in unlinked:
            if sale_order := sale_orders.get((order.company_id, order.amazon_order_ref)):
                order.sale_order_id = sale_order

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
        if self.sale_order_id and not self.sale_order_id.amazon_account_id:
            return Step.SKIP, self.env._(
                "Its sales order was made before the connector was uninstalled. It is not followed"
                " any more.",
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

    def _is_before_cut_over(self, account, incoming):
        """Return whether an order of another shop was bought before the cut-over, and remember it:
        a later cut-over does not change what has been decided.

        :param amazon.account account: The account it came through.
        :param Incoming incoming: The order as read.
        :rtype: bool
        """
        self.ensure_one()
        if not self.cut_over and (
            cut_over := account._get_cut_over_of(incoming.data.purchased_at)
        ):
            self.cut_over = cut_over
        return bool(self.cut_over)

    def _parse(self, step=Step.UPDATE):
        """Return the order as `amazon.orders` reads it.

        :param Step step: What the order asks for; with `MOVE` only its goods are read.
        :rtype: amazon.orders.Order | amazon.orders.ShippedGoods
        :raise Malformed: If it can't be understood, naming the field.
        """
        self.ensure_one()
        text = self.payload
        if not text:
            raise Malformed(
                self.amazon_order_ref, self.env._("Amazon's data"),
                self.env._("were removed to protect the buyer: press Fetch Again"),
            )
        payload = load_json(text)
        if step is Step.MOVE:
            return orders.parse_shipped_goods(payload)
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

    @as_connector()
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
                product=offer.product_id,
                quantity=item.quantity * offer.pack_size,
                serial_numbers=item.serial_numbers,
                shipped_at=to_naive(incoming.data.updated_at),
            )
            for incoming in incoming_list
            for item in incoming.data.items
            for offer in offers[incoming.order.marketplace_id.id, item.sku]
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
