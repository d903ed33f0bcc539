"""What the buyer paid for an order, and how its parts explain it.

The first is known almost always: it decides whether the goods leave. The second is not, for Amazon
documents neither the sign of a discount nor what its amounts have in them, and may leave out any of
them. So the readings that its documents allow are tried in a fixed order, and the first that fits
is taken.
Source: `OrderProceeds` and `ItemProceeds` of the Orders API v2026-01-01.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import accumulate

from .payload import MAX_AMOUNT, MAX_COUNT, Node, read_number

ZERO = Decimal()
CHARGE_TYPES = ('ITEM', 'SHIPPING', 'GIFT_WRAP', 'COD_FEE', 'OTHER')
SPREAD_TYPES = (*CHARGE_TYPES[1:], 'DISCOUNT', 'TAX')
CURRENCY = re.compile('[A-Z]{3}')
# Source: ISO 4217. All others have two decimals.
DECIMALS = {
    **dict.fromkeys(('CLP', 'ISK', 'JPY', 'KRW', 'PYG', 'UGX', 'VND', 'XAF', 'XOF'), 0),
    **dict.fromkeys(('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'), 3),
}


# === WHAT COMES OUT === #

@dataclass(frozen=True)
class Charge:
    """An amount that the buyer paid for an item, with the tax in it that the seller remits."""

    type: str  # one of CHARGE_TYPES in lower case, or 'discount'
    amount: Decimal  # in the order's currency; negative for a discount
    subject: str = 'item'  # of a discount: the type it reduces


@dataclass(frozen=True)
class ItemProceeds:
    """The amounts of an item in one reading."""

    charges: tuple[Charge, ...] = ()
    tax: Decimal | None = None  # of `charges`, `None` where Amazon does not show it
    facilitated_tax: Decimal = ZERO  # that Amazon remits; not in `charges`
    is_facilitated: bool = False  # whether Amazon remits the tax, even if there is none
    total: Decimal = ZERO  # what Amazon's `proceedsTotal` is in this reading

    @property
    def charged(self) -> Decimal:
        """The sum of the charges."""
        return sum((charge.amount for charge in self.charges), ZERO)


@dataclass(frozen=True)
class OrderProceeds:
    """What the buyer paid for an order, by item."""

    currency: str  # ISO 4217, empty if Amazon names none
    total: Decimal  # what the buyer paid, less tips and less tax that Amazon remits
    items: tuple[ItemProceeds, ...]  # of each item of the order
    is_explained: bool  # whether the charges make the total, up to rounding

    @property
    def open_amount(self) -> Decimal:
        """What the charges leave open of the total: a rounding, or what nothing explains."""
        return self.total - sum((item.charged for item in self.items), ZERO)


# === WHAT AMAZON SHOWS === #

@dataclass(frozen=True)
class Sold:
    """An item of an order with the quantities that its amounts are for."""

    node: Node
    ordered: int
    wanted: int  # ordered less cancelled


@dataclass(frozen=True)
class _Parts:
    """The amounts of an item as Amazon shows them, unjudged."""

    paid: Decimal | None = None  # Amazon's `proceedsTotal`
    total: Decimal | None = None  # the same as long as it is for these amounts
    charges: Mapping[str, Decimal] = field(default_factory=dict)  # by CHARGE_TYPES
    tax: Decimal | None = None
    taxes: Mapping[str, Decimal] = field(default_factory=dict)  # by CHARGE_TYPES and DISCOUNT
    discounts: Mapping[str, Decimal] = field(default_factory=dict)  # positive, by CHARGE_TYPES
    list_amount: Decimal | None = None  # unit price by quantity, where ITEM is missing
    is_facilitated: bool = False
    count: int = 1  # of amounts, each of which may be rounded

    @property
    def is_known(self) -> bool:
        """Whether Amazon shows what the item has cost."""
        return self.paid is not None or bool(self.charges)

    @property
    def variants(self) -> Iterator[_Parts]:
        """The amounts as shown, then with the price of the item where only that is missing."""
        yield self
        if self.list_amount is not None:
            yield replace(self, charges={'ITEM': self.list_amount, **self.charges})

    def change(self, factor: Decimal, unit: Decimal) -> _Parts:
        """Return a part of the amounts, for a part of the pieces."""
        def scale(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
            return {kind: _round(amount * factor, unit) for kind, amount in amounts.items()}

        return replace(
            self,
            total=None,
            charges=scale(self.charges),
            tax=None if self.tax is None else _round(self.tax * factor, unit),
            taxes=scale(self.taxes),
            discounts=scale(self.discounts),
        )

    def add(self, kind: str, amount: Decimal) -> _Parts:
        """Return the amounts with one more, of SPREAD_TYPES or the item itself."""
        if kind == 'TAX':
            return replace(self, total=None, tax=(self.tax or ZERO) + amount)
        name, key = ('discounts', 'ITEM') if kind == 'DISCOUNT' else ('charges', kind)
        amounts = getattr(self, name)
        return replace(self, total=None, **{
            name: {**amounts, key: amounts.get(key, ZERO) + amount},
        })


def find_currency(order: Node) -> str:
    """Return the currency of the first amount of an order that has one, empty if none has."""
    codes = (money.peek_text('currencyCode') for money in _iterate_moneys(order))
    return next((code for code in codes if CURRENCY.fullmatch(code)), '')


def _iterate_moneys(order: Node) -> Iterator[Node]:
    """Yield the amounts of an order, what the buyer paid first."""
    yield order.peek('proceeds', 'grandTotal')
    items = order.peek_children('orderItems')
    for item in items:
        yield item.peek('proceeds', 'proceedsTotal')
    for node in (*items, order):
        for breakdown in node.peek('proceeds').peek_children('breakdowns'):
            yield breakdown.peek('subtotal')
    for item in items:
        yield item.peek('product', 'price', 'unitPrice')


def peek_paid(order: Node) -> Decimal | None:
    """Return what the buyer paid with tips and all tax, as far as can be told at a glance."""
    paid = _peek_total(order.peek('proceeds'), 'grandTotal')
    items = order.peek_children('orderItems')
    for source in (
        lambda item: _peek_total(item.peek('proceeds'), 'proceedsTotal'),
        lambda item: _sum_breakdowns(item.peek('proceeds')),
        _peek_list_price,
    ):
        if paid is None and items:
            amounts = [source(item) for item in items]
            paid = None if None in amounts else sum(amounts, ZERO)
    return paid


def _peek_total(proceeds: Node, key: str) -> Decimal | None:
    total = proceeds.peek_amount(key)
    if total is not None and total < 0:
        proceeds.note(f'{key}.amount', "is negative")
        return None
    return total


def _sum_breakdowns(proceeds: Node) -> Decimal | None:
    """Return the sum of breakdowns as Amazon documents them, `None` if there are none."""
    amounts = [
        -abs(amount) if breakdown.peek_text('type') == 'DISCOUNT' else amount
        for breakdown in proceeds.peek_children('breakdowns')
        if (amount := breakdown.peek_amount('subtotal')) is not None
    ]
    return sum(amounts, ZERO) if amounts else None


def _peek_list_price(item: Node) -> Decimal | None:
    price = item.peek('product', 'price').peek_amount('unitPrice')
    quantity = read_number((item.value or {}).get('quantityOrdered'))
    return None if price is None or quantity is None else _multiply(price, quantity)


def _multiply(price: Decimal, quantity: Decimal | int) -> Decimal | None:
    """Return what so many pieces cost, `None` if that is out of all reason."""
    amount = price * quantity
    return amount if abs(amount) < MAX_AMOUNT else None


class _Reader:
    """Reads the amounts of one order, which has one currency."""

    def __init__(self, currency: str, is_given: bool) -> None:
        """Read amounts of a currency.

        :param is_given: Whether a person says that it is this one: others are left out then.
        """
        self.currency = currency
        self._is_given = is_given
        self.unit = Decimal(1).scaleb(-DECIMALS.get(currency, 2))

    def read_total(self, proceeds: Node, key: str) -> Decimal | None:
        total = _peek_total(proceeds, key)
        return total if total is None else self._check(proceeds.peek(key), total)

    def read_amount(self, node: Node, key: str) -> Decimal | None:
        amount = node.peek_amount(key)
        return amount if amount is None else self._check(node.peek(key), amount)

    def _check(self, money: Node, amount: Decimal) -> Decimal | None:
        """Return an amount after a look at its currency.

        :raise Malformed: If it is another one than the order's.
        """
        code = money.peek_text('currencyCode')
        if amount and CURRENCY.fullmatch(code) and code != self.currency:
            problem = f"is not {self.currency} as in the rest of the order"
            if not self._is_given:
                money.fail('currencyCode', problem)
            money.note('currencyCode', problem)
            return None
        return amount

    def read_parts(self, sold: Sold) -> _Parts:
        """Return the amounts of an item; those of a part that was cancelled are taken off."""
        proceeds = sold.node.peek('proceeds')
        breakdowns = [
            (breakdown, breakdown.peek_text('type'), amount)
            for breakdown in proceeds.peek_children('breakdowns')
            if (amount := self.read_amount(breakdown, 'subtotal')) is not None
        ]
        charges: Counter[str] = Counter()
        taxes: Counter[str] = Counter()
        discounts: Counter[str] = Counter()
        tax = None
        for breakdown, kind, amount in breakdowns:
            if kind == 'TAX':
                tax = (tax or ZERO) + amount
                taxes.update(self._read_details(breakdown))
            elif kind == 'DISCOUNT':
                details = self._read_details(breakdown)
                details['ITEM'] += abs(amount) - sum(details.values(), ZERO)
                discounts.update(details)
            else:
                charges[kind if kind in CHARGE_TYPES else 'OTHER'] += amount
                if kind not in CHARGE_TYPES:
                    breakdown.note('type', f"{kind[:50] or '(missing)'} is taken for OTHER")
        total = self.read_total(proceeds, 'proceedsTotal')
        parts = _Parts(
            paid=total,
            total=total,
            charges=dict(charges),
            tax=tax,
            taxes=dict(taxes),
            discounts=dict(discounts),
            is_facilitated=_is_facilitated(sold.node),
            count=max(1, len(breakdowns)),
        )
        return self._complete(parts, sold)

    def _read_details(self, breakdown: Node) -> Counter[str]:
        """Return the parts of a TAX or DISCOUNT by the type of charge that they are of."""
        details: Counter[str] = Counter()
        for detail in breakdown.peek_children('detailedBreakdowns'):
            subtype = detail.peek_text('subtype')
            subtype = subtype if subtype in (*CHARGE_TYPES, 'DISCOUNT') else 'OTHER'
            details[subtype] += abs(self.read_amount(detail, 'value') or ZERO)
        return details

    def _complete(self, parts: _Parts, sold: Sold) -> _Parts:
        """Return amounts with the item's price where it is missing or is for other pieces."""
        price = sold.node.peek('product', 'price')
        unit_price = price.peek_amount('unitPrice')
        code = price.peek_text('unitPrice', 'currencyCode')
        if unit_price is None or unit_price < 0 or code not in ('', self.currency):
            unit_price = None
        if not parts.charges and not parts.discounts:
            if parts.total is not None:
                # All that is known of the item is what it made.
                tax = parts.tax if parts.is_facilitated and parts.tax else ZERO
                return replace(parts, charges={'ITEM': max(parts.total - tax, ZERO)})
            if unit_price is None or (amount := _multiply(unit_price, sold.wanted)) is None:
                return parts
            return replace(parts, charges={'ITEM': amount})
        if 'ITEM' not in parts.charges:
            return replace(parts, list_amount=unit_price and _multiply(unit_price, sold.wanted))
        pieces = _count_pieces(parts, unit_price)
        if pieces and sold.wanted < pieces and _is_partly_cancelled(sold):
            sold.node.peek('proceeds').note('breakdowns', f"are still for {pieces} pieces")
            return parts.change(Decimal(sold.wanted) / pieces, self.unit)
        return parts


