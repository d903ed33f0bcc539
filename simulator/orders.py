"""What an Amazon order is, and how its amounts come about."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

from .marketplaces import Marketplace
from .shapes import SHAPES

Amount: TypeAlias = 'Decimal | str | int'
Window: TypeAlias = tuple[datetime, datetime]

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
CHARGES = ('ITEM', 'SHIPPING', 'GIFT_WRAP', 'COD_FEE', 'OTHER')
DISCOUNT_STYLES = ('negative', 'positive', 'net')

# Amazon's restricted roles, which decide what personal data an application gets.
ROLE_SHIPPING = 'Direct-to-Consumer Shipping'
ROLE_TAX = 'Tax Invoicing'


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
        self.asin = self.asin or f'B0{zlib.crc32(self.sku.encode()) % 10**8:08d}'

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
    """A parcel that the merchant sent.

    :param quantities: quantity by order item id
    """
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
    :param proceeds_shape: what Amazon shows of the amounts, a key of `shapes.SHAPES`
    :param unexplained: what the grand total has more than the amounts that Amazon shows
    :param replaces: id of the order that this one replaces
    :param channel_name: 'NON_AMAZON' when it was sold in another shop, of whose prices and buyers
        Amazon knows nothing
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
    proceeds_shape: str = 'full'
    tip: Amount = ZERO
    unexplained: Amount = ZERO
    programs: tuple[str, ...] = ()
    tax_registrations: tuple[TaxRegistration, ...] = ()
    replaces: str = ''
    exchanges: str = ''
    seller_order_id: str = ''
    service_level: str = 'STANDARD'
    ship_by: Window | None = None
    deliver_by: Window | None = None
    delivery_preference: dict[str, Any] | None = None
    payment_method: str = 'Other'
    fulfillment_order_ids: tuple[str, ...] = ()
    channel_name: str = 'AMAZON'

    last_updated: datetime = field(init=False)
    packages: list[Package] = field(default_factory=list, init=False)
    override: Any = field(default=None, init=False, repr=False)
    rendered: dict[Any, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.last_updated = self.created
        if self.proceeds_shape not in SHAPES:
            raise ValueError(f'Unknown shape of proceeds {self.proceeds_shape}')
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
        return (
            total
            + to_amount(self.tip, self.marketplace)
            + to_amount(self.unexplained, self.marketplace)
        )

    def find_item(self, key: str | None = None) -> Item:
        """Return the item with that item id or SKU; the first one when no key is given.

        :raise LookupError: the order has no such item
        """
        for item in self.items:
            if key in (None, item.item_id, item.sku):
                return item
        raise LookupError(f'Order {self.order_id} has no item {key}')

    def find_package(self, reference: str) -> Package | None:
        """Return the package with that reference, None when there is none."""
        return next((it for it in self.packages if it.reference == reference), None)


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
        charges = {
            'ITEM': to_amount(item.price, order.marketplace) * item.quantity_ordered,
            'SHIPPING': _remaining(item.shipping, item, order),
            'GIFT_WRAP': _remaining(item.gift_wrap, item, order),
            'COD_FEE': _remaining(item.cod_fee, item, order),
            'OTHER': _remaining(item.other, item, order),
        }
        discounts = {
            'ITEM': _remaining(item.discount, item, order),
            'SHIPPING': _remaining(item.shipping_discount, item, order),
        }
        if item.tax_rate is None and item.tax is None:
            return cls(charges, discounts, None, {})
        taxes, discount_taxes = _taxes(item, order, charges, discounts)
        if order.prices_include_tax:
            charges = {type_: amount - taxes[type_] for type_, amount in charges.items()}
            discounts = {
                type_: amount - discount_taxes[type_] for type_, amount in discounts.items()
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


def _remaining(value: Amount, item: Item, order: Order) -> Decimal:
    """Return the share of an amount that falls to the quantity not cancelled."""
    amount = to_amount(value, order.marketplace)
    if not item.quantity_cancelled:
        return amount
    return _rounded(amount * item.quantity_ordered / item.quantity, order.marketplace.minor_unit)


def _taxes(
    item: Item, order: Order, charges: dict[str, Decimal], discounts: dict[str, Decimal],
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return the tax on each charge, and what each discount saves of it."""
    if item.tax_rate is None:
        given = item.tax if isinstance(item.tax, Mapping) else {'ITEM': item.tax}
        taxes = {type_: _remaining(given.get(type_, ZERO), item, order) for type_ in charges}
        saved = _remaining(given.get('DISCOUNT', ZERO), item, order)
        return taxes, {'ITEM': saved, 'SHIPPING': ZERO}

    def tax_on(amount: Decimal) -> Decimal:
        if order.prices_include_tax:
            return amount - _rounded(amount / (1 + rate), unit)
        return _rounded(amount * rate, unit)

    rate, unit = Decimal(item.tax_rate), order.marketplace.minor_unit
    return (
        {type_: tax_on(amount) for type_, amount in charges.items()},
        {type_: tax_on(amount) for type_, amount in discounts.items()},
    )


def _signed(value: Decimal, style: str) -> Decimal:
    return -value if style == 'negative' else value


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP)
