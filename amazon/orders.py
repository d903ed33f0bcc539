"""Amazon's orders: what Amazon says about them, and what this add-on reads in it.

Source of every call and field: the Orders API v2026-01-01.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101

from .client import Client
from .errors import Malformed, Rejected
from .limits import RATES, SIZES, Rate
from .payload import Node
from .proceeds import Charge, ItemProceeds, Sold, explain, find_currency, peek_paid

SEARCH_OPERATION = 'searchOrders'
GET_OPERATION = 'getOrder'
RATES.update({SEARCH_OPERATION: Rate(0.0056, 20), GET_OPERATION: Rate(0.5, 30)})
SIZES.update({SEARCH_OPERATION: 16 * 2**20, GET_OPERATION: 4 * 2**20})
MAX_PAGE = 1000  # orders; Amazon sends at most 100
MAX_AHEAD = timedelta(days=2)  # of Amazon's clock before ours, with all that can be wrong about it

INCLUDED_DATA = (
    'BUYER', 'RECIPIENT', 'PROCEEDS', 'CANCELLATION', 'FULFILLMENT', 'PACKAGES', 'TAX',
)
# Amazon refuses FULFILLMENT at times, account by account (its issue #5365).
REDUCED_INCLUDED_DATA = tuple(name for name in INCLUDED_DATA if name != 'FULFILLMENT')

CHANNELS = {'AMAZON': 'fba', 'MERCHANT': 'fbm'}
SERVICE_LEVELS = {
    'EXPEDITED', 'FREE_ECONOMY', 'NEXT_DAY', 'PRIORITY', 'SAME_DAY', 'SECOND_DAY', 'SCHEDULED',
    'STANDARD',
}
EMAIL = re.compile(r'[^\s@<>()\[\]\\,;:"]{1,64}@[^\s@<>()\[\]\\,;:"]{1,180}')
MISSING_ITEM_ID = '?'
ASSOCIATED_REPLACEMENTS = {'REPLACEMENT_ORIGINAL_ID', 'EXCHANGE_ORIGINAL_ID'}


class Status:
    """How far an order is, in the words of Amazon's `fulfillmentStatus`.

    They are plain texts, as is what Amazon sends: it may be newer than this code.
    """

    PENDING = 'PENDING'
    PENDING_AVAILABILITY = 'PENDING_AVAILABILITY'
    UNSHIPPED = 'UNSHIPPED'
    PARTIALLY_SHIPPED = 'PARTIALLY_SHIPPED'
    SHIPPED = 'SHIPPED'
    CANCELLED = 'CANCELLED'
    UNFULFILLABLE = 'UNFULFILLABLE'

    TO_SHIP = (UNSHIPPED, PARTIALLY_SHIPPED)
    NOT_RELEASED = (PENDING, PENDING_AVAILABILITY, UNFULFILLABLE)
    ALL = (*NOT_RELEASED, *TO_SHIP, SHIPPED, CANCELLED)


# === WHAT IS ASKED === #

@dataclass(frozen=True)
class OrderQuery:
    """A search for the orders that changed since a time, and the page of it that comes next.

    Amazon wants all parameters but the token unchanged from page to page.
    """

    marketplace_ids: tuple[str, ...]
    updated_after: str  # ISO 8601, UTC
    included_data: tuple[str, ...] = INCLUDED_DATA
    page_token: str | None = None
    updated_before: str | None = None  # what Amazon answered on the first page

    @property
    def is_reduced(self) -> bool:
        """Whether the orders are asked for without their status."""
        return self.included_data != INCLUDED_DATA

    @property
    def is_exhausted(self) -> bool:
        """Whether Amazon has given every page."""
        return bool(self.updated_before) and not self.page_token

    def get_alternative(self) -> OrderQuery | None:
        """Return what to ask when Amazon refuses this query, `None` if nothing else is left.

        A page token expires after 24 hours: the search starts again. On a first page it may be
        FULFILLMENT that Amazon refuses, in no words that could be relied on.
        """
        if self.page_token:
            return replace(
                self, page_token=None, updated_before=None, included_data=INCLUDED_DATA,
            )
        return None if self.is_reduced else replace(self, included_data=REDUCED_INCLUDED_DATA)

    def is_part_of(self, other: OrderQuery) -> bool:
        """Tell whether another query looks for all orders that this one looks for."""
        is_as_old = self.updated_after == other.updated_after
        return is_as_old and set(self.marketplace_ids) <= set(other.marketplace_ids)

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> OrderQuery:
        """Return the query that :meth:`to_json` wrote."""
        return cls(**{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        })


@dataclass(frozen=True)
class OrderPage:
    """A page of orders as Amazon sent them, and the query to go on with, exhausted at the end."""

    payloads: list[Any]  # objects, unless Amazon errs
    next_query: OrderQuery | None
    problem: Malformed | None = None  # why there is none: the orders are good all the same


def fetch_order_page(client: Client, query: OrderQuery) -> OrderPage:
    """Ask Amazon for one page of the orders that changed.

    Source: `searchOrders`.

    :raise AmazonError: As :meth:`Client.call`; :class:`Malformed` if it holds no list of orders.
    """
    payload = client.call(
        SEARCH_OPERATION,
        OrdersV20260101.search_orders,
        marketplaceIds=list(query.marketplace_ids),
        lastUpdatedAfter=query.updated_after,
        includedData=list(query.included_data),
        paginationToken=query.page_token,
    )
    page = Node(payload, '', SEARCH_OPERATION)
    payloads = page.entries('orders', required=True)
    if len(payloads) > MAX_PAGE:
        page.fail('orders', f"has more than {MAX_PAGE} entries")
    try:
        return OrderPage(payloads, _read_next_query(page, query))
    except Malformed as error:
        return OrderPage(payloads, None, error)


def _read_next_query(page: Node, query: OrderQuery) -> OrderQuery:
    """Return the query to go on with after a page.

    :raise Malformed: If the page does not say it, or says what cannot be. Orders would be passed
                      over if it were guessed.
    """
    next_token = page.child('pagination').text('nextToken', max_length=None)
    updated_before = query.updated_before
    if not updated_before:
        bound = page.time('lastUpdatedBefore', required=True)
        if bound > datetime.now(timezone.utc) + MAX_AHEAD:
            page.fail('lastUpdatedBefore', "lies in the future")
        updated_before = bound.isoformat()
    return replace(query, page_token=next_token or None, updated_before=updated_before)


def fetch_order(client: Client, order_id: str) -> dict[str, Any]:
    """Ask Amazon for one order of any age and status, without FULFILLMENT if it refuses that.

    Source: `getOrder`.

    :return: The order as Amazon sent it, in the form that a page holds too; see
             `OrderSummary.is_complete` for whether it can be acted on.
    :raise AmazonError: As :meth:`Client.call`; :class:`Malformed` if it is not an order.
    """
    try:
        payload = _fetch_order(client, order_id, INCLUDED_DATA)
    except Rejected:
        payload = _fetch_order(client, order_id, REDUCED_INCLUDED_DATA)
    return Node(payload, '', GET_OPERATION).child('order', required=True).value


def _fetch_order(
    client: Client, order_id: str, included_data: tuple[str, ...]
) -> dict[str, Any]:
    return client.call(
        GET_OPERATION,
        OrdersV20260101.get_order,
        order_id,
        includedData=list(included_data),
    )


# === WHAT IS READ === #

@dataclass(frozen=True)
class OrderSummary:
    """What the inbox shows of an order, read without judging the rest of it."""

    order_id: str | None
    updated_at: datetime | None  # UTC, aware
    status: str | None  # one of Status, or newer than this code
    channel: str | None  # 'fba' or 'fbm'
    marketplace_id: str | None
    marketplace_name: str | None
    total: Decimal | None
    currency: str | None  # ISO 4217
    ship_by: datetime | None  # UTC, aware
    is_over: bool  # shipped in full, or cancelled
    is_delivered: bool  # in full, as far as Amazon knows of packages; it does not say when
    shipped_at: datetime | None  # UTC, aware; the last package
    is_complete: bool  # whether it says how far the order is; without FULFILLMENT it does not
    is_sold_elsewhere: bool  # in another shop (NON_AMAZON), and only shipped by Amazon
    purchased_at: datetime | None  # UTC, aware
    quantities: Mapping[str, int]  # units that are still to be shipped, by SKU, else ASIN
    is_invoiced_by_amazon: bool = False  # as of an order


@dataclass(frozen=True)
class Address:
    """A delivery address, or the address of a tax registration. Absent parts are empty."""

    name: str = ''
    company_name: str = ''
    lines: tuple[str, ...] = ()
    city: str = ''
    district: str = ''
    state: str = ''  # code or name, as the buyer typed it
    postal_code: str = ''
    country_code: str = ''  # ISO 3166-1 alpha-2
    phone: str = ''


@dataclass(frozen=True)
class Buyer:
    """Who bought. Amazon leaves out what the application has no role for."""

    name: str = ''
    email: str = ''  # an alias that Amazon forwards
    company_name: str = ''
    purchase_order_number: str = ''
    is_business: bool = False
    vat: str = ''
    tax_address: Address | None = None


@dataclass(frozen=True)
class OrderItem:
    """A line of an order."""

    item_id: str  # begins with MISSING_ITEM_ID where Amazon sends none
    sku: str  # may be empty; so for the next two
    asin: str
    title: str
    quantity: int  # still wanted: ordered less cancelled
    quantity_shipped: int
    charges: tuple[Charge, ...]
    tax: Decimal | None  # of `charges`, `None` where Amazon does not show it
    is_facilitated: bool  # whether Amazon collects and remits the tax, even if there is none
    facilitated_tax: Decimal  # so collected, not in `charges`
    gift_message: str
    serial_numbers: tuple[str, ...]
    cancel_reason: str | None  # given by a buyer who asks to cancel; '' without a reason


@dataclass(frozen=True)
class Order:
    """An order as this add-on understands it. All times are UTC and aware."""

    order_id: str
    status: str  # one of Status, or newer than this code
    channel: str
    marketplace_id: str  # may be empty
    purchased_at: datetime | None  # `None` where Amazon tells no time at all; so for the next
    updated_at: datetime | None
    currency: str  # empty where Amazon names none
    total: Decimal  # what the buyer paid, less tips and less tax that Amazon remits
    open_amount: Decimal  # what the items' charges leave open of `total`
    is_explained: bool  # whether that is rounding only
    items: tuple[OrderItem, ...]
    buyer: Buyer
    address: Address
    ship_by: datetime | None
    deliver_by: datetime | None
    service_level: str  # one of SERVICE_LEVELS in lower case; empty if unknown to this code
    notes: tuple[str, ...]  # what was odd and did not matter: the fields, not their values
    is_invoiced_by_amazon: bool = False  # Amazon gives the buyer an invoice in the seller's name

    @property
    def unexplained(self) -> Decimal:
        """What no reading of the amounts explains of `total`; nothing where one does."""
        return Decimal() if self.is_explained else self.open_amount

    @property
    def tax(self) -> Decimal | None:
        """The tax in `total` as Amazon shows it, `None` if it shows none or not all of it."""
        paid = [item for item in self.items if any(charge.amount for charge in item.charges)]
        taxes = [item.tax for item in paid if item.tax is not None]
        return sum(taxes, Decimal()) if taxes and len(taxes) == len(paid) else None

    @property
    def facilitated_tax(self) -> Decimal:
        """The tax that Amazon collects and remits itself; not in `total`."""
        return sum((item.facilitated_tax for item in self.items), Decimal())

    @property
    def cancel_reasons(self) -> list[str]:
        """The reasons with which the buyer asks to cancel; empty when nobody asks."""
        return [item.cancel_reason for item in self.items if item.cancel_reason is not None]

    def count_shipped(self, item: OrderItem) -> int:
        """Return how many pieces of an item have left: all of them where the order is shipped."""
        return item.quantity if self.status == Status.SHIPPED else item.quantity_shipped


@dataclass(frozen=True)
class Given:
    """What a person has answered for, where an order does not say it."""

    total: Decimal | None = None  # what the buyer paid, with tips and all tax
    currency: str = ''  # ISO 4217
    channel: str = ''  # 'fba' or 'fbm'
    quantities: Mapping[int, int] = field(default_factory=dict)  # by position in the order

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return {**asdict(self), 'total': None if self.total is None else str(self.total)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Given:
        """Return the answers that :meth:`to_json` wrote, or some of them."""
        total, quantities = values.get('total'), values.get('quantities') or {}
        return cls(**{
            **values,
            'total': None if total is None else Decimal(total),
            'quantities': {int(number): count for number, count in quantities.items()},
        })


@dataclass(frozen=True)
class ShippedPackage:
    """A package of an FBM order as Amazon shows it. Absent texts are empty."""

    reference: str  # the `shipments.Package.reference` that it was confirmed with
    carrier: str
    tracking_number: str
    status: str  # PENDING, IN_TRANSIT, SHIPPED, DELIVERED, CANCELLED, UNDELIVERABLE, or newer
    created_at: datetime | None  # UTC, aware
    quantities: Mapping[str, int]  # by order item id


@dataclass(frozen=True)
class Goods:
    """An item of an order as far as the stock is concerned, whatever was paid for it."""

    item_id: str
    sku: str
    asin: str
    title: str
    quantity: int  # shipped
    serial_numbers: tuple[str, ...]


@dataclass(frozen=True)
class ShippedGoods:
    """What Amazon shipped of an order, and when. Times are UTC and aware."""

    items: tuple[Goods, ...]
    channel: str
    purchased_at: datetime
    updated_at: datetime


def parse_shipped_goods(payload: Any) -> ShippedGoods:
    """Return what Amazon shipped of an order that it has shipped in full.

    :raise Malformed: If a field that is needed is missing, of a wrong type or out of range.
    """
    order = Node(payload, '', SEARCH_OPERATION)
    updated_at = order.time('lastUpdatedTime', required=True)
    return ShippedGoods(
        items=tuple(_parse_goods(item) for item in order.children('orderItems', required=True)),
        channel=_parse_channel(order.child('fulfillment', required=True)),
        purchased_at=order.peek_time('createdTime') or updated_at,
        updated_at=updated_at,
    )


def _parse_goods(item: Node) -> Goods:
    product = item.child('product', required=True)
    shipped = item.peek('fulfillment').peek_count('quantityFulfilled')
    return Goods(
        item_id=item.text('orderItemId', required=True),
        sku=product.peek_text('sellerSku') or product.text('asin', required=True),
        asin=product.peek_text('asin'),
        title=product.peek_text('title'),
        quantity=item.count('quantityOrdered', required=True) if shipped is None else shipped,
        serial_numbers=tuple(product.peek_texts('serialNumbers')),
    )


def parse_packages(payload: Any) -> tuple[ShippedPackage, ...]:
    """Return what can be read of an order's packages, however broken it is. Raises nothing."""
    order = Node(payload, '', SEARCH_OPERATION)
    return tuple(_parse_package(package) for package in order.peek_children('packages'))