def _is_facilitated(item: Node) -> bool:
    return any(
        collection.peek_text('model') == 'MARKETPLACE_FACILITATOR'
        for collection in item.peek('tax').peek_children('taxCollections')
    )


def _is_partly_cancelled(sold: Sold) -> bool:
    execution = sold.node.peek('cancellation').peek('cancellationExecution')
    return sold.wanted < sold.ordered or bool(execution)


def _count_pieces(parts: _Parts, unit_price: Decimal | None) -> int | None:
    """Return for how many pieces an item's amount is, with or without tax; `None` if unclear."""
    amount = parts.charges.get('ITEM', ZERO)
    for candidate in (amount, amount + parts.taxes.get('ITEM', ZERO)):
        # There is no remainder of a quotient that is out of all size.
        is_sane = unit_price and candidate and abs(candidate / unit_price) < MAX_COUNT
        if is_sane and not candidate % unit_price:
            return int(candidate / unit_price)
    return None


# === READINGS === #

@dataclass(frozen=True)
class _Reading:
    """One of the ways to understand the amounts of an item."""

    tax: str  # 'added' to the amounts, 'included' in them, or 'outside' of the item's total
    discount: str  # 'subtracted', or taken off the amounts already: 'net'
    discount_tax: str = 'lowered'  # TAX is lowered by the tax on the discount; or it is 'apart'


