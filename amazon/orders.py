"""Amazon's orders: what Amazon says about them, and what this add-on reads in it.

Source of every call and field: the Orders API v2026-01-01.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101

from .client import Client
from .errors import Rejected
from .payload import Node, parse_time

SEARCH_OPERATION = 'searchOrders'
GET_OPERATION = 'getOrder'

INCLUDED_DATA = (
    'BUYER', 'RECIPIENT', 'PROCEEDS', 'CANCELLATION', 'FULFILLMENT', 'PACKAGES', 'TAX',
)
# The Far East endpoint has refused FULFILLMENT since August 2026 (Amazon's issue #5365).
REDUCED_INCLUDED_DATA = tuple(name for name in INCLUDED_DATA if name != 'FULFILLMENT')

FULFILLMENT_STATUSES = {
    'PENDING_AVAILABILITY', 'PENDING', 'UNSHIPPED', 'PARTIALLY_SHIPPED', 'SHIPPED', 'CANCELLED',
    'UNFULFILLABLE',
}
CHANNELS = {'AMAZON': 'fba', 'MERCHANT': 'fbm'}
SERVICE_LEVELS = {
    'EXPEDITED', 'FREE_ECONOMY', 'NEXT_DAY', 'PRIORITY', 'SAME_DAY', 'SECOND_DAY', 'SCHEDULED',
    'STANDARD',
}
CHARGE_TYPES = ('ITEM', 'SHIPPING', 'GIFT_WRAP', 'COD_FEE', 'OTHER')
ASSOCIATED_REPLACEMENTS = {'REPLACEMENT_ORIGINAL_ID', 'EXCHANGE_ORIGINAL_ID'}


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
    """A page of orders as Amazon sent them, and the query for the next one, `None` at the end."""

    payloads: list[Any]  # objects, unless Amazon errs
    updated_before: datetime  # UTC, aware: everything changed until then is in this search
    next_query: OrderQuery | None


def fetch_order_page(client: Client, query: OrderQuery) -> OrderPage:
    """Ask Amazon for one page of the orders that changed.

    Source: `searchOrders`.

    :raise AmazonError: As :meth:`Client.call`; :class:`Malformed` if it is not a page of orders.
    """
    try:
        return _fetch_order_page(client, query)
    except Rejected:
        if query.page_token or query.included_data != INCLUDED_DATA:
            raise
        return _fetch_order_page(client, replace(query, included_data=REDUCED_INCLUDED_DATA))


def _fetch_order_page(client: Client, query: OrderQuery) -> OrderPage:
    payload = client.call(
        SEARCH_OPERATION,
        OrdersV20260101.search_orders,
        marketplaceIds=list(query.marketplace_ids),
        lastUpdatedAfter=query.updated_after,
        includedData=list(query.included_data),
        paginationToken=query.page_token,
    )
    page = Node(payload, '', SEARCH_OPERATION)
    if query.updated_before:
        updated_before = parse_time(query.updated_before)
    else:
        updated_before = page.time('lastUpdatedBefore', required=True)
    next_token = page.child('pagination').text('nextToken', max_length=None)
    next_query = replace(query, page_token=next_token, updated_before=updated_before.isoformat())
    return OrderPage(
        payloads=page.entries('orders', required=True),
        updated_before=updated_before,
        next_query=next_query if next_token else None,
    )


def fetch_order(client: Client, order_id: str) -> dict[str, Any]:
    """Ask Amazon for one order of any age and status.

    Source: `getOrder`.

    :return: The order as Amazon sent it, in the form that a page holds too.
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
    status: str | None  # one of FULFILLMENT_STATUSES, or newer than this code
    channel: str | None  # 'fba' or 'fbm'
    marketplace_id: str | None
    marketplace_name: str | None
    total: Decimal | None
    currency: str | None  # ISO 4217
    deliver_by: datetime | None  # UTC, aware


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
class Charge:
    """An amount that the buyer paid for an item, with the tax in it that the seller remits."""

    type: str  # one of CHARGE_TYPES, or 'DISCOUNT'
    amount: Decimal  # in the order's currency; negative for a discount
    subject: str = 'ITEM'  # of a discount: the type it reduces


@dataclass(frozen=True)
class OrderItem:
    """A line of an order."""

    item_id: str
    sku: str
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
    status: str
    channel: str
    marketplace_id: str
    purchased_at: datetime
    updated_at: datetime
    currency: str
    total: Decimal  # what the buyer paid, less tips and less tax that Amazon remits
    items: tuple[OrderItem, ...]
    buyer: Buyer
    address: Address
    ship_by: datetime | None
    deliver_by: datetime | None
    service_level: str  # one of SERVICE_LEVELS in lower case; empty if unknown to this code
    notes: tuple[str, ...]  # what is unknown to this code and was tolerated

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


