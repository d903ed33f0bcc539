"""The amounts of a sale and of a refund, and what Amazon keeps of them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .marketplaces import Marketplace, minor_unit
from .money import MoneyRow
from .orders import ZERO, Item, ItemProceeds, Order, to_amount

COMMISSION_RATE = Decimal('0.15')
# What Amazon keeps of a commission that it gives back, and how much at most.
REFUND_COMMISSION_RATE = Decimal('0.20')
MAX_REFUND_COMMISSION = Decimal(5)
MAX_REFUND_COMMISSIONS = {'JPY': Decimal(500)}
FULFILMENT_FEE = Decimal('3.31')
FULFILMENT_FEES = {'GBP': Decimal('2.91'), 'USD': Decimal('3.86'), 'JPY': Decimal(434)}
# The part of the commission that is charged on top of it, by country.
DIGITAL_SERVICES_RATES = {
    'GB': Decimal('0.02'), **dict.fromkeys(('ES', 'FR', 'IT'), Decimal('0.03')),
}
# What India's marketplace withholds of the seller's own taxes.
INDIAN_TAXES = {'TCS-IGST': Decimal('0.005'), 'TDS (Section 194-O)': Decimal('0.001')}
EUROPE = frozenset({
    'BE', 'DE', 'ES', 'FR', 'GB', 'IE', 'IT', 'NL', 'PL', 'SE', 'TR',
})

PRICE, FEES, PROMOTION, WITHHELD = 'ItemPrice', 'ItemFees', 'Promotion', 'ItemWithheldTax'
POINTS = 'Points'
GOODS, EXTRAS, SHARE, KEPT = 'goods', 'extras', 'share', 'kept'
PRINCIPAL, COMMISSION = 'Principal', 'Commission'
CHARGES = {
    'ITEM': PRINCIPAL,
    'SHIPPING': 'Shipping',
    'GIFT_WRAP': 'GiftWrap',
    'COD_FEE': 'COD',
    'OTHER': 'Other',
}
TAXES = {
    'ITEM': 'Tax',
    'SHIPPING': 'ShippingTax',
    'GIFT_WRAP': 'GiftWrapTax',
    'COD_FEE': 'COD Tax',
    'OTHER': 'OtherTax',
}
WITHHELD_PARTS = {'ITEM': PRINCIPAL, 'SHIPPING': 'Shipping'}
WITHHELD_OTHERS = 'Other'


@dataclass(frozen=True)
class Part:
    """A part of what an item brings in.

    :param group: when it goes back: 'goods' with them, 'extras' with their shipping, wrapping and
        the like, 'share' as far as the buyer is refunded, 'kept' never
    """
    amount_type: str
    description: str
    group: str = GOODS

    @property
    def is_paid(self) -> bool:
        """Tell whether the buyer pays it, or is spared it."""
        return self.amount_type in (PRICE, PROMOTION)


Parts = Mapping[Part, Decimal]


def sold_parts(order: Order, item: Item, quantity: int) -> Counter[Part]:
    """Return what so many pieces of an item bring in, as if the others had been cancelled.

    What so many more bring in is the difference of two, so that nothing is lost by rounding.
    """
    parts: Counter[Part] = Counter()
    if not quantity:
        return parts
    if order.channel_name != 'AMAZON':
        _add_fulfilment(parts, order, quantity)
        return parts
    sold = copy.copy(item)
    sold.quantity_cancelled = item.quantity - quantity
    proceeds = ItemProceeds.of(sold, order)
    _add_prices(parts, proceeds)
    if item is next((it for it in order.items if it.quantity_ordered), None):
        _add_order_amounts(parts, order)
    withheld = ZERO
    if item.marketplace_facilitator:
        withheld = _add_withheld(parts, proceeds, order.marketplace)
    _add_fees(parts, proceeds, order, quantity, withheld)
    if item.points is not None:
        share = Decimal(item.points[1]) * quantity / item.quantity
        parts[Part(POINTS, 'PointsGranted', SHARE)] -= round_to(share, order.marketplace.currency)
    return parts


def _add_prices(parts: Counter[Part], proceeds: ItemProceeds) -> None:
    for charge, amount in proceeds.charges.items():
        parts[Part(PRICE, CHARGES[charge], _group(charge))] += amount
    for charge, tax in (proceeds.taxes or {}).items():
        parts[Part(PRICE, TAXES[charge], _group(charge))] += tax
    for charge, discount in proceeds.discounts.items():
        parts[Part(PROMOTION, CHARGES[charge], _group(charge))] -= discount
    for charge, saved in proceeds.discount_taxes.items():
        parts[Part(PROMOTION, 'TaxDiscount', _group(charge))] -= saved


def _add_order_amounts(parts: Counter[Part], order: Order) -> None:
    """Add what is of the whole order; a tip that is pending is not there yet."""
    parts[Part(PRICE, PRINCIPAL, EXTRAS)] += to_amount(order.unexplained, order.marketplace)
    if order.proceeds_shape != 'pending tip':
        parts[Part(PRICE, 'Tip', EXTRAS)] += to_amount(order.tip, order.marketplace)


def _add_withheld(
    parts: Counter[Part], proceeds: ItemProceeds, marketplace: Marketplace,
) -> Decimal:
    """Add the taxes that Amazon remits itself, and return their sum."""
    if marketplace.code == 'AU':
        stem = 'LowValueGoodsTax'
    else:
        stem = f"MarketplaceFacilitator{'VAT' if marketplace.code in EUROPE else 'Tax'}"
    withheld = ZERO
    for charge, tax in (proceeds.taxes or {}).items():
        due = tax - proceeds.discount_taxes.get(charge, ZERO)
        withheld += due
        if charge in WITHHELD_PARTS:
            name = f'{stem}-{WITHHELD_PARTS[charge]}'
        else:
            name = f"{stem.replace('VAT', 'Tax')}-{WITHHELD_OTHERS}"
        parts[Part(WITHHELD, name, _group(charge))] -= due
    return withheld


def _add_fees(
    parts: Counter[Part], proceeds: ItemProceeds, order: Order, quantity: int, withheld: Decimal,
) -> None:
    marketplace = order.marketplace
    base = proceeds.total - withheld
    commission = round_to(base * COMMISSION_RATE, marketplace.currency)
    parts[Part(FEES, COMMISSION, SHARE)] -= commission
    if marketplace.code in DIGITAL_SERVICES_RATES:
        parts[Part(FEES, 'DigitalServicesFee', SHARE)] -= round_to(
            commission * DIGITAL_SERVICES_RATES[marketplace.code], marketplace.currency,
        )
    if marketplace.code == 'IN':
        for name, rate in INDIAN_TAXES.items():
            parts[Part(WITHHELD, name, SHARE)] -= round_to(base * rate, marketplace.currency)
    if order.channel == 'FBA':
        _add_fulfilment(parts, order, quantity)
        parts[Part(FEES, 'ShippingChargeback', EXTRAS)] -= (
            proceeds.charges['SHIPPING'] - proceeds.discounts['SHIPPING']
        )
        parts[Part(FEES, 'GiftwrapChargeback', EXTRAS)] -= proceeds.charges['GIFT_WRAP']


def _add_fulfilment(parts: Counter[Part], order: Order, quantity: int) -> None:
    fee = FULFILMENT_FEES.get(order.marketplace.currency, FULFILMENT_FEE)
    parts[Part(FEES, 'FBAPerUnitFulfillmentFee', KEPT)] -= fee * quantity


def of_groups(parts: Parts, groups: Collection[str]) -> Counter[Part]:
    """Return the parts that are of some groups."""
    return Counter({part: amount for part, amount in parts.items() if part.group in groups})


def less(parts: Parts, taken: Parts) -> Counter[Part]:
    """Return the difference of parts, with the same parts."""
    return Counter({part: amount - taken.get(part, ZERO) for part, amount in parts.items()})


def paid(parts: Parts) -> Decimal:
    """Return what the buyer pays of the parts."""
    return sum((amount for part, amount in parts.items() if part.is_paid), ZERO)


def share_of(parts: Parts, amount: Decimal, currency: str) -> Counter[Part]:
    """Return the share of parts that makes the buyer's amount, to the last cent.

    :raise ValueError: the buyer paid nothing, or less
    """
    whole = paid(parts)
    if not 0 < amount <= whole:
        raise ValueError(f'{amount} cannot be refunded of {whole}')
    share = Counter({
        part: round_to(value * amount / whole, currency) for part, value in parts.items()
    })
    price = next(part for part in parts if part.description == PRINCIPAL and part.is_paid)
    share[price] += amount - paid(share)
    _mirror_withheld(share)
    return share


def _mirror_withheld(share: Counter[Part]) -> None:
    """Let what Amazon withheld of taxes be what is told of them, whatever rounding did."""
    for group in (GOODS, EXTRAS):
        withheld = [
            part for part in share if part.amount_type == WITHHELD and part.group == group
        ]
        if withheld:
            share[withheld[0]] -= sum((
                amount for part, amount in share.items()
                if part.group == group and (part in withheld or 'Tax' in part.description)
            ), ZERO)


def returned(parts: Parts, refunded: Parts, currency: str) -> Counter[Part]:
    """Return what goes back of what Amazon took, when so much is refunded in all."""
    whole = paid(parts) + _withheld(parts)
    share = paid(refunded) + _withheld(refunded)
    return Counter({
        part: round_to(amount * share / whole, currency) if whole else amount
        for part, amount in parts.items() if part.group == SHARE
    })


def _withheld(parts: Parts) -> Decimal:
    return sum((
        amount for part, amount in parts.items()
        if part.amount_type == WITHHELD and part.group != SHARE
    ), ZERO)


def refund_commission(returned: Decimal, currency: str) -> Decimal:
    """Return the fee for a refund, by the commission that comes back."""
    most = MAX_REFUND_COMMISSIONS.get(currency, MAX_REFUND_COMMISSION)
    return round_to(min(returned * REFUND_COMMISSION_RATE, most), currency)


def make_rows(item: Item, parts: Parts, quantity: int = 0, **values: str) -> Iterator[MoneyRow]:
    """Yield the rows of an item's parts: those that are not zero, and those that Amazon shows.

    :param values: further fields of `MoneyRow`
    """
    amounts: Counter[tuple[str, str]] = Counter()
    for part, amount in parts.items():
        amounts[part.amount_type, part.description] += amount
    for (amount_type, description), amount in amounts.items():
        if amount or _is_shown_at_zero(amount_type, description):
            promotion = item.promotions[0] if item.promotions else f'PAWS-V2-{item.asin}'
            yield MoneyRow(
                amount_type, description, amount, item.sku, item.item_id, quantity,
                promotion if amount_type == PROMOTION else '', **values,
            )


def _is_shown_at_zero(amount_type: str, description: str) -> bool:
    """Tell whether Amazon writes 0.00: for the price, and for VAT that it withholds on shipping."""
    return (amount_type, description) == (PRICE, PRINCIPAL) or (
        description == 'MarketplaceFacilitatorVAT-Shipping'
    )


def _group(charge: str) -> str:
    return GOODS if charge == 'ITEM' else EXTRAS


def round_to(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with the decimals of a currency."""
    return amount.quantize(minor_unit(currency), ROUND_HALF_UP)