_READINGS = (
    _Reading('added', 'subtracted'),
    _Reading('added', 'net'),
    _Reading('added', 'subtracted', 'apart'),
    _Reading('included', 'subtracted'),
    _Reading('included', 'net'),
    _Reading('included', 'subtracted', 'apart'),
)
_FACILITATED_READINGS = (
    _Reading('added', 'subtracted'),
    _Reading('added', 'net'),
    _Reading('added', 'subtracted', 'apart'),
    _Reading('outside', 'subtracted'),
    _Reading('outside', 'net'),
    _Reading('outside', 'subtracted', 'apart'),
)


def _get_readings(parts: _Parts) -> tuple[_Reading, ...]:
    return _FACILITATED_READINGS if parts.is_facilitated else _READINGS


def _apply(parts: _Parts, reading: _Reading) -> ItemProceeds:
    """Return the amounts of an item in a reading."""
    discounts = dict(parts.discounts) if reading.discount == 'subtracted' else {}
    discount_tax = _get_discount_tax(parts, reading) if discounts else ZERO
    is_apart = reading.discount_tax == 'apart'
    tax = (parts.tax or ZERO) - (discount_tax if is_apart else ZERO)
    if parts.is_facilitated:
        charges = tuple(_get_charges(parts.charges, {}, discounts))
        charged = sum((charge.amount for charge in charges), ZERO)
        return ItemProceeds(
            charges,
            facilitated_tax=tax,
            is_facilitated=True,
            total=charged + (tax if reading.tax == 'added' else ZERO),
        )
    taxes: dict[str, Decimal] = {}
    if reading.tax == 'added':
        taxes = {
            kind: amount for kind, amount in parts.taxes.items()
            if kind in parts.charges and kind != 'ITEM'
        }
        taxes['ITEM'] = tax + discount_tax - sum(taxes.values(), ZERO)
    if discount_tax and (is_apart or reading.tax == 'added'):
        discounts['ITEM'] = discounts.get('ITEM', ZERO) + discount_tax
    proceeds = ItemProceeds(
        tuple(_get_charges(parts.charges, taxes, discounts)),
        tax=None if parts.tax is None else tax,
    )
    return replace(proceeds, total=proceeds.charged)


