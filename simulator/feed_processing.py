"""What XML feeds say, what Amazon makes of it, and what it reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement, TreeBuilder
from xml.parsers import expat

from .errors import ApiError
from .inputs import read_moment
from .orders import Order
from .shipments import POSITIVE_NUMBER, Confirmation, check_merchants, confirm
from .state import Seller

DOCUMENT_VERSION = '1.01'
ENVELOPE = (
    'Header', 'MessageType', 'MarketplaceName', 'PurgeAndReplace', 'EffectiveDate', 'Message',
)
TRACKING_NUMBER = re.compile(r'[A-Za-z0-9][A-Za-z0-9 ./-]*')
# Source: OrderFulfillment.xsd.
MAX_LENGTHS = {'CarrierName': 50, 'ShippingMethod': 50, 'ShipperTrackingNumber': 50}
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
# Amazon publishes no list of these numbers.
CODE_ENVELOPE = '5000'
CODE_UNKNOWN_ORDER = '18035'
CODE_INVALID = '18028'
CODE_TRACKING = '18082'


class EnvelopeError(Exception):
    """The document as a whole cannot be read."""


@dataclass(frozen=True)
class Result:
    """An entry of a processing report, about one message.

    :param severity: 'Error' or 'Warning'
    """
    message_id: str
    severity: str
    code: str
    description: str
    order_id: str = ''


@dataclass
class Report:
    """A processing report.

    :param processed: number of messages
    :param results: what is reported about them; the successful ones are only counted
    :param unlisted: how many results, the last ones, are counted and not listed
    """
    processed: int
    results: list[Result]
    is_fatal: bool = False
    unlisted: int = 0

    content_type = 'text/xml; charset=UTF-8'

    def render(self, feed_id: str, seller_id: str) -> bytes:
        """Return the report as Amazon's XML."""
        counts = {
            severity: len({it.message_id for it in self.results if it.severity == severity})
            for severity in ('Error', 'Warning')
        }
        envelope = Element('AmazonEnvelope', {
            'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
            'xsi:noNamespaceSchemaLocation': 'amzn-envelope.xsd',
        })
        _add(_add(envelope, 'Header'), DocumentVersion='1.02', MerchantIdentifier=seller_id)
        _add(envelope, MessageType='ProcessingReport')
        message = _add(envelope, 'Message')
        _add(message, MessageID='1')
        report = _add(message, 'ProcessingReport')
        _add(report, DocumentTransactionID=feed_id, StatusCode='Complete')
        _add(
            _add(report, 'ProcessingSummary'),
            MessagesProcessed=str(self.processed),
            MessagesSuccessful=str(max(self.processed - counts['Error'], 0)),
            MessagesWithError=str(counts['Error']),
            MessagesWithWarning=str(counts['Warning']),
        )
        for result in self.results[: len(self.results) - self.unlisted]:
            entry = _add(
                _add(report, 'Result'),
                MessageID=result.message_id,
                ResultCode=result.severity,
                ResultMessageCode=result.code,
                ResultDescription=result.description,
            )
            if result.order_id:
                _add(_add(entry, 'AdditionalInfo'), AmazonOrderID=result.order_id)
        ElementTree.indent(envelope)
        return ElementTree.tostring(envelope, encoding='UTF-8', xml_declaration=True)