@dataclass(frozen=True)
class ShippedPackage:
    """A package of an FBM order as Amazon shows it. Absent texts are empty."""

    reference: str  # the `shipments.Package.reference` that it was confirmed with
    carrier: str
    tracking_number: str
    status: str  # PENDING, IN_TRANSIT, SHIPPED, DELIVERED, CANCELLED, UNDELIVERABLE, or newer
    created_at: datetime | None  # UTC, aware
    quantities: Mapping[str, int]  # by order item id


def parse_packages(payload: Any) -> tuple[ShippedPackage, ...]:
    """Return what can be read of an order's packages, however broken it is. Raises nothing."""
    order = Node(payload, '', SEARCH_OPERATION)
    return tuple(_parse_package(package) for package in order.peek_children('packages'))


def _parse_package(package: Node) -> ShippedPackage:
    quantities: Counter[str] = Counter()
    for item in package.peek_children('packageItems'):
        quantities[item.peek_text('orderItemId') or ''] += item.peek_count('quantity')
    return ShippedPackage(
        reference=package.peek_text('packageReferenceId') or '',
        carrier=package.peek_text('carrier') or '',
        tracking_number=package.peek_text('trackingNumber') or '',
        status=package.peek_text('packageStatus', 'status') or '',
        created_at=package.peek_time('createdTime'),
        quantities=dict(quantities),
    )


def parse_summary(payload: Any) -> OrderSummary:
    """Return what can be read of an order, however broken it is. Raises nothing."""
    order = Node(payload, '', SEARCH_OPERATION)
    return OrderSummary(
        order_id=order.peek_text('orderId'),
        updated_at=order.peek_time('lastUpdatedTime'),
        status=order.peek_text('fulfillment', 'fulfillmentStatus'),
        channel=CHANNELS.get(order.peek_text('fulfillment', 'fulfilledBy')),
        marketplace_id=order.peek_text('salesChannel', 'marketplaceId'),
        marketplace_name=order.peek_text('salesChannel', 'marketplaceName'),
        total=order.peek_decimal('proceeds', 'grandTotal', 'amount'),
        currency=order.peek_text('proceeds', 'grandTotal', 'currencyCode'),
        deliver_by=order.peek_time('fulfillment', 'deliverByWindow', 'latestDateTime'),
    )


def parse_order(payload: Any) -> Order:
    """Return an order that is not cancelled, its amounts proven to add up.

    :param payload: An order of `searchOrders` or `getOrder`.
    :raise Malformed: If a field that is needed is missing, of a wrong type or out of range, or if
                      the amounts contradict each other.
    """
    order = Node(payload, '', SEARCH_OPERATION)
    fulfillment = order.child('fulfillment', required=True)
    is_free = any(
        other.text('associationType') in ASSOCIATED_REPLACEMENTS
        for other in order.children('associatedOrders')
    )
    currency = _parse_currency(order, is_free)
    items = tuple(
        _parse_item(item, currency, is_free)
        for item in order.children('orderItems', required=True)
    )
    if not items:
        order.fail('orderItems', "is empty")
    if len({item.item_id for item in items}) < len(items):
        order.fail('orderItems', "has two items with one orderItemId")
    _check_grand_total(order.child('proceeds'), currency, items)
    return Order(
        order_id=order.text('orderId', required=True),
        status=fulfillment.text('fulfillmentStatus', required=True),
        channel=_parse_channel(fulfillment),
        marketplace_id=order.child('salesChannel', required=True).text(
            'marketplaceId', required=True,
        ),
        purchased_at=order.time('createdTime', required=True),
        updated_at=order.time('lastUpdatedTime', required=True),
        currency=currency,
        total=_get_total(items),
        items=items,
        buyer=_parse_buyer(order),
        address=_parse_address(order.child('recipient').child('deliveryAddress')),
        ship_by=fulfillment.child('shipByWindow').time('latestDateTime'),
        deliver_by=fulfillment.child('deliverByWindow').time('latestDateTime'),
        service_level=_parse_service_level(fulfillment),
        notes=tuple(_get_notes(order)),
    )


def _parse_channel(fulfillment: Node) -> str:
    channel = CHANNELS.get(fulfillment.text('fulfilledBy', required=True))
    if not channel:
        fulfillment.fail('fulfilledBy', "is neither AMAZON nor MERCHANT")
    return channel