def _get_discount_tax(parts: _Parts, reading: _Reading) -> Decimal:
    """Return the tax on the discount, as far as it is apart from the discount in a reading."""
    discount_tax = parts.taxes.get('DISCOUNT', ZERO)
    others = sum((tax for kind, tax in parts.taxes.items() if kind != 'DISCOUNT'), ZERO)
    if reading.discount_tax == 'lowered' and (parts.tax or ZERO) != others - discount_tax:
        return ZERO
    return discount_tax


def _get_charges(
    amounts: Mapping[str, Decimal],
    taxes: Mapping[str, Decimal],
    discounts: Mapping[str, Decimal],
) -> Iterator[Charge]:
    """Yield the charges with their tax, then the discounts; the item itself even at zero."""
    for kind in ('ITEM', *(kind for kind in amounts if kind != 'ITEM')):
        amount = amounts.get(kind, ZERO) + taxes.get(kind, ZERO)
        if amount or kind == 'ITEM':
            yield Charge(kind.lower(), amount)
    for subject, amount in discounts.items():
        if amount:
            yield Charge('discount', -amount, subject.lower())


# === EXPLAINING AN ORDER === #

def explain(
    order: Node,
    sold: Sequence[Sold],
    *,
    is_free: bool,
    given_total: Decimal | None = None,
    given_currency: str = '',
) -> OrderProceeds:
    """Return what the buyer paid for an order, and the first reading that explains it.

    :param order: The order.
    :param sold: Its items.
    :param is_free: Whether it replaces another order, so that nothing need be paid.
    :param given_total: What a person says that the buyer paid; so for the currency.
    :raise Malformed: If nothing tells what the buyer paid, or in several currencies.
    """
    proceeds = order.peek('proceeds')
    reader = _Reader(given_currency or find_currency(order), bool(given_currency))
    parts = [reader.read_parts(item) for item in sold]
    asked = [index for index, item in enumerate(sold) if item.wanted]
    paid = given_total
    if paid is None:
        paid = reader.read_total(proceeds, 'grandTotal')
    explanation = _Explanation(reader, proceeds, [parts[index] for index in asked], paid)
    if paid is None and not is_free and not explanation.is_known():
        proceeds.fail('grandTotal', "is missing, and nothing else tells what the buyer paid")
    total, found, is_explained = explanation.find()
    if total >= MAX_AMOUNT:
        proceeds.fail('grandTotal', "is missing, and the amounts make one out of all reason")
    items = [ItemProceeds(is_facilitated=part.is_facilitated) for part in parts]
    for index, item in zip(asked, found, strict=True):
        items[index] = item
        total_shown = parts[index].total
        if is_explained and total_shown is not None and abs(total_shown - item.total) > reader.unit:
            sold[index].node.peek('proceeds').note('proceedsTotal', "is not what its amounts make")
    return OrderProceeds(reader.currency, total, tuple(items), is_explained)


