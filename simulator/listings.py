"""What the sellers of the simulated Amazon offer: a listing for each SKU in each marketplace."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Protocol

from .listing_oddities import LISTING_ODDITIES
from .marketplaces import find_marketplace
from .orders import Order
from .rendering import to_iso

MERCHANT = 'DEFAULT'
LISTING_STATUSES = ('ACTIVE', 'INACTIVE', 'INCOMPLETE')

Attributes = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Change:
    """What was sent for a listing and is not shown yet.

    :param values: value by field of `Listing`
    """
    due: datetime
    values: Mapping[str, Any]


@dataclass
class Listing:
    """What a seller offers in one marketplace under one SKU.

    Its fields are what Amazon shows; `attributes` is what was sent last, which Amazon may not have
    made its own yet.

    :param price: '' for none
    :param quantity: what the merchant has, None for no word of it
    :param channels: `MERCHANT`, and one such as 'AMAZON_EU' for what Amazon has in its warehouses
    :param status: one of `LISTING_STATUSES`
    :param product_id: an EAN or UPC
    :param restock_date: in ISO format
    :param issues: as `getListingsItem` shows them
    :param odd: what is odd about its JSON, a key of `LISTING_ODDITIES`
    :param shown_quantity: what is shown whatever the quantity is
    """
    sku: str
    marketplace_id: str
    opened: datetime
    asin: str = ''
    title: str = ''
    price: str = ''
    currency: str = ''
    quantity: int | None = None
    channels: tuple[str, ...] = (MERCHANT,)
    status: str = 'ACTIVE'
    condition: str = 'new_new'
    product_type: str = 'HOME'
    product_id: str = ''
    fn_sku: str = ''
    lead_time: int | None = None
    restock_date: str = ''
    updated: datetime = field(default=datetime.min)
    issues: list[dict[str, Any]] = field(default_factory=list)
    odd: str = ''
    shown_quantity: int | None = None

    attributes: Attributes = field(default_factory=dict, init=False, repr=False)
    changes: list[Change] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        number = zlib.crc32(self.sku.encode())
        self.asin = self.asin or f'B0{number % 10**8:08d}'
        self.title = self.title or f'Item {self.sku}'
        if self.is_amazons:
            self.fn_sku = self.fn_sku or f'X00{number % 10**7:07d}'
        self.updated = self.opened if self.updated == datetime.min else self.updated
        self.check()
        self.refill_attributes()

    @property
    def is_amazons(self) -> bool:
        """Tell whether Amazon sends it from its warehouses."""
        return any(channel != MERCHANT for channel in self.channels)

    @property
    def is_merchants(self) -> bool:
        """Tell whether the merchant sends it."""
        return MERCHANT in self.channels

    @property
    def visible_quantity(self) -> int | None:
        """Return what Amazon shows as the merchant's quantity."""
        return self.quantity if self.shown_quantity is None else self.shown_quantity

    @property
    def is_buyable(self) -> bool:
        """Tell whether customers can buy it; what is sold out they cannot."""
        return self.status == 'ACTIVE' and (self.is_amazons or bool(self.visible_quantity))

    def check(self) -> None:
        """Refuse what no listing is.

        :raise ValueError: a field has a value that Amazon does not know
        """
        if self.status not in LISTING_STATUSES:
            raise ValueError(f'Unknown status of a listing {self.status}')
        if self.odd and self.odd not in LISTING_ODDITIES:
            raise ValueError(f'Unknown oddity of a listing {self.odd}')
        if not self.channels:
            raise ValueError('A listing has no channel')

    def as_json(self) -> dict[str, Any]:
        """Return the listing for the control API."""
        values = {name: getattr(self, name) for name in _NAMES}
        return {**values, 'opened': to_iso(self.opened), 'updated': to_iso(self.updated)}

    def refill_attributes(self) -> None:
        """Let what was sent last be what is shown."""
        self.attributes = {
            'condition_type': [{'value': self.condition, 'marketplace_id': self.marketplace_id}],
            'item_name': [{'value': self.title, 'marketplace_id': self.marketplace_id}],
            'fulfillment_availability': [self._availability(code) for code in self.channels],
        }
        if self.price:
            self.attributes['purchasable_offer'] = [self._offer()]

    def settle(self, now: datetime) -> None:
        """Show what was sent and is due."""
        for change in [change for change in self.changes if change.due <= now]:
            self.changes.remove(change)
            for name, value in change.values.items():
                setattr(self, name, value)
            self.updated = max(self.updated, change.due)

    def _availability(self, code: str) -> dict[str, Any]:
        entry: dict[str, Any] = {'fulfillment_channel_code': code}
        if code == MERCHANT:
            optional = {
                'quantity': self.quantity,
                'lead_time_to_ship_max_days': self.lead_time,
                'restock_date': self.restock_date or None,
            }
            entry |= {name: value for name, value in optional.items() if value is not None}
        return entry | {'marketplace_id': self.marketplace_id}

    def _offer(self) -> dict[str, Any]:
        return {
            'currency': self.currency,
            'audience': 'ALL',
            'our_price': [{'schedule': [{'value_with_tax': float(self.price)}]}],
            'marketplace_id': self.marketplace_id,
        }


_NAMES = tuple(it.name for it in fields(Listing) if it.name != 'changes')
# The fields by which callers may describe a listing.
_FIELDS = frozenset(it.name for it in fields(Listing) if it.init) - {'sku', 'marketplace_id'}


class _Clock(Protocol):
    def now(self) -> datetime: ...


