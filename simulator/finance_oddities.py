"""What a transaction or a payout may show that no client would expect, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

REQUIRED_OF_PAYOUTS = ('id', 'partnerMetadata', 'currentStatus', 'statusHistory')
REQUIRED_OF_EXPECTED_PAYOUTS = ('partnerMetadata', 'status')


def _without(*names: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        for name in names:
            payload.pop(name, None)

    return patch


def _with(name: str, value: Any) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        payload[name] = value

    return patch


def _null_item_breakdowns(transaction: Json) -> None:
    for item in transaction['items'] or ():
        item['breakdowns'] = None


def _add_noise(transaction: Json) -> None:
    """Write amounts as sums of binary numbers come out: 12.340000000000002."""
    for amount in _walk_amounts(transaction):
        if isinstance(amount['currencyAmount'], float):
            amount['currencyAmount'] = math.nextafter(amount['currencyAmount'], math.inf)


def _write_texts(transaction: Json) -> None:
    for amount in _walk_amounts(transaction):
        amount['currencyAmount'] = str(amount['currencyAmount'])


def _walk_amounts(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        for entry in value:
            yield from _walk_amounts(entry)
    elif isinstance(value, dict):
        if 'currencyAmount' in value:
            yield value
        for entry in value.values():
            yield from _walk_amounts(entry)


def _title_status(transaction: Json) -> None:
    transaction['transactionStatus'] = transaction['transactionStatus'].title()


TRANSACTION_ODDITIES: dict[str, Callable[[Json], None]] = {
    'null item breakdowns': _null_item_breakdowns,
    'null breakdowns': _with('breakdowns', None),
    'null items': _with('items', None),
    'no identifiers': _without('relatedIdentifiers'),
    'no marketplace': _without('marketplaceDetails', 'sellingPartnerMetadata'),
    'no status': _without('transactionStatus'),
    'null status': _with('transactionStatus', None),
    'titled status': _title_status,
    'unknown status': _with('transactionStatus', 'ESCHEATED'),
    'unknown type': _with('transactionType', 'LunarShipment'),
    'no id': _without('transactionId'),
    'no date': _without('postedDate'),
    'no total': _without('totalAmount'),
    'noise': _add_noise,
    'texts': _write_texts,
}


def _keep(*names: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        for name in payload.keys() - set(names):
            del payload[name]

    return patch


# Of payouts and of expected ones.
PAYOUT_ODDITIES: dict[str, Callable[[Json], None]] = {
    'bare': _keep(*REQUIRED_OF_PAYOUTS, *REQUIRED_OF_EXPECTED_PAYOUTS),
    'no trace': _without('traceId'),
    'no amount': _without('amount'),
    'no settlement': _without('relatedIdentifiers'),
    'no period': _without('period'),
    'no account': _without('accountTail', 'paymentMethod', 'paymentRail'),
    'unknown status': _with('currentStatus', 'TELEPORTED'),
}
