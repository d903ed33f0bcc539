"""What Amazon is told about the packages of FBM orders: that they have left, or never will.

One package goes in one call; many packages, and everything that is cancelled, go in a feed. A
package keeps its reference, and so whatever arrives twice edits it instead of adding another.
Source: `confirmShipment` of the Orders API v0; OrderFulfillment.xsd, OrderAcknowledgement.xsd and
ProcessingReport.xsd of the feeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from lxml import etree
from lxml.builder import E
from sp_api.api.orders.orders_v0 import OrdersV0

from .client import Client
from .errors import Malformed
from .payload import CONTROL_CHARACTERS, MAX_LENGTH

CONFIRM_OPERATION = 'confirmShipment'
FULFILLMENT_FEED = 'POST_ORDER_FULFILLMENT_DATA'
CANCELLATION_FEED = 'POST_ORDER_ACKNOWLEDGEMENT_DATA'
FEED_CONTENT_TYPE = 'text/xml; charset=UTF-8'
REPORT = 'ProcessingReport'
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

WHOLE_FEED = 0  # the message id of what Amazon says about a feed as such

_SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
_XML_ALIEN = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


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
        'carrierName': _clean(package.carrier_name),
        'shippingMethod': _clean(package.shipping_method),
        'trackingNumber': _clean(package.tracking_number),
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
    return _build_envelope(seller_id, map(_build_fulfillment, packages))


def _build_fulfillment(package: Package) -> etree._Element:
    return E.OrderFulfillment(
        E.AmazonOrderID(package.order_id),
        E.MerchantFulfillmentID(package.reference),
        E.FulfillmentDate(_format_time(package.shipped_at)),
        E.FulfillmentData(
            E.CarrierCode(package.carrier_code),
            *_build_optional('CarrierName', package.carrier_name),
            *_build_optional('ShippingMethod', package.shipping_method),
            E.ShipperTrackingNumber(_clean(package.tracking_number)),
        ),
        *(
            E.Item(E.AmazonOrderItemCode(item.order_item_id), E.Quantity(str(item.quantity)))
            for item in package.items
        ),
    )


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
    return _build_envelope(seller_id, map(_build_acknowledgement, cancellations))


def _build_acknowledgement(cancellation: Cancellation) -> etree._Element:
    return E.OrderAcknowledgement(
        E.AmazonOrderID(cancellation.order_id),
        E.StatusCode('Failure'),
        *(
            E.Item(E.AmazonOrderItemCode(item.order_item_id), E.CancelReason(item.reason))
            for item in cancellation.items
        ),
    )


# === FEEDS === #

def _build_envelope(seller_id: str, contents: Iterable[etree._Element]) -> bytes:
    """Return a feed with a message for each of its contents, of which there must be some."""
    messages = [
        E.Message(E.MessageID(str(number)), content)
        for number, content in enumerate(contents, start=1)
    ]
    envelope = etree.Element('AmazonEnvelope', nsmap={'xsi': _SCHEMA_INSTANCE})
    envelope.set(f'{{{_SCHEMA_INSTANCE}}}noNamespaceSchemaLocation', 'amzn-envelope.xsd')
    envelope.append(
        E.Header(E.DocumentVersion('1.01'), E.MerchantIdentifier(seller_id)),
    )
    envelope.append(E.MessageType(messages[0][1].tag))
    envelope.extend(messages)
    return etree.tostring(envelope, xml_declaration=True, encoding='UTF-8')


def _build_optional(name: str, text: str) -> list[etree._Element]:
    text = _clean(text)
    return [E(name, text)] if text else []


def _clean(text: str) -> str:
    """Return what a person has typed, without the characters that no XML can hold."""
    return _XML_ALIEN.sub('', text).strip()


def _format_time(moment: datetime) -> str:
    text = moment.astimezone(timezone.utc).isoformat(timespec='milliseconds')
    return text.replace('+00:00', 'Z')


# === PROCESSING REPORTS === #

@dataclass(frozen=True)
class Problem:
    """What Amazon has against a message of a feed."""

    code: str
    severity: str  # 'Error' or 'Warning'
    description: str


@dataclass(frozen=True)
class ProcessingReport:
    """What became of the messages of a feed."""

    is_complete: bool
    processed: int | None  # messages; `None` if Amazon does not say
    successful: int | None
    problems: Mapping[int, tuple[Problem, ...]]  # by message id, or under WHOLE_FEED
    seller_id: str = ''  # whose feed it was, in Amazon's words; '' where it uses older ones

    def get_errors(self, message_id: int) -> tuple[Problem, ...]:
        """Return why Amazon has not done what a message told; empty if nothing speaks for that."""
        return self._get_problems(message_id, 'Error')

    def get_warnings(self, message_id: int) -> tuple[Problem, ...]:
        """Return what Amazon has to say about a message besides errors."""
        return self._get_problems(message_id, 'Warning')

    def accounts_for(self, message_count: int) -> bool:
        """Tell whether a message without problems is one that Amazon has done.

        That is not so if messages are missing in the report, or problems that it has counted. What
        Amazon only warns of is successful.

        :param message_count: How many messages the feed had.
        """
        failed = sum(
            number != WHOLE_FEED and any(problem.severity == 'Error' for problem in problems)
            for number, problems in self.problems.items()
        )
        return (
            self.is_complete
            and (self.processed or 0) >= message_count
            and (self.successful or 0) + failed >= message_count
        )

    def _get_problems(self, message_id: int, severity: str) -> tuple[Problem, ...]:
        return tuple(
            problem
            for number in (message_id, WHOLE_FEED)
            for problem in self.problems.get(number, ())
            if problem.severity == severity
        )


def parse_processing_report(content: bytes) -> ProcessingReport:
    """Return what a result document of Amazon's says.

    :raise Malformed: If it is not a processing report.
    """
    root = _parse_xml(content)
    report = next(root.iter(f'{{*}}{REPORT}'), None)
    if report is None:
        raise Malformed(REPORT, 'document', "holds no processing report")
    problems: dict[int, tuple[Problem, ...]] = {}
    for result in report.iterfind('{*}Result'):
        number = _read_number(result, 'MessageID') or WHOLE_FEED
        problems[number] = (*problems.get(number, ()), _parse_problem(result))
    return ProcessingReport(
        is_complete=_read_text(report, 'StatusCode') == 'Complete',
        processed=_read_number(report, 'ProcessingSummary/{*}MessagesProcessed'),
        successful=_read_number(report, 'ProcessingSummary/{*}MessagesSuccessful'),
        problems=problems,
        seller_id=_read_seller_id(root),
    )


def _read_seller_id(root: etree._Element) -> str:
    """Return the merchant token in a report's header. Old accounts have a name (M_…) there."""
    text = _read_text(root, 'Header/{*}MerchantIdentifier')
    return text if re.fullmatch(r'A[0-9A-Z]{9,}', text, re.ASCII) else ''


def _parse_problem(result: etree._Element) -> Problem:
    """Return the problem in a result; one whose severity is new to this code is an error."""
    return Problem(
        code=_read_text(result, 'ResultMessageCode'),
        severity='Warning' if _read_text(result, 'ResultCode') == 'Warning' else 'Error',
        description=_read_text(result, 'ResultDescription'),
    )


def _parse_xml(content: bytes) -> etree._Element:
    """Return the root of a document, which may neither define entities nor refer to anything.

    :raise Malformed: If it is no XML, or has a document type.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content.lstrip(), parser)
    except etree.XMLSyntaxError:
        raise Malformed(REPORT, 'document', "is not XML") from None
    if root.getroottree().docinfo.doctype:
        raise Malformed(REPORT, 'document', "has a document type")
    return root


def _read_text(element: etree._Element, path: str) -> str:
    """Return the text at a path, empty if there is none."""
    text = element.findtext(f'{{*}}{path}') or ''
    return CONTROL_CHARACTERS.sub('', text).strip()[:MAX_LENGTH]


def _read_number(element: etree._Element, path: str) -> int | None:
    text = _read_text(element, path)
    return int(text) if re.fullmatch(r'\d{1,9}', text, re.ASCII) else None
