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
    quantity: int | None
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
        order = Node(load_json(text), '', SEARCH_OPERATION)
    except ValueError:
        return Overview()
    address = order.peek('recipient', 'deliveryAddress')
    country_code = address.peek_text('countryCode').upper()
    return Overview(
        lines=tuple(map(_parse_line, order.peek_children('orderItems'))),
        city=address.peek_text('city') or address.peek_text('municipality'),
        country_code='GB' if country_code == 'UK' else country_code,
        service_level=order.peek_text('fulfillment', 'fulfillmentServiceLevel'),
        ordered_at=order.peek_time('createdTime'),
    )


def _parse_line(item: Node) -> Line:
    product = item.peek('product')
    return Line(
        title=product.peek_text('title'),
        sku=product.peek_text('sellerSku'),
        asin=product.peek_text('asin'),
        quantity=item.peek_count('quantityOrdered'),
        unit_price=_parse_amount(product.peek('price', 'unitPrice')),
        total=_parse_amount(item.peek('proceeds', 'proceedsTotal')),
    )


def _parse_amount(money: Node) -> Amount | None:
    value = money.peek_amount()
    return None if value is None else Amount(value, money.peek_text('currencyCode'))
