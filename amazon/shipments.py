"""What Amazon is told about the packages of FBM orders: that they have left, or never will.

One package goes in one call; many packages, and everything that is cancelled, go in a feed. A
package keeps its reference, and so whatever arrives twice edits it instead of adding another.
Source: `confirmShipment` of the Orders API v0; OrderFulfillment.xsd and OrderAcknowledgement.xsd of
the feeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from lxml import etree
from sp_api.api.orders.orders_v0 import OrdersV0

from .client import Client
from .limits import RATES, Rate
from .texts import clean
from .xml_feeds import E, build_envelope

CONFIRM_OPERATION = 'confirmShipment'
RATES[CONFIRM_OPERATION] = Rate(2.0, 10)
FULFILLMENT_FEED = 'POST_ORDER_FULFILLMENT_DATA'
CANCELLATION_FEED = 'POST_ORDER_ACKNOWLEDGEMENT_DATA'
# Source: OrderFulfillment.xsd. One message with more spoils a whole feed.
MAX_CARRIER_NAME = 50
MAX_FEED_TRACKING_NUMBER = 50

CANCEL_REASONS = (
    'NoInventory',
    'ShippingAddressUndeliverable',
    'CustomerExchange',
    'BuyerCanceled',
    'GeneralAdjustment',
    'CarrierCreditDecision',
    'RiskAssessmentInformationNotValid',
    'CarrierCoverageFailure',
    'CustomerReturn',
    'MerchandiseNotReceived',
)


# === PACKAGES === #

@dataclass(frozen=True)
class PackageItem:
    """How many pieces of an order's item are in a package."""

    order_item_id: str
    quantity: int


@dataclass(frozen=True)
class Package:
    """A package that has left, as Amazon is told of it."""

    order_id: str
    marketplace_id: str
    reference: str  # a positive number, its own within the order
    carrier_code: str  # one of carriers.CARRIER_CODES
    carrier_name: str  # needed with carriers.OTHER, else may be empty
    shipping_method: str  # may be empty
    tracking_number: str
    shipped_at: datetime  # aware
    items: tuple[PackageItem, ...]


def confirm_shipment(client: Client, package: Package) -> None:
    """Tell Amazon of a package, or of what has changed about one that it knows.

    Source: `confirmShipment` of the Orders API v0. That Amazon accepts does not prove that it has
    the package: see `orders.parse_packages`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    client.call(
        CONFIRM_OPERATION,
        OrdersV0.confirm_shipment,
        package.order_id,
        **build_confirmation(package),
    )


def build_confirmation(package: Package) -> dict[str, Any]:
    """Return the body of `confirmShipment` for a package."""
    detail = {
        'packageReferenceId': package.reference,
        'carrierCode': package.carrier_code,
        'carrierName': clean(package.carrier_name),
        'shippingMethod': clean(package.shipping_method),
        'trackingNumber': clean(package.tracking_number),
        'shipDate': _format_time(package.shipped_at),
        'orderItems': [
            {'orderItemId': item.order_item_id, 'quantity': item.quantity}
            for item in package.items
        ],
    }
    return {
        'marketplaceId': package.marketplace_id,
        'packageDetail': {name: value for name, value in detail.items() if value},
    }


def build_fulfillment_feed(seller_id: str, packages: Iterable[Package]) -> bytes:
    """Return a feed of the type `FULFILLMENT_FEED`.

    :return: A document whose messages are numbered from 1 in the order of the packages.
    """
    return build_envelope(seller_id, map(_build_fulfillment, packages))


def _build_fulfillment(package: Package) -> etree._Element:
    return E.OrderFulfillment(
        E.AmazonOrderID(package.order_id),
        E.MerchantFulfillmentID(package.reference),
        E.FulfillmentDate(_format_time(package.shipped_at)),
        E.FulfillmentData(
            E.CarrierCode(package.carrier_code),
            *_build_optional('CarrierName', package.carrier_name),
            *_build_optional('ShippingMethod', package.shipping_method),
            E.ShipperTrackingNumber(package.tracking_number),
        ),
        *(
            E.Item(E.AmazonOrderItemCode(item.order_item_id), E.Quantity(str(item.quantity)))
            for item in package.items
        ),
    )


def _build_optional(name: str, text: str) -> list[etree._Element]:
    text = clean(text)
    return [E(name, text)] if text else []


def _format_time(moment: datetime) -> str:
    text = moment.astimezone(timezone.utc).isoformat(timespec='milliseconds')
    return text.replace('+00:00', 'Z')


# === CANCELLATIONS === #

@dataclass(frozen=True)
class CancelledItem:
    """An item of an order that will not be shipped."""

    order_item_id: str
    reason: str  # one of CANCEL_REASONS


@dataclass(frozen=True)
class Cancellation:
    """An order of which the seller cancels all items or some."""

    order_id: str
    items: tuple[CancelledItem, ...]


def build_cancellation_feed(seller_id: str, cancellations: Iterable[Cancellation]) -> bytes:
    """Return a feed of the type `CANCELLATION_FEED`.

    :return: A document whose messages are numbered from 1 in the order of the cancellations.
    """
    return build_envelope(seller_id, map(_build_acknowledgement, cancellations))


def _build_acknowledgement(cancellation: Cancellation) -> etree._Element:
    return E.OrderAcknowledgement(
        E.AmazonOrderID(cancellation.order_id),
        E.StatusCode('Failure'),
        *(
            E.Item(E.AmazonOrderItemCode(item.order_item_id), E.CancelReason(item.reason))
            for item in cancellation.items
        ),
    )
