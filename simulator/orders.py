"""An Amazon order and its JSON, after Amazon's model of Orders v2026-01-01."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Union

from .marketplaces import Marketplace

Amount = Union[Decimal, str, int]
Json = dict[str, Any]
Window = tuple[datetime, datetime]

ZERO = Decimal(0)

CHANNELS = {'FBM': 'MERCHANT', 'FBA': 'AMAZON'}
STATUSES = (
    'PENDING_AVAILABILITY',
    'PENDING',
    'UNSHIPPED',
    'PARTIALLY_SHIPPED',
    'SHIPPED',
    'CANCELLED',
    'UNFULFILLABLE',
)
PENDING_STATUSES = ('PENDING_AVAILABILITY', 'PENDING')
INCLUDED_DATA = (
    'BUYER',
    'RECIPIENT',
    'PROCEEDS',
    'EXPENSE',
    'PROMOTION',
    'CANCELLATION',
    'FULFILLMENT',
    'PACKAGES',
    'TAX',
    'PAYMENT',
    'FULFILLMENT_ORDERS',
)
CHARGES = ('ITEM', 'SHIPPING', 'GIFT_WRAP', 'COD_FEE', 'OTHER')
DISCOUNT_STYLES = ('negative', 'positive', 'net')

# Amazon's restricted roles, which decide what personal data an application gets.
ROLE_SHIPPING = 'DIRECT_TO_CONSUMER_SHIPPING'
ROLE_TAX = 'TAX_INVOICING'


@dataclass(frozen=True)
class Buyer:
    """The customer who pays. The e-mail is Amazon's alias."""
    name: str = ''
    email: str = ''
    company: str = ''
    purchase_order: str = ''


@dataclass(frozen=True)
class Address:
    """A delivery address (Amazon's `CustomerAddress`).

    :param extended: Brazil's `extendedFields`, in Amazon's words
    """
    name: str = ''
    company: str = ''
    line1: str = ''
    line2: str = ''
    line3: str = ''
    city: str = ''
    district: str = ''
    state: str = ''
    municipality: str = ''
    postal_code: str = ''
    country: str = ''
    phone: str = ''
    address_type: str = ''
    extended: Mapping[str, str] | None = None


@dataclass(frozen=True)
class TaxRegistration:
    """A tax number that came with an order, of the buyer unless told otherwise."""
    number: str
    legal_name: str = ''
    type: str = 'VAT'
    entity: str = 'BUYER'
    address: Address | None = None
    attributes: Mapping[str, str] | None = None


