"""What lies in Amazon's warehouses, and what becomes of it there."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from .marketplaces import find_marketplace
from .orders import Order
from .rendering import to_iso

Json = dict[str, Any]

INBOUND = ('inbound_working', 'inbound_shipped', 'inbound_receiving')
RESERVED = ('reserved_orders', 'reserved_transfers', 'reserved_processing')
UNFULFILLABLE = (
    'customer_damaged', 'warehouse_damaged', 'distributor_damaged', 'carrier_damaged', 'defective',
    'expired',
)
QUANTITIES = ('fulfillable', *INBOUND, *RESERVED, *UNFULFILLABLE, 'researching')
DETAILS = ('asin', 'fn_sku', 'title', 'odd')
NEW = 'NewItem'
# The countries whose stock is one (Pan-EU); every other has its own.
PAN_EU = frozenset({'BE', 'DE', 'ES', 'FR', 'IE', 'IT', 'NL', 'PL', 'SE'})
PAN_EU_POOL = 'EU'


def _drop(*names: str) -> Callable[[Json], None]:
    def patch(summary: Json) -> None:
        for name in names:
            summary.pop(name, None)

    return patch


def _blank_details(value: Any) -> Callable[[Json], None]:
    """Return what replaces every quantity by a value, or leaves it out (...)."""
    def patch(summary: Json) -> None:
        details = summary.get('inventoryDetails')
        if details is not None:
            summary['inventoryDetails'] = {} if value is ... else dict.fromkeys(details, value)
        summary['totalQuantity'] = value
        if value is ...:
            del summary['totalQuantity']

    return patch


# What a summary may lack, by name.
FBA_ODDITIES: dict[str, Callable[[Json], None]] = {
    'no details': _drop('inventoryDetails'),
    'no quantities': _blank_details(...),
    'null quantities': _blank_details(None),
    'no sku': _drop('sellerSku'),
}


@dataclass
class FbaStock:
    """The stock of one SKU in one condition, in one pool of marketplaces.

    :param updated: when any quantity changed; `noticed` when one changed that `startDateTime`
        notices, which what is inbound is not
    :param odd: what its summary lacks, a key of `FBA_ODDITIES`
    """
    pool: str
    sku: str
    condition: str
    updated: datetime
    noticed: datetime
    asin: str = ''
    fn_sku: str = ''
    title: str = ''
    odd: str = ''
    fulfillable: int = 0
    inbound_working: int = 0
    inbound_shipped: int = 0
    inbound_receiving: int = 0
    reserved_orders: int = 0
    reserved_transfers: int = 0
    reserved_processing: int = 0
    customer_damaged: int = 0
    warehouse_damaged: int = 0
    distributor_damaged: int = 0
    carrier_damaged: int = 0
    defective: int = 0
    expired: int = 0
    researching: int = 0

    def __post_init__(self) -> None:
        number = zlib.crc32(self.sku.encode())
        self.asin = self.asin or f'B0{number % 10**8:08d}'
        self.fn_sku = self.fn_sku or f'X00{number % 10**7:07d}'
        self.title = self.title or f'Item {self.sku}'

    def as_json(self) -> Json:
        """Return the stock for the control API."""
        return {
            **asdict(self), 'updated': to_iso(self.updated), 'noticed': to_iso(self.noticed),
        }

    def summarise(self, has_details: bool) -> Json:
        """Return the summary that `getInventorySummaries` shows."""
        summary = {
            'asin': self.asin,
            'fnSku': self.fn_sku,
            'sellerSku': self.sku,
            'condition': self.condition,
            **({'inventoryDetails': self._details()} if has_details else {}),
            'lastUpdatedTime': to_iso(self.updated),
            'productName': self.title,
            'totalQuantity': self._sum(QUANTITIES),
            'stores': [],
        }
        if self.odd:
            FBA_ODDITIES[self.odd](summary)
        return summary

    def _details(self) -> Json:
        return {
            'fulfillableQuantity': self.fulfillable,
            'inboundWorkingQuantity': self.inbound_working,
            'inboundShippedQuantity': self.inbound_shipped,
            'inboundReceivingQuantity': self.inbound_receiving,
            'reservedQuantity': {
                'totalReservedQuantity': self._sum(RESERVED),
                'pendingCustomerOrderQuantity': self.reserved_orders,
                'pendingTransshipmentQuantity': self.reserved_transfers,
                'fcProcessingQuantity': self.reserved_processing,
            },
            'researchingQuantity': {
                'totalResearchingQuantity': self.researching,
                'researchingQuantityBreakdown': [
                    {'name': f'researchingQuantityIn{term}Term', 'quantity': quantity}
                    for term, quantity in (('Short', self.researching), ('Mid', 0), ('Long', 0))
                ],
            },
            'unfulfillableQuantity': {
                'totalUnfulfillableQuantity': self._sum(UNFULFILLABLE),
                'customerDamagedQuantity': self.customer_damaged,
                'warehouseDamagedQuantity': self.warehouse_damaged,
                'distributorDamagedQuantity': self.distributor_damaged,
                'carrierDamagedQuantity': self.carrier_damaged,
                'defectiveQuantity': self.defective,
                'expiredQuantity': self.expired,
            },
        }

    def _sum(self, names: tuple[str, ...]) -> int:
        return sum(getattr(self, name) for name in names)


class _Clock(Protocol):
    def now(self) -> datetime: ...


class FbaOwner:
    """The stock of a seller in Amazon's warehouses; it is named by SKU, marketplace and condition.

    A marketplace is named by Amazon's id or by its country code, and is the seller's first one
    unless told; any marketplace of a pool stands for all of it. `sells_fba_stock` lets orders that
    Amazon ships take from what is fulfillable.
    """
    clock: _Clock
    marketplace_ids: list[str]
    _lock: threading.RLock

    def clear_fba_stock(self) -> None:
        """Start anew, with empty warehouses."""
        self.sells_fba_stock = False
        self.fba_stock: dict[tuple[str, str, str], FbaStock] = {}
        self._pools: dict[str, str] = {}

    def sell_fba_stock(self, is_on: bool = True) -> None:
        """Let orders that Amazon ships from now on take from what is fulfillable, or not."""
        self.sells_fba_stock = is_on

    def share_fba_stock(self, marketplace_id: str, shares_with: str) -> None:
        """Let a marketplace show the stock of another one, as with North America's (NARF)."""
        with self._lock:
            self._pools[find_marketplace(marketplace_id).code] = self._pool(shares_with)

    def set_fba_stock(
        self, sku: str, marketplace_id: str = '', *, condition: str = NEW, **values: Any,
    ) -> FbaStock:
        """Let the stock of a SKU be something; what is not named stays as it is, or is zero.

        :param values: quantities by their names in `QUANTITIES`, and fields of `DETAILS`
        :raise ValueError: there is no such quantity, field or oddity, or a quantity is below zero
        """
        details = {name: values.pop(name) for name in DETAILS if name in values}
        if details.get('odd') and details['odd'] not in FBA_ODDITIES:
            raise ValueError(f"Unknown oddity of a stock {details['odd']}")
        with self._lock:
            key = self._pool(marketplace_id), sku, condition
            now = self.clock.now()
            stock = self.fba_stock.get(key) or FbaStock(*key, now, now, **details)
            for name, value in details.items():
                setattr(stock, name, value)
            self._store(stock, values)
            self.fba_stock[key] = stock
            return stock

    def change_fba_stock(
        self, sku: str, marketplace_id: str = '', *, condition: str = NEW, **differences: int,
    ) -> FbaStock:
        """Let quantities grow or shrink, as names of `QUANTITIES`.

        :raise ValueError: there is no such quantity, or it would be below zero
        :raise LookupError: there is no such stock
        """
        with self._lock:
            stock = self.find_fba_stock(sku, marketplace_id, condition=condition)
            _check_names(differences)
            self._store(stock, {
                name: getattr(stock, name) + difference
                for name, difference in differences.items()
            })
            return stock

    def receive_inbound(self, sku: str, quantity: int, marketplace_id: str = '') -> FbaStock:
        """Let a part of what is inbound arrive; the rest of its shipment is being received.

        :raise ValueError: so much is not inbound
        :raise LookupError: there is no such stock
        """
        with self._lock:
            stock = self.find_fba_stock(sku, marketplace_id)
            on_its_way = stock.inbound_receiving + stock.inbound_shipped
            unannounced = max(quantity - on_its_way, 0)
            self._store(stock, {
                'inbound_working': stock.inbound_working - unannounced,
                'inbound_shipped': 0,
                'inbound_receiving': on_its_way + unannounced - quantity,
                'fulfillable': stock.fulfillable + quantity,
            })
            return stock

    def lose(self, sku: str, quantity: int, marketplace_id: str = '') -> FbaStock:
        """Let Amazon not find what was fulfillable: it searches for it."""
        return self.change_fba_stock(
            sku, marketplace_id, fulfillable=-quantity, researching=quantity,
        )

    def find_again(
        self, sku: str, quantity: int | None = None, marketplace_id: str = '',
    ) -> FbaStock:
        """Let Amazon find what it searches for, all of it unless told."""
        with self._lock:
            if quantity is None:
                quantity = self.find_fba_stock(sku, marketplace_id).researching
            return self.lose(sku, -quantity, marketplace_id)

    def remove_fba_stock(self, sku: str, marketplace_id: str = '', *, condition: str = NEW) -> None:
        """Let Amazon know nothing of a SKU any more.

        :raise LookupError: there is no such stock
        """
        with self._lock:
            stock = self.find_fba_stock(sku, marketplace_id, condition=condition)
            del self.fba_stock[stock.pool, sku, condition]

    def find_fba_stock(
        self, sku: str, marketplace_id: str = '', *, condition: str = NEW,
    ) -> FbaStock:
        """Return the stock of a SKU.

        :raise LookupError: there is none
        """
        pool = self._pool(marketplace_id)
        try:
            return self.fba_stock[pool, sku, condition]
        except KeyError:
            raise LookupError(f'There is no {condition} stock of {sku} in {pool}') from None

    def walk_fba_stock(self, marketplace_id: str = '') -> Iterator[FbaStock]:
        """Yield all that a marketplace sells of Amazon's warehouses, in the order of its coming."""
        pool = self._pool(marketplace_id)
        return (stock for stock in self.fba_stock.values() if stock.pool == pool)

    def take_from_fba_stock(self, order: Order, quantities: dict[str, int]) -> None:
        """Let what Amazon ships leave its warehouses, if orders do so.

        :param quantities: quantity by item id
        """
        if not self.sells_fba_stock or order.channel != 'FBA':
            return
        for item_id, quantity in quantities.items():
            key = self._pool(order.marketplace.id), order.find_item(item_id).sku, NEW
            stock = self.fba_stock.get(key)
            if stock is not None:
                self._store(stock, {'fulfillable': max(stock.fulfillable - quantity, 0)})

    def _pool(self, marketplace_id: str) -> str:
        code = find_marketplace(marketplace_id or self.marketplace_ids[0]).code
        return self._pools.get(code) or (PAN_EU_POOL if code in PAN_EU else code)

    def _store(self, stock: FbaStock, quantities: dict[str, int]) -> None:
        _check_names(quantities)
        if any(quantity < 0 for quantity in quantities.values()):
            raise ValueError(f'The stock of {stock.sku} would be below zero')
        changed = {
            name for name, quantity in quantities.items() if quantity != getattr(stock, name)
        }
        for name in changed:
            setattr(stock, name, quantities[name])
        if changed:
            stock.updated = self.clock.now()
        if changed.difference(INBOUND):
            stock.noticed = stock.updated


def _check_names(quantities: Iterable[str]) -> None:
    unknown = set(quantities).difference(QUANTITIES)
    if unknown:
        raise ValueError(f"A stock has no {', '.join(sorted(unknown))}")
