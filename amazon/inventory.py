"""What of the seller's lies in Amazon's own warehouses.

Source of every call and field: the FBA Inventory API v1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .client import Client
from .errors import Malformed
from .limits import RATES, Rate
from .payload import Node

SUMMARIES_OPERATION = 'getInventorySummaries'
RATES[SUMMARIES_OPERATION] = Rate(2.0, 2)
MAX_SKUS = 50


@dataclass(frozen=True)
class Stock:
    """What Amazon holds of a SKU, in pieces of the offer."""

    sku: str
    asin: str = ''
    fn_sku: str = ''
    condition: str = ''  # in Amazon's words, such as NewItem
    updated_at: datetime | None = None  # UTC, aware
    fulfillable: int = 0
    inbound_working: int = 0
    inbound_shipped: int = 0
    inbound_receiving: int = 0
    reserved: int = 0
    reserved_orders: int = 0
    reserved_transfers: int = 0
    reserved_processing: int = 0
    unfulfillable: int = 0
    customer_damaged: int = 0
    warehouse_damaged: int = 0
    distributor_damaged: int = 0
    carrier_damaged: int = 0
    defective: int = 0
    expired: int = 0
    researching: int = 0
    is_detailed: bool = False  # whether Amazon has said anything of the above

    @property
    def inbound(self) -> int:
        """What is on its way to Amazon, or planned to be."""
        return self.inbound_working + self.inbound_shipped + self.inbound_receiving


@dataclass(frozen=True)
class Page:
    """A page of what Amazon holds."""

    stocks: tuple[Stock, ...]
    next_token: str  # empty on the last page; good for 30 seconds
    unreadable: tuple[str, ...] = ()  # the SKUs of which a figure could not be read


def fetch_page(
    client: Client,
    marketplace_id: str,
    since: datetime | None = None,
    token: str = '',
    skus: Sequence[str] = (),
) -> Page:
    """Ask Amazon what it holds for a marketplace.

    Source: `getInventorySummaries`. What is without a SKU is left out.

    :param since: Aware. Only what has changed since then, by other things than what is inbound;
                  at most 18 months back.
    :param token: That of the page before, whose other arguments are to be repeated.
    :param skus: Only these, at most `MAX_SKUS`. One with a comma must be alone.
    :raise AmazonError: As :meth:`Client.call`.
    """
    payload = client.call(
        SUMMARIES_OPERATION,
        _request_summaries,
        details='true',
        granularityType='Marketplace',
        granularityId=marketplace_id,
        marketplaceIds=marketplace_id,
        startDateTime=_format_time(since) if since else None,
        nextToken=token or None,
        sellerSku=skus[0] if len(skus) == 1 else None,
        sellerSkus=','.join(skus) if len(skus) > 1 else None,
    )
    return parse_page(payload)


def parse_page(payload: dict[str, Any]) -> Page:
    """Return what an answer of `getInventorySummaries` says.

    :raise Malformed: If it is no page of stock.
    """
    root = Node(payload, '', SUMMARIES_OPERATION)
    content = root.child('payload', required=True)
    content.entries('inventorySummaries', required=True)
    stocks, unreadable = [], []
    for summary in content.peek_children('inventorySummaries'):
        sku = summary.peek_text('sellerSku')
        if not sku:
            continue
        try:
            stocks.append(_parse_stock(sku, summary))
        except Malformed:
            unreadable.append(sku)
    next_token = root.peek('pagination').peek_text('nextToken', max_length=None)
    return Page(tuple(stocks), next_token, tuple(unreadable))


def _request_summaries(api: Any, **params: Any) -> Any:
    """Do what the library's own method does with a client that has a marketplace."""
    return api._request('/fba/inventory/v1/summaries', params=params)


def _parse_stock(sku: str, summary: Node) -> Stock:
    details = summary.child('inventoryDetails')
    reserved = details.child('reservedQuantity')
    unfulfillable = details.child('unfulfillableQuantity')
    researching = details.child('researchingQuantity')
    return Stock(
        sku=sku,
        asin=summary.peek_text('asin'),
        fn_sku=summary.peek_text('fnSku'),
        condition=summary.peek_text('condition'),
        updated_at=summary.peek_time('lastUpdatedTime'),
        fulfillable=_read_count(details, 'fulfillableQuantity'),
        inbound_working=_read_count(details, 'inboundWorkingQuantity'),
        inbound_shipped=_read_count(details, 'inboundShippedQuantity'),
        inbound_receiving=_read_count(details, 'inboundReceivingQuantity'),
        reserved=_read_count(reserved, 'totalReservedQuantity'),
        reserved_orders=_read_count(reserved, 'pendingCustomerOrderQuantity'),
        reserved_transfers=_read_count(reserved, 'pendingTransshipmentQuantity'),
        reserved_processing=_read_count(reserved, 'fcProcessingQuantity'),
        unfulfillable=_read_count(unfulfillable, 'totalUnfulfillableQuantity'),
        customer_damaged=_read_count(unfulfillable, 'customerDamagedQuantity'),
        warehouse_damaged=_read_count(unfulfillable, 'warehouseDamagedQuantity'),
        distributor_damaged=_read_count(unfulfillable, 'distributorDamagedQuantity'),
        carrier_damaged=_read_count(unfulfillable, 'carrierDamagedQuantity'),
        defective=_read_count(unfulfillable, 'defectiveQuantity'),
        expired=_read_count(unfulfillable, 'expiredQuantity'),
        researching=_read_count(researching, 'totalResearchingQuantity'),
        is_detailed=bool(details),
    )


def _read_count(node: Node, key: str) -> int:
    return node.count(key) or 0


def _format_time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
