"""Orders v0: the confirmation of shipments, which v2026-01-01 does not have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError
from ..inputs import find_order, read_list, read_moment, read_object, read_text
from ..orders import Order
from ..roles import ROLE_ORDERS
from ..shipments import Confirmation, confirm


def _confirm_shipment(call: Call) -> Response:
    order = find_order(call.seller, call.path['order_id'])
    confirm(call.seller, order, _read_confirmation(call.body, order))
    return Response(status=204)


def _read_confirmation(body: bytes, order: Order) -> Confirmation:
    """Return what the request body of `confirmShipment` tells.

    :raise ApiError: something is missing or of the wrong type, or it is about another marketplace
    """
    payload = read_object(body)
    if read_text(payload, 'marketplaceId') != order.marketplace.id:
        raise ApiError.invalid(
            f'marketplaceId is not that of order {order.order_id}: {order.marketplace.id}'
        )
    if payload.get('codCollectionMethod') not in (
        (None, 'DirectPayment') if order.marketplace.code == 'JP' else (None,)
    ):
        raise ApiError.invalid('codCollectionMethod is not supported in this marketplace.')
    package = payload.get('packageDetail')
    if not isinstance(package, dict):
        raise ApiError.invalid('packageDetail is required, as an object.')
    return Confirmation(
        reference=read_text(package, 'packageReferenceId'),
        carrier_code=read_text(package, 'carrierCode'),
        carrier_name=_read_optional_text(package, 'carrierName'),
        service=_read_optional_text(package, 'shippingMethod'),
        tracking=read_text(package, 'trackingNumber'),
        shipped_at=read_moment('shipDate', read_text(package, 'shipDate')),
        quantities=_read_quantities(package),
    )


def _read_optional_text(payload: Mapping[str, Any], name: str) -> str:
    return '' if payload.get(name) in (None, '') else read_text(payload, name)


def _read_quantities(package: Mapping[str, Any]) -> dict[str, int]:
    quantities: Counter[str] = Counter()
    for item in read_list(package, 'orderItems', dict):
        quantity = item.get('quantity')
        if type(quantity) is not int:
            raise ApiError.invalid('quantity is required, as a whole number.')
        if quantity <= 0:
            raise ApiError.invalid(f'quantity is not positive: {quantity}')
        quantities[read_text(item, 'orderItemId')] += quantity
    return dict(quantities)


OPERATIONS = (
    Operation(
        'confirmShipment', 'POST', '/orders/v0/orders/<order_id>/shipmentConfirmation',
        2, 10, _confirm_shipment, role=ROLE_ORDERS,
    ),
)
