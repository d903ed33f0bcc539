"""What an order may hold that no seller would expect, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

# Stands for a number that Python would not write.
HUGE_NUMBER = '1e400'
HUGE_NUMBER_SIGN = '@1e400@'
MARKUP = '<img src=x onerror=alert(1)> <a href="https://evil.example">here</a>'
LINE_BREAKS = '\r\nBcc: all@evil.example\x0b\x0c\x85\u2028\u2029end'
ALIENS = '\x00\x01\x1b[2J\ud800\u202e'
# What people have typed, wherever it stands in an order.
FREE_TEXTS = frozenset({
    'addressInstruction', 'addressLine1', 'addressLine2', 'addressLine3', 'buyerCompanyName',
    'buyerName', 'buyerPurchaseOrderNumber', 'cancelReason', 'carrier', 'city', 'companyName',
    'conditionNote', 'districtOrCounty', 'dropOffLocation', 'giftMessage', 'legalName',
    'municipality', 'name', 'phone', 'postalCode', 'shippingService', 'stateOrRegion',
    'taxRegistrationNumber', 'title', 'trackingNumber',
})


def restore_numbers(text: str) -> str:
    """Return a JSON text with the numbers that the oddities have only marked."""
    return text.replace(f'"{HUGE_NUMBER_SIGN}"', HUGE_NUMBER)


def _set_total(amount: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        if 'proceeds' in payload:
            payload['proceeds']['grandTotal']['amount'] = amount

    return patch


def _set_item_total(amount: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        proceeds = payload['orderItems'][0].get('proceeds')
        if proceeds:
            proceeds['proceedsTotal']['amount'] = amount

    return patch


def _set_change(time: str) -> Callable[[Json], None]:
    def patch(payload: Json) -> None:
        payload['lastUpdatedTime'] = time

    return patch


def _append(suffix: str) -> Callable[[Json], None]:
    """Return what puts something behind every text that somebody has typed."""
    def patch(value: Any) -> None:
        if isinstance(value, list):
            for entry in value:
                patch(entry)
        elif isinstance(value, dict):
            for key, entry in value.items():
                if key in FREE_TEXTS and isinstance(entry, str):
                    value[key] = f'{entry}{suffix}'
                else:
                    patch(entry)

    return patch


ODDITIES: dict[str, Callable[[Json], None]] = {
    'huge total': _set_total(HUGE_NUMBER_SIGN),
    'huge amount': _set_total('1E+1000000'),
    'huge item amount': _set_item_total('1E+1000000'),
    'far future': _set_change('9999-12-31T23:59:59-12:00'),
    'distant past': _set_change('0001-01-01T00:00:00+14:00'),
    'markup': _append(f' {MARKUP}'),
    'line breaks': _append(LINE_BREAKS),
    'aliens': _append(ALIENS),
}
