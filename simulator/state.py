"""The sellers of the simulated Amazon: their orders, and what happens to them."""

from __future__ import annotations

import bisect
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias

from .fba_stock import FbaOwner
from .finances import FinanceOwner
from .listings import ListingOwner
from .marketplaces import Marketplace, find_marketplace
from .oddities import ODDITIES
from .orders import (
    CHANNELS,
    DISCOUNT_STYLES,
    PENDING_STATUSES,
    STATUSES,
    Address,
    Buyer,
    Item,
    Order,
    Package,
)
from .roles import OPERATION_ROLES, PERSONAL_ROLES, ROLES
from .vat_invoices import InvoiceOwner

MILLISECOND = timedelta(milliseconds=1)
# Packages that `confirmShipment` did not tell of are numbered from here, far from the merchant's.
FIRST_OWN_REFERENCE = 7_000_000_001
# searchOrders knows nothing younger than this.
SEARCH_LAG = timedelta(minutes=2)

OrderKey: TypeAlias = 'Order | str'
SortKey: TypeAlias = tuple[datetime, str]


class Clock:
    """Amazon's time. It runs with the machine's, can be moved forward and stopped."""

    def __init__(self) -> None:
        self.reset()

    @property
    def is_frozen(self) -> bool:
        """Tell whether the clock stands still."""
        return self._frozen_at is not None

    def now(self) -> datetime:
        """Return Amazon's time in UTC, to the millisecond."""
        moment = self._frozen_at or datetime.now(timezone.utc) + self._offset
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def advance(self, **duration: float) -> datetime:
        """Move the clock by `timedelta`'s keyword arguments and return the new time."""
        self._move(timedelta(**duration))
        return self.now()

    def advance_to(self, moment: datetime) -> None:
        """Move the clock forward to a time; do nothing when it is past."""
        self._move(max(moment - self.now(), timedelta()))

    def freeze(self, at: datetime | None = None) -> None:
        """Stop the clock, now or at a time."""
        self._frozen_at = (at or self.now()).astimezone(timezone.utc)

    def unfreeze(self) -> None:
        """Let a stopped clock run on from where it stands."""
        if self._frozen_at is not None:
            self._offset = self._frozen_at - datetime.now(timezone.utc)
            self._frozen_at = None

    def reset(self) -> None:
        """Run with the machine's clock again."""
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    def _move(self, duration: timedelta) -> None:
        if self._frozen_at is not None:
            self._frozen_at += duration
        else:
            self._offset += duration


@dataclass(frozen=True)
class Participation:
    """A seller's presence in a marketplace, named by its country code."""
    marketplace: str
    is_participating: bool = True
    has_suspended_listings: bool = False


@dataclass(frozen=True)
class SellerProfile:
    """Who a seller is, and the application that the seller has authorised.

    :param roles: which roles for the data of persons the application has
    """
    seller_id: str
    client_id: str
    client_secret: str
    refresh_token: str
    store_name: str
    participations: tuple[Participation, ...]
    roles: frozenset[str] = PERSONAL_ROLES
    application_id: str = 'amzn1.sp.solution.simulator'


# One address stands for all of Amazon's regions, so one seller can have Europe and Japan.
DEFAULT_SELLER = SellerProfile(
    seller_id='A2SIMULATOR001',
    client_id='amzn1.application-oa2-client.simulator',
    client_secret='amzn1.oa2-cs.v1.simulator',
    refresh_token='Atzr|simulator-default',
    store_name='Nordwind Home',
    participations=(Participation('DE'), Participation('GB'), Participation('JP')),
)

_DEFAULT_ADDRESSES = {
    'JP': Address(
        name='佐藤 健', line1='神南1-12-10', city='渋谷区', state='東京都',
        postal_code='150-0041', country='JP', phone='+81 3-0000-0000', address_type='RESIDENTIAL',
    ),
    'GB': Address(
        name='Jane Fletcher', line1='14 Orchard Road', city='Leeds', state='West Yorkshire',
        postal_code='LS1 4AP', country='GB', phone='+44 113 496 0000', address_type='RESIDENTIAL',
    ),
    'DE': Address(
        name='Erika Beispiel', line1='Lindenweg 4', city='Köln', state='Nordrhein-Westfalen',
        postal_code='50667', country='DE', phone='+49 221 0000000', address_type='RESIDENTIAL',
    ),
}


