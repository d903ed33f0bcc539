"""Large settlements to measure with, made without shipping a single order."""

from __future__ import annotations

from typing import Any

from .marketplaces import find_marketplace
from .settlements import Settlement
from .state import Seller

SKU = 'BULK-000'
PRICE, COMMISSION, LAST_FEE = '19.00', '-2.85', '1.00'


def bulk_settlement(
    seller: Seller,
    lines: int,
    *,
    marketplace: str = 'DE',
    knows_orders: bool = True,
    **options: Any,
) -> Settlement:
    """Close a settlement of so many lines, or of a few more when there are orders enough.

    It has what is open, then the orders of the currency that are not posted yet, as if they were
    shipped; then made-up orders that nobody can fetch, two lines each.

    :param marketplace: whose currency it is in, one that has cents
    :param knows_orders: post the seller's own orders, too
    :param options: see `close_settlement`
    """
    place = find_marketplace(marketplace)
    count = sum(len(event.rows) for event in seller.walk_open_money(place.currency))
    if knows_orders:
        for order in list(seller.orders.values()):
            if count >= lines:
                break
            if order.marketplace.currency == place.currency and order.status != 'CANCELLED':
                count += len(seller.post_shipment(order, is_whole=True))
    for number in range((lines - count) // 2):
        for amount_type, description, amount in (
            ('ItemPrice', 'Principal', PRICE), ('ItemFees', 'Commission', COMMISSION),
        ):
            seller.post_money(
                'Order', amount_type, description, amount, currency=place.currency,
                marketplace=place.code, sku=SKU, quantity=1, kind='Shipment',
                order_id=f'{place.order_prefix}-9999999-{number:07d}',
            )
        count += 2
    if count < lines:
        seller.charge_fee('storage', LAST_FEE, currency=place.currency)
    return seller.close_settlement(place.currency, **options)