class _Explanation:
    """The search for the reading that explains what the buyer paid."""

    def __init__(
        self, reader: _Reader, proceeds: Node, parts: list[_Parts], paid: Decimal | None
    ) -> None:
        self._unit = reader.unit
        self._parts = parts
        self._sums, self._tips = _read_order_breakdowns(reader, proceeds)
        self._paid = paid
        if paid is None and not all(part.is_known for part in parts):
            # The items are silent: what the order shows has to do.
            self._paid = sum(self._sums.values(), sum(self._tips, ZERO)) if self._sums else None

    def is_known(self) -> bool:
        """Return whether anything tells what the buyer paid."""
        return self._paid is not None or all(part.is_known for part in self._parts)

    def find(self) -> tuple[Decimal, tuple[ItemProceeds, ...], bool]:
        """Return the total without tips and facilitated tax, its items, and whether they fit."""
        for tolerance in (0, 1):
            for parts, items in self._iterate_candidates(tolerance):
                limit = tolerance * self._unit * sum(part.count for part in parts)
                charged = sum((item.charged for item in items), ZERO)
                for apart in self._iterate_apart(items):
                    total = self._get_paid(parts, items) - apart
                    if total >= 0 and abs(total - charged) <= limit:
                        return _round(total, self._unit), items, True
        items = tuple(
            _apply(_without_negative(part), _get_readings(part)[0]) for part in self._parts
        )
        paid, apart = self._get_paid(self._parts, items), next(self._iterate_apart(items))
        return _round(paid - apart if apart <= paid else paid, self._unit), items, False

    def _get_paid(self, parts: Sequence[_Parts], items: Sequence[ItemProceeds]) -> Decimal:
        """Return what the buyer paid: what is said of the order, else of its items."""
        if self._paid is not None:
            return self._paid
        return sum(
            (
                item.total if part.paid is None else part.paid
                for part, item in zip(parts, items, strict=True)
            ),
            ZERO,
        )

    def _iterate_apart(self, items: Sequence[ItemProceeds]) -> Iterator[Decimal]:
        """Yield how much of what the buyer paid may be tips, and tax that Amazon remits."""
        if self._paid is None:
            # The items' own totals have no tips in them.
            yield sum((item.total - item.charged for item in items), ZERO)
            return
        facilitated = sum((item.facilitated_tax for item in items), ZERO)
        final, pending = self._tips
        for tip in dict.fromkeys((final + pending, final, ZERO)):
            for tax in dict.fromkeys((facilitated, ZERO)):
                yield tip + tax

    def _iterate_candidates(
        self, tolerance: int
    ) -> Iterator[tuple[Sequence[_Parts], tuple[ItemProceeds, ...]]]:
        """Yield the readings of all items that may explain the order, the likeliest first.

        An item whose own total no reading makes may still make the order's.
        """
        for parts in self._iterate_parts():
            own = [self._find_own(part, tolerance) for part in parts]
            contradicts = any(
                part.total is not None and item is None
                for part, item in zip(parts, own, strict=True)
            )
            if contradicts and self._paid is None:
                continue
            for number in range(1 if all(own) else len(_READINGS)):
                yield parts, tuple(
                    item or _apply(part, _get_readings(part)[number])
                    for part, item in zip(parts, own, strict=True)
                )

    def _find_own(self, part: _Parts, tolerance: int) -> ItemProceeds | None:
        """Return the first reading that makes the item's own total, `None` without one."""
        if part.total is None:
            return None
        for limit in (ZERO, tolerance * self._unit * part.count):
            for variant in part.variants:
                for reading in _get_readings(variant):
                    item = _apply(variant, reading)
                    if abs(item.total - part.total) <= limit:
                        return item
        return None

    def _iterate_parts(self) -> Iterator[Sequence[_Parts]]:
        """Yield the amounts of the items: as shown, then with what only the order shows."""
        yield self._parts
        parts = self._parts
        if len(parts) == 1 and not parts[0].is_known:
            # Nothing but this item was sold.
            rest = self._sums.get('ITEM')
            if rest is None and self._paid is not None:
                rest = self._paid - sum(self._tips, ZERO) - sum(self._sums.values(), ZERO)
            if rest is not None and rest >= 0:
                parts = [parts[0].add('ITEM', rest)]
                yield parts
        missing = {
            kind: amount for kind, amount in self._sums.items()
            if kind in SPREAD_TYPES and not any(map(_GETTERS[kind], parts))
        }
        for kinds in (missing, {kind: missing[kind] for kind in missing if kind != 'TAX'}):
            spread = parts
            for kind, amount in kinds.items():
                spread = self._spread(spread, kind, abs(amount) if kind == 'DISCOUNT' else amount)
            if kinds:
                yield spread

    def _spread(self, parts: Sequence[_Parts], kind: str, amount: Decimal) -> list[_Parts]:
        """Return the amounts with one of the order shared out by what the items cost."""
        weights = [max(part.charges.get('ITEM', ZERO), ZERO) for part in parts]
        if not sum(weights):
            weights = [Decimal(1)] * len(parts)
        shares, so_far, whole = [], ZERO, sum(weights)
        for number, weight in enumerate(accumulate(weights), start=1):
            until = amount if number == len(parts) else _floor(amount * weight / whole, self._unit)
            shares.append(until - so_far)
            so_far = until
        return [part.add(kind, share) for part, share in zip(parts, shares, strict=True)]


