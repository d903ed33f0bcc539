"""What a listing may show that no seller would expect, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def _without(name: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        payload.pop(name, None)

    return patch


def _empty(name: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        if name in payload:
            payload[name] = []

    return patch


def _hide_quantity(payload: Json) -> None:
    for entry in payload.get('fulfillmentAvailability', ()):
        entry.pop('quantity', None)


def _offer_twice(payload: Json) -> None:
    for offer in payload.get('offers', ())[:1]:
        price = {**offer['price'], 'currencyCode': 'PLN', 'amount': '123.45'}
        payload['offers'].append({**offer, 'price': price})


def _write_price_locally(payload: Json) -> None:
    for offer in payload.get('offers', ()):
        offer['price']['amount'] = '1.234,56'


LISTING_ODDITIES: dict[str, Callable[[Json], None]] = {
    'no summaries': _without('summaries'),
    'empty summaries': _empty('summaries'),
    'no availability': _without('fulfillmentAvailability'),
    'empty availability': _empty('fulfillmentAvailability'),
    'no quantity': _hide_quantity,
    'two currencies': _offer_twice,
    'local price': _write_price_locally,
}