def _parse_package(package: Node) -> ShippedPackage:
    quantities: Counter[str] = Counter()
    for item in package.peek_children('packageItems'):
        quantities[item.peek_text('orderItemId')] += item.peek_count('quantity') or 0
    return ShippedPackage(
        reference=package.peek_text('packageReferenceId'),
        carrier=package.peek_text('carrier'),
        tracking_number=package.peek_text('trackingNumber'),
        status=package.peek_text('packageStatus', 'status'),
        created_at=package.peek_time('createdTime'),
        quantities=dict(quantities),
    )


def parse_summary(payload: Any) -> OrderSummary:
    """Return what can be read of an order, however broken it is. Raises nothing."""
    order = Node(payload, '', SEARCH_OPERATION)
    status = order.peek_text('fulfillment', 'fulfillmentStatus') or None
    packages = order.peek_children('packages')
    shipped_at = [package.peek_time('shipTime') for package in packages]
    return OrderSummary(
        order_id=order.peek_text('orderId') or None,
        updated_at=order.peek_time('lastUpdatedTime'),
        status=status,
        channel=CHANNELS.get(order.peek_text('fulfillment', 'fulfilledBy')),
        marketplace_id=order.peek_text('salesChannel', 'marketplaceId') or None,
        marketplace_name=order.peek_text('salesChannel', 'marketplaceName') or None,
        total=peek_paid(order),
        currency=find_currency(order) or None,
        ship_by=order.peek_time('fulfillment', 'shipByWindow', 'latestDateTime'),
        is_over=status in (Status.SHIPPED, Status.CANCELLED),
        is_delivered=status == Status.SHIPPED and bool(packages) and all(
            package.peek_text('packageStatus', 'status') == 'DELIVERED' for package in packages
        ),
        shipped_at=max(filter(None, shipped_at), default=None),
        is_complete=_is_complete(order),
        is_sold_elsewhere=order.peek_text('salesChannel', 'channelName') == 'NON_AMAZON',
        purchased_at=order.peek_time('createdTime'),
        quantities=_count_open(order, status),
        is_invoiced_by_amazon=_is_invoiced_by_amazon(order),
    )