_GETTERS = {
    **{
        kind: lambda part, kind=kind: part.charges.get(kind)
        for kind in CHARGE_TYPES
    },
    'DISCOUNT': lambda part: any(part.discounts.values()),
    'TAX': lambda part: part.tax is not None,
}


def _read_order_breakdowns(
    reader: _Reader, proceeds: Node
) -> tuple[dict[str, Decimal], tuple[Decimal, Decimal]]:
    """Return the amounts of the order by type, discounts negative, and its tips: final, pending."""
    sums: Counter[str] = Counter()
    tips: Counter[bool] = Counter()
    for breakdown in proceeds.peek_children('breakdowns'):
        amount = reader.read_amount(breakdown, 'subtotal')
        kind = breakdown.peek_text('type')
        if amount is None:
            continue
        if kind == 'DELIVERY_TIP':
            tips[breakdown.peek_text('status') == 'PENDING'] += amount
        elif kind == 'DISCOUNT':
            sums[kind] -= abs(amount)
        else:
            sums[kind if kind in (*CHARGE_TYPES, 'TAX') else 'OTHER'] += amount
    return dict(sums), (Decimal(tips[False]), Decimal(tips[True]))


def _without_negative(part: _Parts) -> _Parts:
    """Return amounts of which nothing is sold at a negative price."""
    return replace(part, charges={
        kind: max(amount, ZERO) for kind, amount in part.charges.items()
    })


def _round(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_HALF_UP)


def _floor(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, ROUND_FLOOR)
