"""Confirming shipments: what a merchant tells of a package, and the checks that Amazon makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from .errors import ApiError
from .orders import PENDING_STATUSES, Order, Package
from .state import Seller

CARRIER_CODES = frozenset(
    Path(__file__).with_name('carriers.txt').read_text(encoding='utf-8').splitlines(),
)
OTHER_CARRIER = 'Other'
MARKETPLACES_WITHOUT_OTHER_CARRIER = ('IN',)
POSITIVE_NUMBER = re.compile(r'0*[1-9]\d{0,19}', re.ASCII)
# Amazon compares days, and whose midnight counts is not told.
SHIP_DATE_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True)
class Confirmation:
    """What a merchant tells of a package.

    :param reference: the merchant's own number for the package, within the order
    :param quantities: quantity by order item id
    """
    reference: str
    carrier_code: str
    carrier_name: str
    service: str
    tracking: str
    shipped_at: datetime
    quantities: Mapping[str, int]

    @property
    def carrier(self) -> str:
        """Return the carrier as the order shows it."""
        return self.carrier_name if self.carrier_code == OTHER_CARRIER else self.carrier_code


def confirm(seller: Seller, order: Order, told: Confirmation) -> None:
    """Make the package part of the order, in place of the one with the same reference.

    A carrier that Amazon does not know is no error, but makes no package either.

    :raise ApiError: Amazon refuses
    """
    check_merchants(order)
    if 'FBM_SHIP_PLUS' in order.programs:
        raise ApiError.invalid(
            f"Order {order.order_id} is an FBM Ship+ order, which Amazon's label confirms."
        )
    if not POSITIVE_NUMBER.fullmatch(told.reference):
        raise ApiError.invalid(f'packageReferenceId is not a positive number: {told.reference}')
    _check_ship_date(order, told, seller.clock.now())
    _check_carrier(order, told)
    _check_quantities(order, told)
    if told.carrier_code in CARRIER_CODES:
        seller.confirm_package(order, Package(
            reference=told.reference,
            quantities=dict(told.quantities),
            carrier=told.carrier,
            service=told.service,
            tracking=told.tracking,
            shipped_at=told.shipped_at,
        ))


def check_merchants(order: Order) -> None:
    """Check that an order is the merchant's to fulfil or to cancel.

    :raise ApiError: Amazon fulfils it, or nobody does (yet)
    """
    if order.channel == 'FBA':
        raise ApiError.invalid(f'Order {order.order_id} is fulfilled by Amazon.')
    if order.status in (*PENDING_STATUSES, 'CANCELLED', 'UNFULFILLABLE'):
        raise ApiError.invalid(f'Order {order.order_id} is {order.status}.')


def _check_ship_date(order: Order, told: Confirmation, now: datetime) -> None:
    if told.shipped_at > now:
        raise ApiError.invalid('The ship date is in the future.')
    if told.shipped_at < order.created - SHIP_DATE_TOLERANCE:
        raise ApiError.invalid(f'The ship date is before the date of order {order.order_id}.')


def _check_carrier(order: Order, told: Confirmation) -> None:
    if told.carrier_code != OTHER_CARRIER:
        return
    if order.marketplace.code in MARKETPLACES_WITHOUT_OTHER_CARRIER:
        raise ApiError.invalid(
            f'carrierCode {OTHER_CARRIER} is not allowed in {order.marketplace.name}.'
        )
    if not told.carrier_name:
        raise ApiError.invalid(f'carrierName is required with carrierCode {OTHER_CARRIER}.')


def _check_quantities(order: Order, told: Confirmation) -> None:
    """Check that the order has what the package is said to hold, and that it is still to be sent.

    :raise ApiError: an item is unknown, or the quantity more than what other packages leave
    """
    former = order.find_package(told.reference)
    if former is None and order.status == 'SHIPPED':
        raise ApiError.invalid(
            f'PackageToUpdateNotFound: order {order.order_id} has been shipped, and has no package '
            f'{told.reference}.'
        )
    items = {item.item_id: item for item in order.items}
    for item_id, quantity in told.quantities.items():
        if item_id not in items:
            raise ApiError.invalid(f'Order {order.order_id} has no order item {item_id}.')
        left = items[item_id].quantity_open + (former.quantities.get(item_id, 0) if former else 0)
        if quantity > left:
            raise ApiError.invalid(
                f'The quantity of order item {item_id} is {quantity}, but {left} are left to ship.'
            )