def process(
    seller: Seller, feed_type: str, content: bytes, manners: Collection[str] = (),
) -> Report:
    """Do what the messages of a feed say, one by one.

    :param manners: 'feed_breaks_off' and 'feed_half' leave the second half undone,
        'feed_skips_last' the last message, 'report_incomplete' does not list the last result
    """
    message_type, handle = FEED_TYPES[feed_type]
    try:
        messages = _read_envelope(seller, content, message_type)
    except EnvelopeError as error:
        return Report(0, [Result('0', 'Error', CODE_ENVELOPE, str(error))], is_fatal=True)
    if {'feed_breaks_off', 'feed_half'} & set(manners):
        messages = messages[: len(messages) // 2]
    elif 'feed_skips_last' in manners:
        messages = messages[:-1]
    results: list[Result] = []
    for message_id, message in messages:
        order_id = _text(message, 'AmazonOrderID')
        try:
            results += (
                Result(message_id, 'Warning', CODE_TRACKING, warning, order_id)
                for warning in handle(seller, message)
            )
        except ApiError as error:
            code = CODE_UNKNOWN_ORDER if error.status == 404 else CODE_INVALID
            results.append(Result(
                message_id, 'Error', code, error.details or error.message, order_id,
            ))
    return Report(len(messages), results, unlisted=int('report_incomplete' in manners))


# === ENVELOPE === #

def _read_envelope(
    seller: Seller, content: bytes, message_type: str,
) -> list[tuple[str, Element]]:
    """Return (message id, content) of the messages of a document.

    :raise EnvelopeError: the document cannot be read, or is not for this seller and feed type
    """
    try:
        envelope = _parse(content)
        _check_envelope(envelope, seller, message_type)
    except expat.ExpatError as error:
        raise EnvelopeError(f'XML Parsing Fatal Error: {error}') from error
    except ApiError as error:
        raise EnvelopeError(error.details) from error
    messages = [
        (_text(message, 'MessageID'), message.find(message_type))
        for message in envelope.findall('Message')
    ]
    ids = {message_id for message_id, _message in messages if POSITIVE_NUMBER.fullmatch(message_id)}
    if not messages or len(ids) < len(messages) or any(part is None for _id, part in messages):
        raise EnvelopeError(f'Every Message needs a MessageID of its own and one {message_type}.')
    return messages


def _check_envelope(envelope: Element, seller: Seller, message_type: str) -> None:
    """Check what stands around the messages.

    :raise ApiError: it is not what Amazon's schema or the feed demands
    """
    expectations = (
        ('The root', envelope.tag, 'AmazonEnvelope'),
        ('DocumentVersion', _text(envelope, 'Header/DocumentVersion'), DOCUMENT_VERSION),
        (
            'MerchantIdentifier', _text(envelope, 'Header/MerchantIdentifier'),
            seller.profile.seller_id,
        ),
        ('MessageType', _text(envelope, 'MessageType'), message_type),
    )
    for name, value, expected in expectations:
        if value != expected:
            raise ApiError.invalid(f'{name} is {value!r}, not {expected!r}.')
    _check_children(envelope, ENVELOPE)
    for message in envelope.findall('Message'):
        _check_children(message, ('MessageID', 'OperationType', message_type))
        for name, length in MAX_LENGTHS.items():
            if any(len(element.text or '') > length for element in message.iter(name)):
                raise ApiError.invalid(f'{name} is longer than {length} characters.')


def _parse(content: bytes) -> Element:
    """Return the root of a document.

    :raise expat.ExpatError: it is not well-formed, or declares a document type
    """
    def refuse_doctype(*_declaration: object) -> None:
        raise expat.ExpatError('a document type is declared')

    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.Parse(content, True)
    return builder.close()


def _check_children(element: Element, names: tuple[str, ...]) -> None:
    """Check that an element holds nothing but these, in this order, as Amazon's schemas demand.

    :raise ApiError: it does not
    """
    places = [names.index(child.tag) if child.tag in names else -1 for child in element]
    if -1 in places or places != sorted(places):
        raise ApiError.invalid(
            f"{element.tag} holds {', '.join(child.tag for child in element)}; "
            f"only these are allowed, in this order: {', '.join(names)}"
        )


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or '').strip()


def _required(element: Element, path: str) -> str:
    text = _text(element, path)
    if not text:
        raise ApiError.invalid(f'{element.tag}/{path} is required.')
    return text


def _add(parent: Element, tag: str = '', **texts: str) -> Element:
    """Add an element and return it, or add one for each text and return the parent."""
    for name, text in texts.items():
        SubElement(parent, name).text = text
    return SubElement(parent, tag) if tag else parent


def _find_order(seller: Seller, message: Element) -> Order:
    order_id = _required(message, 'AmazonOrderID')
    try:
        return seller.get_order(order_id)
    except LookupError:
        raise ApiError(404, 'NotFound', f'There is no order {order_id}.') from None


# === MESSAGES === #