def _count_open(order: Node, status: str | None) -> dict[str, int]:
    """Return the units of an order that are neither shipped nor cancelled, by SKU, else ASIN.

    What can't be read counts as one unit: somebody has bought it.
    """
    if status in (Status.SHIPPED, Status.CANCELLED):
        return {}
    quantities: Counter[str] = Counter()
    for item in order.peek_children('orderItems'):
        sku = item.peek_text('product', 'sellerSku') or item.peek_text('product', 'asin')
        fulfillment = item.peek('fulfillment')
        ordered = item.peek_count('quantityOrdered')
        count = fulfillment.peek_count('quantityUnfulfilled')
        # Amazon does not say that a pending order has unfulfilled units already.
        if count is None or status in Status.NOT_RELEASED:
            shipped = fulfillment.peek_count('quantityFulfilled') or 0
            count = 1 if ordered is None else max(ordered - shipped, 0)
        if sku and count:
            quantities[sku] += count
    return dict(quantities)


def _is_invoiced_by_amazon(order: Node) -> bool:
    """Tell whether Amazon gives the buyer an invoice in the seller's name."""
    return 'INVOICE_BY_AMAZON' in order.peek_texts('programs')


def _is_complete(order: Node) -> bool:
    """Tell whether an order says how far it is, rightly or not."""
    if not isinstance(order.value, dict):
        return True  # There is nothing to complete.
    fulfillment = order.value.get('fulfillment')
    if fulfillment is None:
        return False
    if not isinstance(fulfillment, dict):
        return True
    if fulfillment.get('fulfillmentStatus') == Status.PARTIALLY_SHIPPED:
        return any(
            item.peek('fulfillment').peek_count('quantityFulfilled') is not None
            for item in order.peek_children('orderItems')
        )
    return fulfillment.get('fulfillmentStatus') is not None