def _parse_service_level(fulfillment: Node) -> str:
    level = fulfillment.peek_text('fulfillmentServiceLevel')
    return level.lower() if level in SERVICE_LEVELS else ''


def _parse_currency(order: Node, is_free: bool) -> str:
    """Return the currency of the order: of its grand total, else of the first amount in it."""
    grand_total = order.child('proceeds', required=not is_free).child(
        'grandTotal', required=not is_free,
    )
    code = grand_total.text('currencyCode', required=not is_free)
    for item in order.children('orderItems'):
        code = code or item.child('proceeds').child('proceedsTotal').text('currencyCode')
        code = code or item.child('product').child('price').child('unitPrice').text('currencyCode')
    return code


def _get_total(items: tuple[OrderItem, ...]) -> Decimal:
    return sum((charge.amount for item in items for charge in item.charges), Decimal())


def _check_grand_total(proceeds: Node, currency: str, items: tuple[OrderItem, ...]) -> None:
    """Prove that the items, the tips and the tax that Amazon remits make up the grand total."""
    grand_total = proceeds.money('grandTotal', currency)
    if grand_total is None:
        return
    tips = sum((
        breakdown.money('subtotal', currency, required=True)
        for breakdown in proceeds.children('breakdowns')
        if breakdown.text('type') == 'DELIVERY_TIP'
    ), Decimal())
    expected = _get_total(items) + tips + sum((item.facilitated_tax for item in items), Decimal())
    if grand_total != expected:
        proceeds.fail('grandTotal', f"is {grand_total}, but items and tips add up to {expected}")


def _parse_item(item: Node, currency: str, is_free: bool) -> OrderItem:
    product = item.child('product', required=True)
    fulfillment = item.child('fulfillment')
    gift = fulfillment.child('packing').child('giftOption')
    wanted = item.count('quantityOrdered', required=True)
    shipped = fulfillment.count('quantityFulfilled')
    unshipped = fulfillment.count('quantityUnfulfilled')
    if shipped is not None and unshipped is not None:
        wanted = min(wanted, shipped + unshipped)  # less where a part was cancelled
    proceeds = (
        _parse_proceeds(item, currency, is_free) if wanted else ((), None, Decimal())
    )
    charges, tax, facilitated_tax = proceeds
    request = item.child('cancellation').child('cancellationRequest')
    return OrderItem(
        item_id=item.text('orderItemId', required=True),
        sku=product.text('sellerSku', required=True),
        asin=product.text('asin'),
        title=product.text('title', max_length=None),
        quantity=wanted,
        quantity_shipped=min(shipped or 0, wanted),
        charges=charges,
        tax=tax,
        is_facilitated=_is_facilitated(item),
        facilitated_tax=facilitated_tax,
        gift_message=gift.text('giftMessage', max_length=None),
        serial_numbers=tuple(product.texts('serialNumbers')),
        cancel_reason=request.text('cancelReason') if request else None,
    )


def _parse_proceeds(
    item: Node, currency: str, is_free: bool
) -> tuple[tuple[Charge, ...], Decimal | None, Decimal]:
    """Return the charges of an item, its tax, and the tax on it that Amazon remits.

    Where Amazon shows tax, its other amounts are without it; a charge has it again. Amazon does
    not document the sign of a discount, whether ITEM is net of it, or whether TAX is net of the
    tax on it: the item's total decides.

    :raise Malformed: If the amounts do not add up to the item's total.
    """
    proceeds = item.child('proceeds', required=not is_free)
    amounts, taxes, discounts, tax = _read_breakdowns(proceeds, currency)
    discount_tax = taxes.pop('DISCOUNT', Decimal()) if discounts else Decimal()
    gross = sum(amounts.values()) + (tax or Decimal())
    discount = sum(discounts.values(), Decimal())
    total = proceeds.money('proceedsTotal', currency)
    if total is None or total == gross - discount:
        if tax != sum(taxes.values()) - discount_tax:
            discount_tax = Decimal()
    elif total == gross:
        discounts, discount, discount_tax = {}, Decimal(), Decimal()
    elif total != gross - discount - discount_tax:
        proceeds.fail(
            'proceedsTotal', f"is {total}, but the amounts add up to {gross - discount}",
        )
    total = gross - discount if total is None else total
    net_tax = total - sum(amounts.values()) + discount
    if _is_facilitated(item):
        return tuple(_get_charges(amounts, {}, discounts)), None, net_tax
    shown_tax = None if tax is None else net_tax
    if discount_tax:
        discounts['ITEM'] = discounts.get('ITEM', Decimal()) + discount_tax
    taxes = {kind: amount for kind, amount in taxes.items() if kind in amounts}
    taxes['ITEM'] = net_tax + discount_tax - sum(
        amount for kind, amount in taxes.items() if kind != 'ITEM'
    )
    return tuple(_get_charges(amounts, taxes, discounts)), shown_tax, Decimal()


