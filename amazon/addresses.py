"""Where people look things up on Amazon. Addresses that are not surely Amazon's are none."""

from __future__ import annotations

import re

ORDER_ID = re.compile(r'[0-9]{3}-[0-9]{7}-[0-9]{7}')
ASIN = re.compile(r'[A-Z0-9]{10}')
SHOP = re.compile(r'amazon(\.[a-z]{2,3}){1,2}')


def build_order_url(seller_central_url: str | None, order_id: str | None) -> str | None:
    """Return the address of an order in Seller Central, `None` where it is unknown.

    :param seller_central_url: The address of the marketplace's Seller Central.
    """
    if not (seller_central_url or '').startswith('https://'):
        return None
    if not ORDER_ID.fullmatch(order_id or ''):
        return None
    return f'{seller_central_url.rstrip("/")}/orders-v3/order/{order_id}'


def build_product_url(marketplace_name: str | None, asin: str | None) -> str | None:
    """Return the address of a product's page in the shop, `None` where it is unknown.

    :param marketplace_name: As Amazon writes it, which is the shop's domain, e.g. Amazon.de.
    """
    shop = (marketplace_name or '').lower()
    if not (SHOP.fullmatch(shop) and ASIN.fullmatch(asin or '')):
        return None
    return f'https://www.{shop}/dp/{asin}'