@dataclass
class Item:
    """One line of an order; every amount is in the marketplace's currency and not negative.

    :param price: price of one unit as the shop shows it
    :param shipping: what the buyer pays for the line's shipping; so `gift_wrap`, `cod_fee`, `other`
    :param discount: taken off the goods; `shipping_discount` off the shipping
    :param tax: tax that Amazon shows separately, for the goods or by subtype ('ITEM', 'SHIPPING',
        'GIFT_WRAP', 'COD_FEE', 'OTHER', 'DISCOUNT' for the tax that discounts save)
    :param tax_rate: computes `tax` for every charge, e.g. '0.19'
    :param marketplace_facilitator: Amazon collects the tax itself
    :param reporting_scheme: 'UOSS' or 'IOSS'
    :param points: granted Amazon points as (number, monetary value)
    :param constraints: names of Amazon's `shippingConstraints` that are mandatory
    """
    sku: str
    price: Amount = '10.00'
    quantity: int = 1
    title: str = ''
    asin: str = ''
    shipping: Amount = ZERO
    gift_wrap: Amount = ZERO
    cod_fee: Amount = ZERO
    other: Amount = ZERO
    discount: Amount = ZERO
    shipping_discount: Amount = ZERO
    tax: Amount | Mapping[str, Amount] | None = None
    tax_rate: Amount | None = None
    marketplace_facilitator: bool = False
    reporting_scheme: str = ''
    ioss_number: str = ''
    gift_message: str = ''
    gift_wrap_level: str = ''
    promotions: tuple[str, ...] = ()
    points: tuple[int, Amount] | None = None
    business_price: bool = False
    condition: str = 'NEW'
    condition_note: str = ''
    programs: tuple[str, ...] = ()
    serial_numbers: tuple[str, ...] = ()
    serial_numbers_required: bool = False
    customized_url: str = ''
    scheduled_delivery: Window | None = None
    constraints: tuple[str, ...] = ()

    item_id: str = field(default='', kw_only=True)
    quantity_shipped: int = field(default=0, init=False)
    quantity_cancelled: int = field(default=0, init=False)
    cancellation_request: str | None = field(default=None, init=False)
    cancellation: tuple[str, str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.title = self.title or f'Product {self.sku}'
        self.asin = self.asin or f'B0{sum(ord(c) * 31 ** i for i, c in enumerate(self.sku)) % 10**8:08d}'

    @property
    def quantity_ordered(self) -> int:
        """Return the quantity that still counts: ordered less cancelled."""
        return self.quantity - self.quantity_cancelled

    @property
    def quantity_open(self) -> int:
        """Return what is neither shipped nor cancelled."""
        return self.quantity_ordered - self.quantity_shipped


@dataclass
class Package:
    """A parcel that the merchant sent."""
    reference: str
    quantities: dict[str, int]
    carrier: str
    service: str
    tracking: str
    shipped_at: datetime
    status: str = 'SHIPPED'
    detailed_status: str = 'PICKED_UP'


@dataclass
class Order:
    """An order of one seller.

    :param channel: 'FBM' or 'FBA'
    :param prices_include_tax: whether the amounts given contain the tax that is shown separately
    :param discount_style: how DISCOUNT appears: 'negative'; 'positive'; or 'net', where ITEM and
        SHIPPING are already lowered and DISCOUNT is information
    :param replaces: id of the order that this one replaces
    """
    order_id: str
    marketplace: Marketplace
    channel: str
    status: str
    created: datetime
    items: list[Item]
    buyer: Buyer
    address: Address
    prices_include_tax: bool = True
    discount_style: str = 'negative'
    tip: Amount = ZERO
    programs: tuple[str, ...] = ()
    tax_registrations: tuple[TaxRegistration, ...] = ()
    replaces: str = ''
    exchanges: str = ''
    seller_order_id: str = ''
    service_level: str = 'STANDARD'
    ship_by: Window | None = None
    deliver_by: Window | None = None
    delivery_preference: Json | None = None
    payment_method: str = 'Other'
    fulfillment_order_ids: tuple[str, ...] = ()

    last_updated: datetime = field(init=False)
    packages: list[Package] = field(default_factory=list, init=False)
    override: Any = field(default=None, init=False, repr=False)
    rendered: dict[Any, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.last_updated = self.created
        for item in self.items:
            # Fail where the order is made, not where it is fetched.
            ItemProceeds.of(item, self)

    @property
    def fulfilled_by(self) -> str:
        """Return 'MERCHANT' or 'AMAZON'."""
        return CHANNELS[self.channel]

    @property
    def grand_total(self) -> Decimal:
        """Return what the buyer pays, with the tip and with all tax."""
        total = sum((ItemProceeds.of(item, self).total for item in self.items), ZERO)
        return total + to_amount(self.tip, self.marketplace)

    def find_item(self, key: str | None = None) -> Item:
        """Return the item with that item id or SKU; the first one when no key is given.

        :raise LookupError: the order has no such item
        """
        for item in self.items:
            if key in (None, item.item_id, item.sku):
                return item
        raise LookupError(f'Order {self.order_id} has no item {key}')


def to_amount(value: Amount, marketplace: Marketplace) -> Decimal:
    """Return an amount with the decimals of the marketplace's currency.

    :raise ValueError: the value has more decimals than the currency, so that sums would not hold
    """
    amount = Decimal(value).quantize(marketplace.minor_unit)
    if amount != Decimal(value):
        raise ValueError(f'{value} is no amount of {marketplace.currency}')
    return amount


@dataclass(frozen=True)
class ItemProceeds:
    """The amounts of a line as Amazon breaks them down.

    :param charges: subtotal by charge, without the tax that is shown separately
    :param discounts: amount by charge that it lowers, not negative
    :param taxes: tax by charge, or None when amounts contain it and no TAX is shown
    :param discount_taxes: tax that the discounts save, by charge
    """
    charges: dict[str, Decimal]
    discounts: dict[str, Decimal]
    taxes: dict[str, Decimal] | None
    discount_taxes: dict[str, Decimal]

    @classmethod
    def of(cls, item: Item, order: Order) -> ItemProceeds:
        """Compute the amounts of an item for the quantity that is not cancelled."""
        unit = order.marketplace.minor_unit

        def share(value: Amount) -> Decimal:
            amount = to_amount(value, order.marketplace)
            if not item.quantity_cancelled:
                return amount
            return _rounded(amount * item.quantity_ordered / item.quantity, unit)

        charges = {
            'ITEM': to_amount(item.price, order.marketplace) * item.quantity_ordered,
            'SHIPPING': share(item.shipping),
            'GIFT_WRAP': share(item.gift_wrap),
            'COD_FEE': share(item.cod_fee),
            'OTHER': share(item.other),
        }
        discounts = {'ITEM': share(item.discount), 'SHIPPING': share(item.shipping_discount)}
        if item.tax_rate is not None:
            rate, included = Decimal(item.tax_rate), order.prices_include_tax
            taxes = {type_: _tax_on(charges[type_], rate, included, unit) for type_ in CHARGES}
            discount_taxes = {
                type_: _tax_on(value, rate, included, unit) for type_, value in discounts.items()
            }
        elif item.tax is not None:
            given = item.tax if isinstance(item.tax, Mapping) else {'ITEM': item.tax}
            taxes = {type_: share(given.get(type_, ZERO)) for type_ in CHARGES}
            discount_taxes = {'ITEM': share(given.get('DISCOUNT', ZERO))}
        else:
            return cls(charges, discounts, None, {})
        if order.prices_include_tax:
            charges = {type_: charges[type_] - taxes[type_] for type_ in CHARGES}
            discounts = {
                type_: value - discount_taxes.get(type_, ZERO)
                for type_, value in discounts.items()
            }
        return cls(charges, discounts, taxes, discount_taxes)

    @property
    def discount_tax(self) -> Decimal:
        """Return the tax that the discounts save."""
        return sum(self.discount_taxes.values(), ZERO)

    @property
    def total(self) -> Decimal:
        """Return what the buyer pays for the line."""
        taxes = self.taxes or {}
        return (
            sum(self.charges.values(), ZERO)
            - sum(self.discounts.values(), ZERO)
            + sum(taxes.values(), ZERO)
            - self.discount_tax
        )

    def breakdowns(self, style: str) -> Iterator[tuple[str, Decimal, list[tuple[str, Decimal]]]]:
        """Yield (type, subtotal, [(subtype, value)]) as the item's breakdowns show them.

        :param style: the order's `discount_style`
        """
        net = style == 'net'
        for type_ in CHARGES:
            subtotal = self.charges[type_]
            if net:
                subtotal -= self.discounts.get(type_, ZERO)
            if subtotal or type_ == 'ITEM':
                yield type_, subtotal, []
        if self.taxes is not None:
            saved = self.discount_taxes if net else {}
            taxes = {type_: tax - saved.get(type_, ZERO) for type_, tax in self.taxes.items()}
            details = [(type_, tax) for type_, tax in taxes.items() if tax]
            if self.discount_tax and not net:
                details.append(('DISCOUNT', _signed(self.discount_tax, style)))
            yield 'TAX', sum(self.taxes.values(), ZERO) - self.discount_tax, details
        details = [
            (type_, _signed(value, style)) for type_, value in self.discounts.items() if value
        ]
        if details:
            yield 'DISCOUNT', sum((value for _type, value in details), ZERO), details


def render_order(
    order: Order,
    included: Iterable[str],
    roles: Iterable[str],
    *,
    now: datetime,
    status_always: bool = False,
) -> Json:
    """Return an order as Amazon's JSON object.

    :param included: the datasets asked for (`includedData`)
    :param roles: the restricted roles that the application has
    :param now: Amazon's time, for the phone number goes after the latest delivery date
    :param status_always: send the status and who fulfils even without the FULFILLMENT dataset
    """
    included, roles = frozenset(included), frozenset(roles)
    pending = order.status in PENDING_STATUSES
    personal = (order.channel == 'FBM' and ROLE_SHIPPING in roles) or ROLE_TAX in roles
    parts: Json = {
        'orderId': order.order_id,
        'orderAliases': _aliases(order),
        'createdTime': to_iso(order.created),
        'lastUpdatedTime': to_iso(order.last_updated),
        'programs': list(order.programs),
        'associatedOrders': _associated_orders(order),
        'salesChannel': {
            'channelName': 'AMAZON',
            'marketplaceId': order.marketplace.id,
            'marketplaceName': order.marketplace.name,
        },
    }
    if 'BUYER' in included and personal and not pending:
        parts['buyer'] = _buyer(order)
    if 'RECIPIENT' in included and not pending:
        parts['recipient'] = _recipient(order, personal, now)
    if 'PROCEEDS' in included and not pending and order.status != 'CANCELLED':
        parts['proceeds'] = _order_proceeds(order)
    if 'PAYMENT' in included and not pending and order.status != 'CANCELLED':
        parts['payment'] = _payment(order)
    if 'TAX' in included and ROLE_TAX in roles:
        parts['tax'] = _order_tax(order)
    if 'FULFILLMENT' in included:
        parts['fulfillment'] = _order_fulfillment(order)
    elif status_always:
        parts['fulfillment'] = {
            'fulfillmentStatus': order.status,
            'fulfilledBy': order.fulfilled_by,
        }
    items = [_item(order, item, included, personal) for item in order.items]
    if 'PACKAGES' in included and order.channel == 'FBM':
        parts['packages'] = [_package(order, package) for package in order.packages]
    if 'FULFILLMENT_ORDERS' in included:
        parts['fulfillmentOrders'] = [
            {'fulfillmentOrderId': id_} for id_ in order.fulfillment_order_ids
        ]
    return {**_without_empty(parts), 'orderItems': items}


def to_iso(moment: datetime) -> str:
    """Return a time as Amazon writes it: UTC, milliseconds, 'Z'."""
    moment = moment.astimezone(timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


# === PARTS OF AN ORDER === #

def _aliases(order: Order) -> list[Json]:
    if not order.seller_order_id:
        return []
    return [{'aliasId': order.seller_order_id, 'aliasType': 'SELLER_ORDER_ID'}]


def _associated_orders(order: Order) -> list[Json]:
    associations = (
        ('REPLACEMENT_ORIGINAL_ID', order.replaces), ('EXCHANGE_ORIGINAL_ID', order.exchanges),
    )
    return [{'orderId': id_, 'associationType': type_} for type_, id_ in associations if id_]


def _buyer(order: Order) -> Json:
    return _without_empty({
        'buyerName': order.buyer.name,
        'buyerEmail': order.buyer.email if order.channel == 'FBM' else '',
        'buyerCompanyName': order.buyer.company,
        'buyerPurchaseOrderNumber': order.buyer.purchase_order,
    })


def _recipient(order: Order, personal: bool, now: datetime) -> Json:
    address = order.address
    if not personal:
        address = Address(
            city=address.city,
            state=address.state,
            postal_code=address.postal_code,
            country=address.country,
        )
    elif not has_phone(order, now):
        address = dataclasses.replace(address, phone='')
    return _without_empty({
        'deliveryAddress': _address(address),
        'deliveryPreference': order.delivery_preference if personal else None,
    })


def has_phone(order: Order, now: datetime) -> bool:
    """Tell whether Amazon still shows the phone number of the recipient."""
    if order.channel == 'FBA':
        return False
    return order.status != 'SHIPPED' or now <= order.deliver_by[1]


def _address(address: Address) -> Json:
    return _without_empty({
        'name': address.name,
        'companyName': address.company,
        'addressLine1': address.line1,
        'addressLine2': address.line2,
        'addressLine3': address.line3,
        'city': address.city,
        'districtOrCounty': address.district,
        'stateOrRegion': address.state,
        'municipality': address.municipality,
        'postalCode': address.postal_code,
        'countryCode': address.country,
        'phone': address.phone,
        'extendedFields': dict(address.extended or {}),
        'addressType': address.address_type,
    })


def _order_proceeds(order: Order) -> Json:
    subtotals: dict[str, Decimal] = {}
    for item in order.items:
        for type_, subtotal, _details in ItemProceeds.of(item, order).breakdowns(
            order.discount_style
        ):
            subtotals[type_] = subtotals.get(type_, ZERO) + subtotal
    breakdowns = [
        {'type': type_, 'subtotal': _money(order, subtotal)}
        for type_, subtotal in subtotals.items()
    ]
    tip = to_amount(order.tip, order.marketplace)
    if tip:
        breakdowns.append(
            {'type': 'DELIVERY_TIP', 'status': 'FINALIZED', 'subtotal': _money(order, tip)}
        )
    return {'grandTotal': _money(order, order.grand_total), 'breakdowns': breakdowns}


def _payment(order: Order) -> Json:
    return {'paymentExecutions': [{
        'paymentMethod': order.payment_method,
        'paymentAmount': _money(order, order.grand_total),
    }]}


def _order_tax(order: Order) -> Json:
    return _without_empty({'taxRegistrations': [
        _without_empty({
            'entityType': registration.entity,
            'legalName': registration.legal_name,
            'taxRegistrationType': registration.type,
            'taxRegistrationNumber': registration.number,
            'taxRegistrationAddress': _address(registration.address or Address()),
            'taxRegistrationAttributes': [
                {'key': key, 'value': value}
                for key, value in (registration.attributes or {}).items()
            ],
        })
        for registration in order.tax_registrations
    ]})


def _order_fulfillment(order: Order) -> Json:
    return _without_empty({
        'fulfillmentStatus': order.status,
        'fulfilledBy': order.fulfilled_by,
        'fulfillmentServiceLevel': order.service_level,
        'shipByWindow': _window(order.ship_by),
        'deliverByWindow': _window(order.deliver_by),
    })


def _package(order: Order, package: Package) -> Json:
    return {
        'packageReferenceId': package.reference,
        'createdTime': to_iso(package.shipped_at - timedelta(minutes=1)),
        'packageStatus': {
            'status': package.status,
            'detailedStatus': package.detailed_status,
        },
        'carrier': package.carrier,
        'shipTime': to_iso(package.shipped_at),
        'shippingService': package.service,
        'trackingNumber': package.tracking,
        'shipFromAddress': {
            'name': 'Main warehouse',
            'addressLine1': 'Hafenstrasse 7',
            'city': 'Hamburg',
            'postalCode': '20457',
            'countryCode': 'DE',
        },
        'packageItems': [
            {'orderItemId': id_, 'quantity': quantity}
            for id_, quantity in package.quantities.items()
        ],
    }


# === PARTS OF AN ITEM === #

def _item(order: Order, item: Item, included: frozenset[str], personal: bool) -> Json:
    pending = order.status in PENDING_STATUSES
    parts: Json = {'programs': list(item.programs)}
    if 'PROCEEDS' in included and not pending and order.status != 'CANCELLED':
        parts['proceeds'] = _item_proceeds(order, item)
    if 'EXPENSE' in included and item.points:
        number, value = item.points
        parts['expense'] = {'pointsCost': {'pointsGranted': {
            'pointsNumber': number,
            'pointsMonetaryValue': _money(order, to_amount(value, order.marketplace)),
        }}}
    if 'PROMOTION' in included and item.promotions:
        parts['promotion'] = {'breakdowns': [{'promotionId': id_} for id_ in item.promotions]}
    if 'CANCELLATION' in included:
        parts['cancellation'] = _cancellation(item)
    if 'FULFILLMENT' in included:
        parts['fulfillment'] = _item_fulfillment(item, personal)
    if 'TAX' in included:
        parts['tax'] = _item_tax(order, item)
    return {
        'orderItemId': item.item_id,
        'quantityOrdered': item.quantity_ordered,
        'product': _product(order, item, personal),
        **_without_empty(parts),
    }


def _product(order: Order, item: Item, personal: bool) -> Json:
    product: Json = {
        'asin': item.asin,
        'title': item.title,
        'sellerSku': item.sku,
        'condition': _without_empty({
            'conditionType': item.condition,
            'conditionSubtype': item.condition,
            'conditionNote': item.condition_note,
        }),
        'serialNumbers': list(item.serial_numbers),
    }
    if order.status not in PENDING_STATUSES:
        product['price'] = _without_empty({
            'unitPrice': _money(order, to_amount(item.price, order.marketplace)),
            'priceDesignation': 'BUSINESS_PRICE' if item.business_price else '',
        })
    if personal and item.customized_url:
        product['customization'] = {'customizedUrl': item.customized_url}
    return _without_empty(product)


def _item_proceeds(order: Order, item: Item) -> Json:
    proceeds = ItemProceeds.of(item, order)
    breakdowns: list[Json] = []
    for type_, subtotal, details in proceeds.breakdowns(order.discount_style):
        breakdown: Json = {'type': type_, 'subtotal': _money(order, subtotal)}
        if details:
            breakdown['detailedBreakdowns'] = [
                {'subtype': subtype, 'value': _money(order, value)} for subtype, value in details
            ]
        breakdowns.append(breakdown)
    return {'proceedsTotal': _money(order, proceeds.total), 'breakdowns': breakdowns}


def _cancellation(item: Item) -> Json:
    parts: Json = {}
    if item.cancellation_request is not None:
        parts['cancellationRequest'] = _without_empty({
            'requester': 'BUYER', 'cancelReason': item.cancellation_request,
        })
    if item.cancellation is not None:
        cancelled_by, reason = item.cancellation
        parts['cancellationExecution'] = _without_empty({
            'cancelledBy': cancelled_by, 'cancelReason': reason,
        })
    return parts


def _item_fulfillment(item: Item, personal: bool) -> Json:
    packing: Json = _without_empty({
        'giftOption': _without_empty({
            'giftMessage': item.gift_message if personal else '',
            'giftWrapLevel': item.gift_wrap_level,
        }),
        'serialNumberRequirement': (
            {'requirementType': 'REQUIRED'} if item.serial_numbers_required else None
        ),
    })
    shipping: Json = _without_empty({
        'scheduledDeliveryWindow': _window(item.scheduled_delivery),
        'shippingConstraints': dict.fromkeys(item.constraints, 'MANDATORY'),
        'internationalShipping': _without_empty({'iossNumber': item.ioss_number}),
    })
    return {
        'quantityFulfilled': item.quantity_shipped,
        'quantityUnfulfilled': item.quantity_open,
        **_without_empty({'packing': packing, 'shipping': shipping}),
    }


def _item_tax(order: Order, item: Item) -> Json:
    parts: Json = {}
    if item.reporting_scheme:
        parts['taxCalculationBreakdowns'] = [{'reportingScheme': item.reporting_scheme}]
    if item.marketplace_facilitator:
        parts['taxCollections'] = [{
            'model': 'MARKETPLACE_FACILITATOR',
            'responsibleParty': order.marketplace.name,
        }]
    return parts


# === VALUES === #

def _money(order: Order, amount: Decimal) -> Json:
    return {
        'amount': str(amount.quantize(order.marketplace.minor_unit)),
        'currencyCode': order.marketplace.currency,
    }


def _window(window: Window | None) -> Json | None:
    if window is None:
        return None
    earliest, latest = window
    return {'earliestDateTime': to_iso(earliest), 'latestDateTime': to_iso(latest)}


def _without_empty(parts: Json) -> Json:
    """Leave out what is not known, for Amazon sends no nulls."""
    return {key: value for key, value in parts.items() if value not in (None, '', [], {})}


def _signed(value: Decimal, style: str) -> Decimal:
    return -value if style == 'negative' else value


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP)


def _tax_on(amount: Decimal, rate: Decimal, included: bool, unit: Decimal) -> Decimal:
    if included:
        return amount - _rounded(amount / (1 + rate), unit)
    return _rounded(amount * rate, unit)
