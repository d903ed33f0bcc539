"""Money as the Finances and the Transfers API write it: a JSON number and a currency."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal

from .payload import Node, read_number
from .proceeds import DECIMALS

CURRENCY = re.compile('[A-Z]{3}')
DEFAULT_DECIMALS = 2
EXACT = Decimal('0.000001')  # what is smaller comes from sums of floats


@dataclass(frozen=True)
class Money:
    """An amount in a currency."""

    amount: Decimal  # positive is to the seller
    currency: str  # ISO 4217


def read_money(node: Node, key: str, currency: str = '') -> Money | None:
    """Return the money at a key, `None` if there is none.

    :param currency: The one that it must be in, if that is known.
    :raise Malformed: If it is not money, or in another currency.
    """
    money = node.child(key)
    value = money.value.get('currencyAmount') if money else None
    if value is None:
        return None
    number = read_number(value)
    if number is None:
        money.fail('currencyAmount', "is not a decimal number within reason")
    code = money.text('currencyCode').upper() or currency
    if not CURRENCY.fullmatch(code):
        money.fail('currencyCode', "is not a currency")
    if currency and code != currency:
        money.fail('currencyCode', "is another one than that of the total")
    return Money(_round(number, code), code)


def read_identifiers(nodes: Iterable[Node], prefix: str = 'relatedIdentifier') -> dict[str, str]:
    """Return what related things are called, by the names of their kinds; the first of each."""
    identifiers: dict[str, str] = {}
    for node in nodes:
        name, value = node.peek_text(f'{prefix}Name').upper(), node.peek_text(f'{prefix}Value')
        if name and value:
            identifiers.setdefault(name, value)
    return identifiers


def format_time(moment: datetime | None) -> str | None:
    """Return a time as Amazon wants it, nothing if there is none.

    :param moment: Aware.
    """
    return moment.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ') if moment else None


def _round(number: Decimal, currency: str) -> Decimal:
    """Return a number without the errors of a float, with at least the currency's decimals."""
    exact = number.quantize(EXACT)
    rounded = exact.quantize(Decimal(1).scaleb(-DECIMALS.get(currency, DEFAULT_DECIMALS)))
    return rounded if rounded == exact else exact
