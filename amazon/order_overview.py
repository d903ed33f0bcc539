"""What an order holds, for somebody who has to see why it could not be imported.

Nobody is named: neither buyer nor recipient, and of the address only the place. Whatever can't be
read is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .orders import SEARCH_OPERATION
from .payload import Node, load_json

MAX_DECIMALS = 6


@dataclass(frozen=True)
class Amount:
    """An amount as Amazon shows it, in whatever currency it says."""

    value: Decimal
    currency: str  # ISO 4217, empty if it says none


@dataclass(frozen=True)
class Line:
    """A line of an order. Absent texts are empty."""

    title: str
    sku: str
    asin: str
    quantity: int
    unit_price: Amount | None
    total: Amount | None  # what the buyer paid for all of it


@dataclass(frozen=True)
class Overview:
    """What an order holds, without anybody's name. Absent texts are empty."""

    lines: tuple[Line, ...] = ()
    city: str = ''
    country_code: str = ''  # ISO 3166-1 alpha-2
    service_level: str = ''  # e.g. STANDARD, EXPEDITED
    ordered_at: datetime | None = None  # UTC, aware


def parse_overview(text: str) -> Overview:
    """Return what can be read of an order, however broken it is. Raises nothing.

    :param text: The order as it was stored.
    """
    try:
        payload = load_json(text)
    except ValueError:
        return Overview()
    order = Node(payload, '', SEARCH_OPERATION)
    place = ('recipient', 'deliveryAddress')
    country_code = order.peek_text(*place, 'countryCode').upper()
    return Overview(
        lines=tuple(map(_parse_line, order.peek_children('orderItems'))),
        city=order.peek_text(*place, 'city') or order.peek_text(*place, 'municipality'),
        country_code='GB' if country_code == 'UK' else country_code,
        service_level=order.peek_text('fulfillment', 'fulfillmentServiceLevel'),
        ordered_at=order.peek_time('createdTime'),
    )


def _parse_line(item: Node) -> Line:
    return Line(
        title=item.peek_text('product', 'title'),
        sku=item.peek_text('product', 'sellerSku'),
        asin=item.peek_text('product', 'asin'),
        quantity=item.peek_count('quantityOrdered') or 0,
        unit_price=_peek_amount(item, 'product', 'price', 'unitPrice'),
        total=_peek_amount(item, 'proceeds', 'proceedsTotal'),
    )


def _peek_amount(node: Node, *keys: str) -> Amount | None:
    value = node.peek_amount(*keys)
    if value is None or value.as_tuple().exponent < -MAX_DECIMALS:
        return None
    return Amount(value, node.peek_text(*keys, 'currencyCode'))