def _read_breakdowns(
    proceeds: Node, currency: str
) -> tuple[dict[str, Decimal], dict[str, Decimal], dict[str, Decimal], Decimal | None]:
    """Return the amounts, taxes and discounts of an item by type of charge, and its whole tax."""
    amounts = {'ITEM': Decimal()}
    taxes: dict[str, Decimal] = {}
    discounts: dict[str, Decimal] = {}
    tax = None
    for breakdown in proceeds.children('breakdowns'):
        kind = breakdown.text('type', required=True)
        if kind == 'TAX':
            tax = (tax or Decimal()) + breakdown.money('subtotal', currency, required=True)
            _add_details(taxes, breakdown, currency)
        elif kind == 'DISCOUNT':
            before = sum(discounts.values())
            subtotal = abs(breakdown.money('subtotal', currency, required=True, signed=True))
            _add_details(discounts, breakdown, currency)
            unexplained = before + subtotal - sum(discounts.values())
            discounts['ITEM'] = discounts.get('ITEM', Decimal()) + unexplained
        else:
            kind = kind if kind in CHARGE_TYPES else 'OTHER'
            amount = breakdown.money('subtotal', currency, required=True)
            amounts[kind] = amounts.get(kind, Decimal()) + amount
    return amounts, taxes, discounts, tax


def _add_details(details: dict[str, Decimal], breakdown: Node, currency: str) -> None:
    """Add the parts of a TAX or DISCOUNT to the types of charge that they are of."""
    for detail in breakdown.children('detailedBreakdowns'):
        subtype = detail.text('subtype')
        subtype = subtype if subtype in (*CHARGE_TYPES, 'DISCOUNT') else 'OTHER'
        value = abs(detail.money('value', currency, required=True, signed=True))
        details[subtype] = details.get(subtype, Decimal()) + value


def _is_facilitated(item: Node) -> bool:
    return any(
        collection.text('model') == 'MARKETPLACE_FACILITATOR'
        for collection in item.child('tax').children('taxCollections')
    )


def _get_charges(
    amounts: Mapping[str, Decimal],
    taxes: Mapping[str, Decimal],
    discounts: Mapping[str, Decimal],
) -> Iterator[Charge]:
    """Yield the charges with their tax, then the discounts; the item itself even at zero."""
    for kind, amount in amounts.items():
        amount += taxes.get(kind, Decimal())
        if amount or kind == 'ITEM':
            yield Charge(kind, amount)
    for subject, amount in discounts.items():
        if amount:
            yield Charge('DISCOUNT', -amount, subject)


def _parse_buyer(order: Node) -> Buyer:
    buyer = order.child('buyer')
    registration = next((
        registration for registration in order.child('tax').children('taxRegistrations')
        if registration.text('entityType') == 'BUYER'
    ), Node(None, 'tax.taxRegistrations', SEARCH_OPERATION))
    tax_address = registration.child('taxRegistrationAddress')
    return Buyer(
        name=buyer.text('buyerName'),
        email=buyer.text('buyerEmail').lower(),
        company_name=buyer.text('buyerCompanyName') or registration.text('legalName'),
        purchase_order_number=buyer.text('buyerPurchaseOrderNumber'),
        is_business='AMAZON_BUSINESS' in order.texts('programs'),
        vat=registration.text('taxRegistrationNumber'),
        tax_address=_parse_address(tax_address) if tax_address else None,
    )


def _parse_address(address: Node) -> Address:
    country_code = address.text('countryCode').upper()
    lines = (address.text(f'addressLine{number}') for number in (1, 2, 3))
    return Address(
        name=address.text('name'),
        company_name=address.text('companyName'),
        lines=tuple(line for line in lines if line),
        city=address.text('city') or address.text('municipality'),
        district=address.text('districtOrCounty'),
        state=address.text('stateOrRegion'),
        postal_code=address.text('postalCode'),
        country_code='GB' if country_code == 'UK' else country_code,
        phone=address.text('phone'),
    )


def _get_notes(order: Node) -> Iterator[str]:
    """Yield what is new to this code and was tolerated."""
    for item in order.children('orderItems'):
        for breakdown in item.child('proceeds').children('breakdowns'):
            kind = breakdown.text('type')
            if kind not in (*CHARGE_TYPES, 'TAX', 'DISCOUNT'):
                yield f'{breakdown.path}.type: {kind}'
