"""What an order proves of the roles that Amazon has granted the application.

Without a role Amazon refuses nothing, but leaves fields out. So what is there proves that the role
is granted; what is not there proves something only where it must be there.
Source: "Access orders PII" of the Orders API v2026-01-01.
"""

from __future__ import annotations

from typing import Any

from .orders import CHANNELS, GET_OPERATION, Status
from .payload import Node

# Amazon's names for them, as Seller Central shows them.
ORDERS = 'Inventory and Order Tracking'
PERSONAL_DATA = 'Direct-to-Consumer Shipping (Restricted)'
TAX = 'Tax Invoicing (Restricted)'
LISTINGS = 'Product Listing'
FINANCES = 'Finance and Accounting'

STREET_KEYS = ('name', 'addressLine1', 'addressLine2', 'phone')
# Whose buyer comes to fetch the goods: nothing is addressed.
PICKED_UP = 'IN_STORE_PICK_UP'


def shows_personal_data(payload: Any) -> bool | None:
    """Tell whether an order shows who gets it, `None` if it proves nothing. Raises nothing."""
    order = Node(payload, '', GET_OPERATION)
    address = order.peek('recipient', 'deliveryAddress')
    is_addressed = any(address.peek_text(key) for key in STREET_KEYS)
    return is_addressed or (False if must_be_addressed(payload) else None)


def must_be_addressed(payload: Any) -> bool:
    """Tell whether the seller has to ship an order, so that its address can't be missing."""
    order = Node(payload, '', GET_OPERATION)
    return (
        CHANNELS.get(order.peek_text('fulfillment', 'fulfilledBy')) == 'fbm'
        and order.peek_text('fulfillment', 'fulfillmentStatus') in Status.TO_SHIP
        and PICKED_UP not in order.peek_texts('programs')
    )


def shows_tax_data(payload: Any) -> bool:
    """Tell whether an order shows the tax data of somebody. Raises nothing.

    That it does not proves nothing: not every business has a number, and hardly any person.
    """
    order = Node(payload, '', GET_OPERATION)
    return bool(order.peek('tax').peek_children('taxRegistrations'))


def is_of_business(payload: Any) -> bool:
    """Tell whether a business has bought, which may have a tax number. Raises nothing."""
    return 'AMAZON_BUSINESS' in Node(payload, '', GET_OPERATION).peek_texts('programs')