class ListingOwner:
    """The listings of a seller; listings are named by SKU and marketplace.

    A marketplace is named by Amazon's id or by its country code, and is the seller's first one
    unless told. `sells_listings` lets orders take from what the merchant offers. `listing_lag` is
    how many seconds pass before what is sent for a listing is shown.
    """
    clock: _Clock
    marketplace_ids: list[str]
    _lock: threading.RLock

    def clear_listings(self) -> None:
        """Start anew, without listings."""
        self.sells_listings = False
        self.listing_lag = 0.0
        self.listings: dict[tuple[str, str], Listing] = {}
        self._taken: dict[str, dict[str, int]] = {}

    def sell_listings(self, is_on: bool = True) -> None:
        """Let orders placed from now on take from what the merchant offers, or not."""
        self.sells_listings = is_on

    def add_listing(self, sku: str, marketplace_id: str = '', **values: Any) -> Listing:
        """Offer something.

        :param values: further fields of `Listing`
        :raise ValueError: the arguments make no listing, or it exists
        """
        _check_names(values)
        with self._lock:
            key = self._listing_key(sku, marketplace_id)
            if key in self.listings:
                raise ValueError(f'Listing {sku} exists')
            place = find_marketplace(key[0])
            channels = tuple(values.pop('channels', (MERCHANT,)))
            defaults = {
                'opened': self.clock.now(),
                'currency': place.currency,
                'price': '19.99' if place.minor_unit < 1 else '1999',
                'quantity': 0 if MERCHANT in channels else None,
            }
            listing = Listing(sku, place.id, channels=channels, **{**defaults, **values})
            self.listings[key] = listing
            return listing

    def add_listings(
        self, count: int, marketplace_id: str = '', prefix: str = 'SKU-', **values: Any,
    ) -> list[Listing]:
        """Offer many things, by the SKUs 'SKU-1', 'SKU-2', …

        :param values: further fields of `Listing`, the same for all
        """
        return [
            self.add_listing(f'{prefix}{number}', marketplace_id, **values)
            for number in range(1, count + 1)
        ]

    def change_listing(self, sku: str, marketplace_id: str = '', **values: Any) -> Listing:
        """Change a listing without the application, as in Seller Central.

        :param values: fields of `Listing`
        :raise ValueError: they make no listing
        :raise LookupError: there is no such listing
        """
        _check_names(values)
        with self._lock:
            listing = self.find_listing(sku, marketplace_id)
            for name, value in values.items():
                setattr(listing, name, tuple(value) if name == 'channels' else value)
            listing.check()
            listing.refill_attributes()
            if 'updated' not in values:
                listing.updated = self.clock.now()
            return listing

    def show_quantity(
        self, sku: str, quantity: int | None = None, marketplace_id: str = '',
    ) -> Listing:
        """Let Amazon show a quantity whatever is sent, or again the true one (None)."""
        with self._lock:
            listing = self.find_listing(sku, marketplace_id)
            listing.shown_quantity = quantity
            return listing

    def remove_listing(self, sku: str, marketplace_id: str = '') -> None:
        """Offer something no longer.

        :raise LookupError: there is no such listing
        """
        with self._lock:
            self.find_listing(sku, marketplace_id)
            del self.listings[self._listing_key(sku, marketplace_id)]

    def find_listing(self, sku: str, marketplace_id: str = '') -> Listing:
        """Return a listing as it is by now.

        :raise LookupError: there is no such listing
        """
        key = self._listing_key(sku, marketplace_id)
        try:
            listing = self.listings[key]
        except KeyError:
            raise LookupError(f'There is no listing {sku} in {key[0]}') from None
        listing.settle(self.clock.now())
        return listing

    def walk_listings(self, marketplace_id: str = '') -> Iterator[Listing]:
        """Yield the listings of a marketplace as they are by now, in the order of their making."""
        place_id = self._listing_key('', marketplace_id)[0]
        now = self.clock.now()
        for (key, _sku), listing in self.listings.items():
            if key == place_id:
                listing.settle(now)
                yield listing

    def send_for_listing(
        self, listing: Listing, attributes: Attributes, values: Mapping[str, Any],
    ) -> None:
        """Take what the application sends for a listing; it is shown after `listing_lag`."""
        now = self.clock.now()
        due = now + timedelta(seconds=self.listing_lag)
        # What was sent last wins, whatever the lag was before.
        due = max([due, *(change.due for change in listing.changes)])
        listing.attributes = attributes
        listing.changes.append(Change(due, values))
        listing.settle(now)

    # === ORDERS === #

    def take_from_listings(self, order: Order) -> None:
        """Let an order take what it needs from what the merchant offers, if orders do so."""
        if not self.sells_listings or order.channel != 'FBM':
            return
        taken = self._taken.setdefault(order.order_id, {})
        for item in order.items:
            listing = self._listing_sold(order, item.sku)
            if listing is not None:
                quantity = min(listing.quantity or 0, item.quantity_open)
                listing.quantity = (listing.quantity or 0) - quantity
                taken[item.sku] = taken.get(item.sku, 0) + quantity

    def give_back_to_listings(self, order: Order) -> None:
        """Let an order that has come to nothing give back what it took."""
        for sku, quantity in self._taken.pop(order.order_id, {}).items():
            listing = self._listing_sold(order, sku)
            if listing is not None:
                listing.quantity = (listing.quantity or 0) + quantity

    def _listing_sold(self, order: Order, sku: str) -> Listing | None:
        listing = self.listings.get((order.marketplace.id, sku))
        if listing is None or not listing.is_merchants:
            return None
        listing.settle(self.clock.now())
        return listing

    def _listing_key(self, sku: str, marketplace_id: str) -> tuple[str, str]:
        place = find_marketplace(marketplace_id or self.marketplace_ids[0])
        return place.id, sku


def _check_names(values: Mapping[str, Any]) -> None:
    unknown = values.keys() - _FIELDS
    if unknown:
        raise ValueError(f"A listing has no {', '.join(sorted(unknown))}")