class Seller(ListingOwner, FbaOwner, FinanceOwner, InvoiceOwner):
    """One seller's shop on Amazon.

    Every change moves the order's `lastUpdatedTime`. Orders are named by themselves or by id.
    `sends_status_always` is Amazon's other habit: status and fulfiller even without FULFILLMENT.
    `searches_without_status` is a third: searches that leave out what FULFILLMENT asks for.
    `refresh_tokens` has the client id of the application that each token was given to.

    :param is_order_id_taken: asks the whole of Amazon, for its order ids are unique
    :param publish: makes a report of settlements (see `ReportDesk.publish_settlements`)
    """

    def __init__(
        self,
        profile: SellerProfile,
        clock: Clock,
        lock: threading.RLock,
        is_order_id_taken: Callable[[str], bool],
        publish: Callable[..., str],
    ) -> None:
        self.profile = profile
        self.clock = clock
        self._lock = lock
        self._is_order_id_taken = is_order_id_taken
        self._publish = publish
        self.clear()

    def clear(self) -> None:
        """Start anew: authorised, with all roles, without orders, listings, stock and money."""
        with self._lock:
            self.is_authorised = True
            self.refresh_tokens = {self.profile.refresh_token: self.profile.client_id}
            self.roles = self.profile.roles | OPERATION_ROLES
            self.sends_status_always = False
            self.searches_without_status = False
            self.orders: dict[str, Order] = {}
            self.newest_change = datetime.min.replace(tzinfo=timezone.utc)
            self._by_updated: list[SortKey] = []
            self._by_created: list[SortKey] = []
            self._counter = 0
            self.clear_listings()
            self.clear_fba_stock()
            self.clear_money()
            self.clear_finances()
            self.clear_vat_invoices()

    @property
    def marketplace_ids(self) -> list[str]:
        """Return the ids of the marketplaces where the seller is present."""
        return [
            find_marketplace(participation.marketplace).id
            for participation in self.profile.participations
        ]

    # === AUTHORISATION === #

    def revoke_authorisation(self) -> None:
        """Withdraw the application's access: LWA and SP-API refuse it from now on."""
        self.is_authorised = False

    def authorise(self) -> None:
        """Give the application access again, with the same refresh tokens."""
        self.is_authorised = True
        self.refresh_tokens[self.profile.refresh_token] = self.profile.client_id

    def consent(self) -> None:
        """Give the application access by its consent page: what was withdrawn stays void."""
        if not self.is_authorised:
            self.refresh_tokens.clear()
        self.is_authorised = True

    def revoke_role(self, role: str) -> None:
        """Take a role away from the application.

        :raise ValueError: there is no such role
        """
        self.roles -= _known_role(role)

    def grant_role(self, role: str) -> None:
        """Give the application a role.

        :raise ValueError: there is no such role
        """
        self.roles |= _known_role(role)

    # === LIFE OF AN ORDER === #

    def place_order(
        self,
        marketplace: str = 'DE',
        channel: str = 'FBM',
        items: Iterable[Item] = (),
        *,
        status: str = 'UNSHIPPED',
        placed_at: datetime | None = None,
        updated_at: datetime | None = None,
        order_id: str = '',
        buyer: Buyer | None = None,
        address: Address | None = None,
        odd: str = '',
        **details: Any,
    ) -> Order:
        """Let a buyer order something.

        :param marketplace: country code
        :param channel: 'FBM' or 'FBA'
        :param items: what is bought; one unit of SKU 'SKU-1' unless told
        :param status: how far the order has come; 'SHIPPED' ships and 'CANCELLED' cancels all of it
        :param placed_at: `createdTime`, now unless told
        :param updated_at: `lastUpdatedTime`, `placed_at` unless told
        :param odd: what is odd about its JSON, a key of `ODDITIES`; see `override`
        :param details: further fields of `Order`
        :raise ValueError: the arguments make no order
        """
        if channel not in CHANNELS or status not in STATUSES or status == 'PARTIALLY_SHIPPED':
            raise ValueError(f'No order can be placed as {channel} {status}')
        if details.get('discount_style', 'negative') not in DISCOUNT_STYLES:
            raise ValueError(f"Unknown discount style {details['discount_style']}")
        with self._lock:
            placed_at = placed_at or self.clock.now()
            place = find_marketplace(marketplace)
            order = Order(
                order_id=order_id or self._next_order_id(place),
                marketplace=place,
                channel=channel,
                status='UNSHIPPED' if status in ('SHIPPED', 'CANCELLED') else status,
                created=placed_at,
                items=[replace(item) for item in items] or [Item('SKU-1')],
                buyer=buyer or self._default_buyer(place),
                address=address or _DEFAULT_ADDRESSES.get(place.code, _DEFAULT_ADDRESSES['DE']),
                **details,
            )
            if self._is_order_id_taken(order.order_id):
                raise ValueError(f'Order {order.order_id} exists')
            order.override = _find_patch(odd)
            self._number_items(order)
            self._promise_dates(order)
            self._file(order, updated_at or placed_at)
            if status != 'CANCELLED':
                self.take_from_listings(order)
            if status == 'SHIPPED':
                self.ship(order, at=order.last_updated)
            elif status == 'CANCELLED':
                self.cancel(order, at=order.last_updated)
            return order

    def pay(self, order: OrderKey, *, at: datetime | None = None) -> Order:
        """Let the payment of a pending order succeed, which opens it for shipping."""
        with self._change(order, at, PENDING_STATUSES) as changed:
            changed.status = 'UNSHIPPED'
        return changed

    def ship(
        self,
        order: OrderKey,
        quantities: Mapping[str, int] | None = None,
        *,
        carrier: str = 'DHL',
        service: str = 'DHL Paket',
        tracking: str = '',
        at: datetime | None = None,
    ) -> Order:
        """Send the order, in one package when the merchant fulfils it.

        Amazon hears of it without the application: from Seller Central, or by a label it sold.

        :param quantities: quantity by item id or SKU; all that is open unless told
        """
        with self._change(order, at, ('UNSHIPPED', 'PARTIALLY_SHIPPED')) as changed:
            sent = self._quantities(changed, quantities)
            self._count_as_shipped(changed, sent)
            self.take_from_fba_stock(changed, sent)
            if changed.channel == 'FBM':
                number = len(changed.packages) + 1
                changed.packages.append(Package(
                    reference=self.next_reference(changed),
                    quantities=sent,
                    carrier=carrier,
                    service=service,
                    tracking=tracking or f"{changed.order_id.replace('-', '')}{number:03d}",
                    shipped_at=at or self.clock.now(),
                ))
            self._settle_status(changed)
            self.post_shipment(changed, at)
        return changed

    def confirm_package(
        self, order: OrderKey, package: Package, *, at: datetime | None = None,
    ) -> Order:
        """Add a package that the application tells of, in place of the one with its reference."""
        with self._change(order, at) as changed:
            former = changed.find_package(package.reference)
            if former is None:
                changed.packages.append(package)
            else:
                changed.packages[changed.packages.index(former)] = package
                self._count_as_shipped(changed, former.quantities, sign=-1)
            self._count_as_shipped(changed, package.quantities)
            self._settle_status(changed)
            self.post_shipment(changed, at)
        return changed

    def next_reference(self, order: Order) -> str:
        """Return the reference that Amazon itself gives to the next package of an order."""
        return str(FIRST_OWN_REFERENCE + len(order.packages))

    def deliver(self, order: OrderKey, *, at: datetime | None = None) -> Order:
        """Let every package of the order arrive."""
        with self._change(order, at) as changed:
            for package in changed.packages:
                package.status = package.detailed_status = 'DELIVERED'
        return changed

    def cancel(
        self,
        order: OrderKey,
        *,
        by: str = 'BUYER',
        reason: str = 'No longer needed',
        at: datetime | None = None,
    ) -> Order:
        """Cancel all that is not shipped.

        :param by: 'BUYER', 'MERCHANT' or 'AMAZON'
        """
        with self._change(order, at, (*PENDING_STATUSES, 'UNSHIPPED', 'PARTIALLY_SHIPPED')) as it:
            if it.status in PENDING_STATUSES:
                self.give_back_to_listings(it)
            for item in it.items:
                item.quantity_cancelled += item.quantity_open
                item.cancellation = by, reason
            self._settle_status(it)
        return it

    def cancel_item(
        self,
        order: OrderKey,
        item: str | None = None,
        quantity: int | None = None,
        *,
        by: str = 'BUYER',
        reason: str = 'No longer needed',
        at: datetime | None = None,
    ) -> Order:
        """Cancel one line or a part of it: ordered quantity and amounts go down.

        :param item: item id or SKU, the first line unless told
        :param quantity: all that is open unless told
        """
        with self._change(order, at, ('UNSHIPPED', 'PARTIALLY_SHIPPED')) as changed:
            line = changed.find_item(item)
            self._check_quantity(line, quantity)
            line.quantity_cancelled += line.quantity_open if quantity is None else quantity
            line.cancellation = by, reason
            self._settle_status(changed)
        return changed

    def request_cancellation(
        self,
        order: OrderKey,
        reason: str = 'Ordered by mistake',
        item: str | None = None,
        *,
        at: datetime | None = None,
    ) -> Order:
        """Let the buyer ask for the cancellation of a line, or of all lines."""
        with self._change(order, at) as changed:
            for line in [changed.find_item(item)] if item else changed.items:
                line.cancellation_request = reason
        return changed

    def edit(self, order: OrderKey, *, at: datetime | None = None, **values: Any) -> Order:
        """Change fields of `Order`, such as the address, the buyer or the promised dates."""
        unknown = values.keys() - {field.name for field in fields(Order) if field.init}
        if unknown:
            raise ValueError(f"An order has no {', '.join(sorted(unknown))}")
        with self._change(order, at) as changed:
            for name, value in values.items():
                setattr(changed, name, value)
            self._number_items(changed)
        return changed

    def edit_item(
        self,
        order: OrderKey,
        item: str | None = None,
        *,
        at: datetime | None = None,
        **values: Any,
    ) -> Order:
        """Change fields of `Item` on one line, by item id or SKU (the first unless told)."""
        unknown = values.keys() - {field.name for field in fields(Item) if field.init}
        if unknown:
            raise ValueError(f"An item has no {', '.join(sorted(unknown))}")
        with self._change(order, at) as changed:
            line = changed.find_item(item)
            for name, value in values.items():
                setattr(line, name, value)
        return changed

    def touch(self, order: OrderKey, *, at: datetime | None = None) -> Order:
        """Change something that the JSON does not show."""
        with self._change(order, at) as changed:
            return changed

    def override(
        self,
        order: OrderKey,
        patch: Callable[[dict[str, Any]], dict[str, Any] | None] | str | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        remove: Iterable[str] = (),
        at: datetime | None = None,
    ) -> Order:
        """Falsify the JSON of one order; without a patch the truth is told again.

        :param patch: gets the JSON object, changes it or returns another one; or a key of
            `ODDITIES`
        :param values: value by JSON pointer, e.g. `{'/orderItems/0/quantityOrdered': 'two'}`
        :param remove: JSON pointers to leave out
        """
        remove = tuple(remove)
        if patch is None and (values or remove):
            patch = _pointer_patch(values or {}, remove)
        with self._change(order, at) as changed:
            changed.override = _find_patch(patch) if isinstance(patch, str) else patch
        return changed

    # === READING === #

    def get_order(self, order: OrderKey) -> Order:
        """Return an order of the seller.

        :raise LookupError: there is none with that id
        """
        order_id = order.order_id if isinstance(order, Order) else order
        try:
            return self.orders[order_id]
        except KeyError:
            raise LookupError(f'{self.profile.seller_id} has no order {order_id}') from None

    def walk_orders(
        self,
        by: str,
        after: datetime,
        before: datetime,
        beyond: SortKey | None = None,
    ) -> Iterator[tuple[SortKey, Order]]:
        """Yield (sort key, order) in ascending order, both bounds included.

        :param by: 'lastUpdated' or 'created'
        :param beyond: start behind this sort key
        """
        keys = self._by_updated if by == 'lastUpdated' else self._by_created
        if beyond is None:
            start = bisect.bisect_left(keys, (after, ''))
        else:
            start = bisect.bisect_right(keys, beyond)
        for index in range(start, len(keys)):
            if keys[index][0] > before:
                break
            yield keys[index], self.orders[keys[index][1]]

    # === HELPERS === #

    @contextmanager
    def _change(
        self,
        order: OrderKey,
        at: datetime | None,
        statuses: Iterable[str] = STATUSES,
    ) -> Iterator[Order]:
        with self._lock:
            order = self.get_order(order)
            if order.status not in statuses:
                raise ValueError(f'Order {order.order_id} is {order.status}')
            yield order
            # Two changes never have the same time, even while the clock stands still.
            moment = max(at or self.clock.now(), order.last_updated + MILLISECOND)
            key = (order.last_updated, order.order_id)
            del self._by_updated[bisect.bisect_left(self._by_updated, key)]
            self._index_update(order, moment)

    def _file(self, order: Order, updated_at: datetime) -> None:
        self.orders[order.order_id] = order
        bisect.insort(self._by_created, (order.created, order.order_id))
        self._index_update(order, updated_at)

    def _index_update(self, order: Order, moment: datetime) -> None:
        order.last_updated = moment
        order.rendered.clear()
        bisect.insort(self._by_updated, (moment, order.order_id))
        self.newest_change = max(self.newest_change, moment)

    def _next_order_id(self, marketplace: Marketplace) -> str:
        self._counter += 1
        middle = (zlib.crc32(self.profile.seller_id.encode()) + self._counter // 10**7) % 10**7
        # A multiplier prime to ten million: ids look random and do not repeat.
        last = self._counter * 2654437 % 10**7
        return f'{marketplace.order_prefix}-{middle:07d}-{last:07d}'

    def _number_items(self, order: Order) -> None:
        stem = order.order_id.replace('-', '')[-11:]
        for number, item in enumerate(order.items, start=1):
            item.item_id = item.item_id or f'{stem}{number:03d}'

    def _promise_dates(self, order: Order) -> None:
        day = order.created.replace(hour=0, minute=0, second=0, microsecond=0)
        end = timedelta(hours=23, minutes=59, seconds=59)
        order.ship_by = order.ship_by or (day, day + timedelta(days=2) + end)
        order.deliver_by = order.deliver_by or (
            day + timedelta(days=3), day + timedelta(days=6) + end,
        )

    def _default_buyer(self, marketplace: Marketplace) -> Buyer:
        name = _DEFAULT_ADDRESSES.get(marketplace.code, _DEFAULT_ADDRESSES['DE']).name
        return Buyer(name=name, email=f'buyer{self._counter}@marketplace.{marketplace.domain}')

    def _quantities(self, order: Order, quantities: Mapping[str, int] | None) -> dict[str, int]:
        if quantities is None:
            return {item.item_id: item.quantity_open for item in order.items if item.quantity_open}
        sent: dict[str, int] = {}
        for key, quantity in quantities.items():
            item = order.find_item(key)
            self._check_quantity(item, quantity)
            sent[item.item_id] = quantity
        return sent

    def _count_as_shipped(self, order: Order, quantities: Mapping[str, int], sign: int = 1) -> None:
        for item_id, quantity in quantities.items():
            order.find_item(item_id).quantity_shipped += sign * quantity

    def _check_quantity(self, item: Item, quantity: int | None) -> None:
        if quantity is not None and not 0 < quantity <= item.quantity_open:
            raise ValueError(f'{quantity} of {item.sku}, but {item.quantity_open} are open')

    def _settle_status(self, order: Order) -> None:
        is_open = any(item.quantity_open for item in order.items)
        is_sent = any(item.quantity_shipped for item in order.items)
        if is_open:
            order.status = 'PARTIALLY_SHIPPED' if is_sent else 'UNSHIPPED'
        else:
            order.status = 'SHIPPED' if is_sent else 'CANCELLED'


def _known_role(role: str) -> frozenset[str]:
    if role not in ROLES:
        raise ValueError(f'Unknown role {role}')
    return frozenset({role})


def _find_patch(name: str) -> Callable[[dict[str, Any]], None] | None:
    """Return what falsifies an order's JSON, nothing without a name.

    :raise ValueError: there is no such oddity
    """
    if name and name not in ODDITIES:
        raise ValueError(f'Unknown oddity {name}')
    return ODDITIES.get(name)


def _pointer_patch(
    values: Mapping[str, Any], removed: Iterable[str],
) -> Callable[[dict[str, Any]], None]:
    """Return a patch after JSON pointers; those that lead nowhere are passed over."""

    def patch(payload: dict[str, Any]) -> None:
        for pointer, value in values.items():
            for parent, key in _resolve(payload, pointer):
                parent[key] = value
        for pointer in removed:
            for parent, key in _resolve(payload, pointer):
                if isinstance(parent, list) or key in parent:
                    del parent[key]

    return patch


def _resolve(payload: Any, pointer: str) -> Iterator[tuple[Any, Any]]:
    *path, last = pointer.lstrip('/').split('/')
    for part in path:
        try:
            payload = payload[int(part) if isinstance(payload, list) else part]
        except (LookupError, ValueError):
            return
    if isinstance(payload, dict):
        yield payload, last
    elif isinstance(payload, list) and int(last) < len(payload):
        yield payload, int(last)