def parse_order(payload: Any, given: Given | None = None) -> Order:
    """Return an order that is not cancelled, and how its amounts explain what the buyer paid.

    Whatever else is odd is left out, and noted.

    :param payload: An order of `searchOrders` or `getOrder`.
    :param given: What a person has answered for.
    :raise Malformed: If a field that decides is missing, of a wrong type or out of range: the
                      reference, the status, who ships, the items and their quantities, or any sane
                      total, in one currency.
    """
    notes: list[str] = []
    order = Node(payload, '', SEARCH_OPERATION, notes)
    given = given or Given()
    fulfillment = order.peek('fulfillment')
    is_free = any(
        other.peek_text('associationType') in ASSOCIATED_REPLACEMENTS
        for other in order.peek_children('associatedOrders')
    )
    sold = _parse_sold(order, given)
    proceeds = explain(
        order, sold, is_free=is_free, given_total=given.total, given_currency=given.currency,
    )
    items = tuple(
        _parse_item(number, item, amounts)
        for number, (item, amounts) in enumerate(zip(sold, proceeds.items, strict=True))
    )
    if len({item.item_id for item in items}) < len(items):
        order.fail('orderItems', "has two items with one orderItemId")
    created_at, updated_at = order.peek_time('createdTime'), order.peek_time('lastUpdatedTime')
    for key, moment in (('createdTime', created_at), ('lastUpdatedTime', updated_at)):
        if not moment:
            order.note(key, "is not known")
    return Order(
        order_id=order.text('orderId', required=True),
        status=order.child('fulfillment', required=True).text('fulfillmentStatus', required=True),
        channel=given.channel or _parse_channel(fulfillment),
        marketplace_id=order.peek_text('salesChannel', 'marketplaceId') or None,
        purchased_at=created_at or updated_at,
        updated_at=updated_at or created_at,
        currency=proceeds.currency,
        total=proceeds.total,
        open_amount=proceeds.open_amount,
        is_explained=proceeds.is_explained,
        items=items,
        buyer=_parse_buyer(order),
        address=_parse_address(order.peek('recipient', 'deliveryAddress')),
        ship_by=fulfillment.peek_time('shipByWindow', 'latestDateTime'),
        deliver_by=fulfillment.peek_time('deliverByWindow', 'latestDateTime'),
        service_level=_parse_service_level(fulfillment),
        notes=tuple(notes),
        is_invoiced_by_amazon=_is_invoiced_by_amazon(order),
    )


