"""The shapes in which Amazon shows what was paid: its model lets almost all of it be missing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
Shape = Callable[[Json], None]


def apply_shape(payload: Json, name: str) -> None:
    """Bring the amounts of a rendered order into a shape, if it shows any.

    :param name: a key of `SHAPES`
    """
    if 'proceeds' in payload:
        SHAPES[name](payload)


def _keep_all(_payload: Json) -> None:
    pass


def _keep_totals(payload: Json) -> None:
    for proceeds in _get_proceeds(payload):
        proceeds.pop('breakdowns')


def _keep_breakdowns(payload: Json) -> None:
    for proceeds in _get_proceeds(payload):
        proceeds.pop('proceedsTotal')


def _keep_grand_total(payload: Json) -> None:
    payload['proceeds'].pop('breakdowns')
    for item in payload['orderItems']:
        item.pop('proceeds', None)


def _keep_prices(payload: Json) -> None:
    payload.pop('proceeds')
    for item in payload['orderItems']:
        item.pop('proceeds', None)


def _move_charges_to_order(payload: Json) -> None:
    """Show what is not for the goods themselves at the order only."""
    for proceeds in _get_proceeds(payload):
        moved = [entry for entry in proceeds['breakdowns'] if entry['type'] not in ('ITEM', 'TAX')]
        proceeds['breakdowns'] = [
            entry for entry in proceeds['breakdowns'] if entry not in moved
        ]
        for entry in moved:
            amount = Decimal(entry['subtotal']['amount'])
            _add(proceeds['proceedsTotal'], abs(amount) if entry['type'] == 'DISCOUNT' else -amount)


def _include_tax(payload: Json) -> None:
    """Show tax for information only: the other amounts have it in them."""
    for proceeds in _get_proceeds(payload):
        taxes = {
            detail['subtype']: Decimal(detail['value']['amount'])
            for entry in proceeds['breakdowns'] if entry['type'] == 'TAX'
            for detail in entry.get('detailedBreakdowns', ())
        }
        for entry in proceeds['breakdowns']:
            if entry['type'] not in ('TAX', 'DISCOUNT'):
                _add(entry['subtotal'], taxes.get(entry['type'], Decimal()))


def _write_numbers(payload: Json) -> None:
    """Write amounts as numbers, which Amazon's model does not allow."""
    moneys = [payload['proceeds']['grandTotal']]
    for proceeds in _get_proceeds(payload):
        moneys += [
            proceeds['proceedsTotal'], *(entry['subtotal'] for entry in proceeds['breakdowns']),
        ]
    for money in moneys:
        money['amount'] = float(money['amount'])


def _leave_tip_pending(payload: Json) -> None:
    """Show a tip that is not in the total yet."""
    for entry in payload['proceeds']['breakdowns']:
        if entry['type'] == 'DELIVERY_TIP':
            entry['status'] = 'PENDING'
            _add(payload['proceeds']['grandTotal'], -Decimal(entry['subtotal']['amount']))


SHAPES: dict[str, Shape] = {
    'full': _keep_all,
    'totals': _keep_totals,
    'breakdowns': _keep_breakdowns,
    'grand total': _keep_grand_total,
    'prices': _keep_prices,
    'charges at the order': _move_charges_to_order,
    'tax included': _include_tax,
    'numbers': _write_numbers,
    'pending tip': _leave_tip_pending,
}


def _get_proceeds(payload: Json) -> list[Json]:
    return [item['proceeds'] for item in payload['orderItems'] if item.get('proceeds')]


def _add(money: Json, amount: Decimal) -> None:
    money['amount'] = str(Decimal(money['amount']) + amount)