def _fulfil(seller: Seller, message: Element) -> Iterable[str]:
    """Confirm a package (`OrderFulfillment`) and return warnings.

    MerchantFulfillmentID is taken for the package's reference. Without it the package with the
    same tracking number is edited; when there is none, it is another package.

    :raise ApiError: Amazon refuses
    """
    _check_children(message, (
        'AmazonOrderID', 'MerchantFulfillmentID', 'FulfillmentDate', 'FulfillmentData',
        'CODCollectionMethod', 'Item',
    ))
    order = _find_order(seller, message)
    data = message.find('FulfillmentData')
    if data is None:
        raise ApiError.invalid('FulfillmentData is required.')
    _check_children(data, (
        'CarrierCode', 'CarrierName', 'ShippingMethod', 'ShipperTrackingNumber',
    ))
    tracking = _required(data, 'ShipperTrackingNumber')
    reference = _text(message, 'MerchantFulfillmentID') or _reference_of(seller, order, tracking)
    confirm(seller, order, Confirmation(
        reference=reference,
        carrier_code=_required(data, 'CarrierCode'),
        carrier_name=_text(data, 'CarrierName'),
        service=_text(data, 'ShippingMethod'),
        tracking=tracking,
        shipped_at=read_moment('FulfillmentDate', _required(message, 'FulfillmentDate')),
        quantities=_fulfilled_quantities(order, reference, message.findall('Item')),
    ))
    if not TRACKING_NUMBER.fullmatch(tracking):
        return [f'The tracking number {tracking} does not have the format of the carrier.']
    return []


def _reference_of(seller: Seller, order: Order, tracking: str) -> str:
    for package in order.packages:
        if package.tracking == tracking:
            return package.reference
    return seller.next_reference(order)


def _fulfilled_quantities(order: Order, reference: str, items: list[Element]) -> dict[str, int]:
    """Return quantity by order item; all that other packages leave when no item is named.

    :raise ApiError: an item is not well described
    """
    if not items:
        former = order.find_package(reference)
        kept = former.quantities if former else {}
        left = {
            item.item_id: item.quantity_open + kept.get(item.item_id, 0) for item in order.items
        }
        return {item_id: quantity for item_id, quantity in left.items() if quantity}
    quantities: dict[str, int] = {}
    for item in items:
        _check_children(item, ('AmazonOrderItemCode', 'Quantity', 'TransparencyCode'))
        item_id, quantity = _required(item, 'AmazonOrderItemCode'), _required(item, 'Quantity')
        if not POSITIVE_NUMBER.fullmatch(quantity):
            raise ApiError.invalid(f'Quantity is not a positive number: {quantity}')
        quantities[item_id] = quantities.get(item_id, 0) + int(quantity)
    return quantities


def _acknowledge(seller: Seller, message: Element) -> Iterable[str]:
    """Cancel an order, or the items named, where the merchant fails to deliver; return no warnings.

    :raise ApiError: Amazon refuses
    """
    _check_children(message, ('AmazonOrderID', 'MerchantOrderID', 'StatusCode', 'Item'))
    order = _find_order(seller, message)
    check_merchants(order)
    status = _required(message, 'StatusCode')
    if status not in ('Success', 'Failure'):
        raise ApiError.invalid(f'StatusCode is neither Success nor Failure: {status}')
    if status == 'Failure':
        for item_id, reason in _cancelled_items(order, message.findall('Item')).items():
            seller.cancel_item(order, item_id, by='MERCHANT', reason=reason)
    return []


def _cancelled_items(order: Order, items: list[Element]) -> dict[str, str]:
    """Return reason by order item that is to be cancelled, all items when none is named.

    :raise ApiError: an item is not well described, or cannot be cancelled any more
    """
    reasons = {item.item_id: CANCEL_REASONS[0] for item in order.items}
    if items:
        reasons = {_required(item, 'AmazonOrderItemCode'): _cancel_reason(item) for item in items}
    lines = {item.item_id: item for item in order.items}
    for item_id in reasons:
        if item_id not in lines:
            raise ApiError.invalid(f'Order {order.order_id} has no order item {item_id}.')
        if lines[item_id].quantity_shipped or not lines[item_id].quantity_open:
            raise ApiError.invalid(
                f'Order item {item_id} can no longer be cancelled: it is shipped or cancelled.'
            )
    return reasons


def _cancel_reason(item: Element) -> str:
    _check_children(item, ('AmazonOrderItemCode', 'MerchantOrderItemID', 'CancelReason'))
    reason = _required(item, 'CancelReason')
    if reason not in CANCEL_REASONS:
        raise ApiError.invalid(f'CancelReason is unknown: {reason}')
    return reason


# The type of the messages, and what is done with one, by feed type.
FEED_TYPES: dict[str, tuple[str, Callable[[Seller, Element], Iterable[str]]]] = {
    'POST_ORDER_FULFILLMENT_DATA': ('OrderFulfillment', _fulfil),
    'POST_ORDER_ACKNOWLEDGEMENT_DATA': ('OrderAcknowledgement', _acknowledge),
}