@dataclass(frozen=True)
class Questions:
    """What a person can answer for, so that an order can be imported that does not say it."""

    total: bool = False  # and in which currency
    channel: bool = False
    quantities: bool = False

    def __bool__(self) -> bool:
        return self.total or self.channel or self.quantities


def find_questions(payload: Any) -> Questions:
    """Return what an order does not say; nothing where no answer helps. Raises nothing."""
    order = Node(payload, '', SEARCH_OPERATION)
    items = order.peek_children('orderItems')
    unreadable = [n for n, item in enumerate(items) if item.peek_count('quantityOrdered') is None]
    channel = CHANNELS.get(order.peek_text('fulfillment', 'fulfilledBy'))
    given = Given(channel=channel or 'fbm', quantities=dict.fromkeys(unreadable, 1))
    is_total_missing = False
    try:
        parse_order(payload, given)
    except Malformed:
        try:
            parse_order(payload, replace(given, total=Decimal(1), currency='EUR'))
        except Malformed:
            return Questions()
        is_total_missing = True
    return Questions(is_total_missing, channel is None, bool(unreadable))


def _parse_channel(fulfillment: Node) -> str:
    channel = CHANNELS.get(fulfillment.text('fulfilledBy', required=True))
    if not channel:
        fulfillment.fail('fulfilledBy', "is neither AMAZON nor MERCHANT")
    return channel


def _parse_service_level(fulfillment: Node) -> str:
    level = fulfillment.peek_text('fulfillmentServiceLevel')
    return level.lower() if level in SERVICE_LEVELS else ''


def _parse_sold(order: Node, given: Given) -> list[Sold]:
    """Return the items of an order with their quantities.

    :raise Malformed: If there are none, or a quantity can't be read.
    """
    items = order.children('orderItems', required=True)
    if not items:
        order.fail('orderItems', "is empty")
    sold = []
    for number, item in enumerate(items):
        ordered = given.quantities.get(number)
        if ordered is None:
            ordered = item.count('quantityOrdered', required=True)
        fulfillment = item.peek('fulfillment')
        shipped = fulfillment.peek_count('quantityFulfilled')
        unshipped = fulfillment.peek_count('quantityUnfulfilled')
        wanted = ordered
        if shipped is not None and unshipped is not None and number not in given.quantities:
            wanted = min(ordered, shipped + unshipped)  # less where a part was cancelled
        sold.append(Sold(item, ordered, wanted))
    return sold


def _parse_item(number: int, sold: Sold, proceeds: ItemProceeds) -> OrderItem:
    item = sold.node
    product = item.peek('product')
    fulfillment = item.peek('fulfillment')
    request = item.peek('cancellation', 'cancellationRequest')
    item_id = item.peek_text('orderItemId')
    if not item_id:
        item.note('orderItemId', "is missing: Amazon can't be told of the delivery of this item")
    return OrderItem(
        item_id=item_id or f'{MISSING_ITEM_ID}{number}',
        sku=product.peek_text('sellerSku'),
        asin=product.peek_text('asin'),
        title=product.peek_text('title'),
        quantity=sold.wanted,
        quantity_shipped=min(fulfillment.peek_count('quantityFulfilled') or 0, sold.wanted),
        charges=proceeds.charges,
        tax=proceeds.tax,
        is_facilitated=proceeds.is_facilitated,
        facilitated_tax=proceeds.facilitated_tax,
        gift_message=fulfillment.peek_text(
            'packing', 'giftOption', 'giftMessage', max_length=None, is_multiline=True,
        ),
        serial_numbers=tuple(product.peek_texts('serialNumbers')),
        cancel_reason=request.peek_text('cancelReason', is_multiline=True) if request else None,
    )


def _parse_buyer(order: Node) -> Buyer:
    buyer = order.peek('buyer')
    registration = next((
        registration for registration in order.peek('tax').peek_children('taxRegistrations')
        if registration.peek_text('entityType') == 'BUYER'
    ), Node(None, 'tax.taxRegistrations', SEARCH_OPERATION))
    tax_address = registration.peek('taxRegistrationAddress')
    return Buyer(
        name=buyer.peek_text('buyerName'),
        email=_parse_email(buyer),
        company_name=buyer.peek_text('buyerCompanyName') or registration.peek_text('legalName'),
        purchase_order_number=buyer.peek_text('buyerPurchaseOrderNumber'),
        is_business='AMAZON_BUSINESS' in order.peek_texts('programs'),
        vat=registration.peek_text('taxRegistrationNumber'),
        tax_address=_parse_address(tax_address) if tax_address else None,
    )


def _parse_email(buyer: Node) -> str:
    """Return the buyer's address if it is exactly one: a list would be written to as a whole."""
    email = buyer.peek_text('buyerEmail')
    if email and not EMAIL.fullmatch(email):
        buyer.note('buyerEmail', "is not one plain address")
        return ''
    return email.lower()


def _parse_address(address: Node) -> Address:
    country_code = address.peek_text('countryCode').upper()
    lines = (address.peek_text(f'addressLine{number}') for number in (1, 2, 3))
    return Address(
        name=address.peek_text('name'),
        company_name=address.peek_text('companyName'),
        lines=tuple(line for line in lines if line),
        city=address.peek_text('city') or address.peek_text('municipality'),
        district=address.peek_text('districtOrCounty'),
        state=address.peek_text('stateOrRegion'),
        postal_code=address.peek_text('postalCode'),
        country_code='GB' if country_code == 'UK' else country_code,
        phone=address.peek_text('phone'),
    )
