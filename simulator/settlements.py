"""The money of a seller: what Amazon owes, and how it pays that out."""

from __future__ import annotations

import base64
import hashlib
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from .marketplaces import find_marketplace, minor_unit
from .money import MoneyEvent, MoneyRow
from .money_rows import (
    COMMISSION,
    EXTRAS,
    FEES,
    GOODS,
    POINTS,
    PRICE,
    PROMOTION,
    WITHHELD,
    Part,
    less,
    make_rows,
    of_groups,
    paid,
    refund_commission,
    returned,
    share_of,
    sold_parts,
)
from .orders import ZERO, Amount, Item, Order
from .rendering import to_iso

OTHER = 'other-transaction'
REFUND_KINDS = ('Refund', 'Chargeback Refund', 'A-to-z Guarantee Refund')
BASE_FEE, TAX_ON_FEE = 'Base fee', 'Tax on fee'
ADVERTISING = 'TransactionTotalAmount'
# Kind of event, transaction type, amount type and description, by what is charged for. Where a
# name is not fixed, {text} is.
CHARGED: Mapping[str, tuple[str, str, str, str]] = {
    'storage': ('ServiceFee', 'FBAFees', 'FBA Inventory Storage Fee', BASE_FEE),
    'long_term_storage': ('ServiceFee', 'FBAFees', 'FBA Long Term Storage Fee', BASE_FEE),
    'removal': ('ServiceFee', 'FBAFees', 'FBA Removal Order: Return Fee', BASE_FEE),
    'disposal': ('ServiceFee', 'FBAFees', 'FBA Removal Order: Disposal Fee', BASE_FEE),
    'inbound': ('ServiceFee', 'FBAFees', 'FBA Amazon-Partnered Carrier Shipment Fee', BASE_FEE),
    'placement': ('ServiceFee', 'FBAFees', 'FBA Inbound Placement Service Fee', BASE_FEE),
    'customer_returns': (
        'ServiceFee', 'FBAFees',
        'FBA Customer Returns Fee (Non-Apparel and Non-Shoes) for ASIN: {text}', BASE_FEE,
    ),
    'epr': (
        'ServiceFee', 'AmazonFees', 'Eco-contribution for EPR Pay on Behalf - {text}', BASE_FEE,
    ),
    'deal': ('ServiceFee', 'AmazonFees', 'Deal Participation Fee', BASE_FEE),
    'coupon': ('ServiceFee', 'AmazonFees', 'Coupon Participation Fee', BASE_FEE),
    'vine': ('ServiceFee', 'AmazonFees', 'Vine Enrollment Fee', BASE_FEE),
    'coupon_redemption': ('ServiceFee', 'CouponRedemptionFee', 'CouponRedemptionFee', '{text}'),
    'advertising': ('ProductAdsPayment', 'ServiceFee', 'Cost of Advertising', ADVERTISING),
    'advertising_refund': ('ProductAdsPayment', 'ServiceFee', 'Refund for Advertiser', ADVERTISING),
    'subscription': ('ServiceFee', OTHER, OTHER, 'Subscription Fee'),
    'old_storage': ('ServiceFee', OTHER, OTHER, 'Storage Fee'),
    'storage_renewal': ('ServiceFee', OTHER, OTHER, 'StorageRenewalBilling'),
    'old_inbound': ('ServiceFee', OTHER, OTHER, 'FBAInboundTransportationFee'),
    'old_disposal': ('ServiceFee', OTHER, OTHER, 'DisposalComplete'),
    'return_label': ('ServiceFee', OTHER, OTHER, 'Shipping label purchase for return'),
}
# Whose lines end before their last column.
SHORT_CHARGES = frozenset({'coupon', 'vine'})
CURRENT_RESERVE = 'Current Reserve Amount'
PREVIOUS_RESERVE = 'Previous Reserve Amount Balance'
PAYABLE, CHARGE = 'Payable to Amazon', 'Successful charge'
UNSUCCESSFUL = 'Transfer of funds unsuccessful: {reason}'
PERIOD = timedelta(days=14)
DEPOSITED_AFTER = timedelta(days=2)
# A reserve is posted so long after the end of the settlement that it is in.
RESERVED_AFTER = timedelta(seconds=8)


@dataclass(frozen=True)
class Refund:
    """What a buyer was given back.

    :param event: what it cost the seller
    """
    order_id: str
    refund_id: str
    adjustment_id: str
    event: MoneyEvent

    @property
    def amount(self) -> Decimal:
        """Return what the buyer was given, with the tax that Amazon remits itself."""
        return -self.event.sum(PRICE, PROMOTION)

    def as_json(self) -> dict[str, Any]:
        """Return the refund for the control API."""
        return {**self.event.as_json(), 'amount': str(self.amount)}


@dataclass
class Settlement:
    """What Amazon paid out for a period, or was left owed.

    :param deposit: when it announces the money for
    :param reserve: what it kept back until the next one
    :param report_ids: of the reports whose documents have it
    :param failure: why the transfer came back, '' while it has not
    """
    settlement_id: str
    currency: str
    start: datetime
    end: datetime
    deposit: datetime
    events: list[MoneyEvent]
    reserve: Decimal = ZERO
    report_ids: list[str] = field(default_factory=list)
    failure: str = ''

    @property
    def total(self) -> Decimal:
        """Return what is paid out; negative when the seller owes it."""
        total = sum((event.total for event in self.events), ZERO)
        return total.quantize(minor_unit(self.currency))

    @property
    def line_count(self) -> int:
        """Return how many amounts it consists of."""
        return sum(len(event.rows) for event in self.events)

    def as_json(self) -> dict[str, Any]:
        """Return the settlement for the control API."""
        return {
            'settlement_id': self.settlement_id,
            'currency': self.currency,
            'start': to_iso(self.start),
            'end': to_iso(self.end),
            'deposit': to_iso(self.deposit),
            'total': str(self.total),
            'reserve': str(self.reserve),
            'line_count': self.line_count,
            'report_ids': self.report_ids,
            'failure': self.failure,
        }


@dataclass
class _ItemMoney:
    """What was posted of an item of an order.

    :param quantity: how many pieces of it; `refunded_quantity` of these were refunded
    """
    quantity: int = 0
    parts: Counter[Part] = field(default_factory=Counter)
    refunded_quantity: int = 0
    refunded: Counter[Part] = field(default_factory=Counter)

    @property
    def left(self) -> Counter[Part]:
        return less(self.parts, self.refunded)


class _Clock(Protocol):
    def now(self) -> datetime: ...


class _Profile(Protocol):
    @property
    def seller_id(self) -> str: ...


class MoneyOwner:
    """The money of a seller, who has a period of settlement for each currency.

    `money` has all events, `settlements` all settlements, in the order of their making. What is
    shipped is posted by itself, and what is posted is paid out when the period is closed. With
    `posts_each_piece` every piece is posted apart, so that lines are the same to the last cell.
    """
    clock: _Clock
    profile: _Profile
    get_order: Callable[[Order | str], Order]
    _lock: threading.RLock
    _publish: Callable[..., str]

    def clear_money(self) -> None:
        """Start anew, with nothing owed."""
        self.money: list[MoneyEvent] = []
        self.settlements: list[Settlement] = []
        self.posts_each_piece = False
        self._reserves: dict[str, Decimal] = {}
        self._item_money: dict[tuple[str, str], _ItemMoney] = {}

    def walk_open_money(self, currency: str) -> Iterator[MoneyEvent]:
        """Yield what is not paid out yet, in the order of its posting."""
        return (
            event for event in self.money
            if event.currency == currency and not event.settlement_id
        )

    def find_settlement(self, settlement: Settlement | str) -> Settlement:
        """Return a settlement of the seller by its id.

        :raise LookupError: there is none
        """
        for known in self.settlements:
            if settlement in (known, known.settlement_id):
                return known
        raise LookupError(f'There is no settlement {settlement}')

    # === SALES === #

    def post_shipment(
        self, order: Order, at: datetime | None = None, *, is_whole: bool = False,
    ) -> list[MoneyRow]:
        """Post what was shipped of an order and is not posted yet, and return its rows.

        :param is_whole: post what is not shipped as well
        """
        rows: list[MoneyRow] = []
        quantities: dict[str, int] = {}
        for item in order.items:
            money = self._money_of(order, item)
            shipped = item.quantity_ordered if is_whole else item.quantity_shipped
            if shipped > money.quantity:
                quantities[item.item_id] = shipped - money.quantity
                rows += self._sell(order, item, money, shipped)
        if rows:
            self._post(
                'Shipment', 'Order', order.marketplace.currency, rows, at,
                quantities=quantities, shipment_id=f'D{len(self.money) + 10**8}',
                **self._order_values(order),
            )
        return rows

    def _sell(
        self, order: Order, item: Item, money: _ItemMoney, quantity: int,
    ) -> Iterator[MoneyRow]:
        """Count pieces of an item as sold, and yield their rows."""
        step = 1 if self.posts_each_piece else quantity - money.quantity
        while money.quantity < quantity:
            money.quantity += step
            sold = less(sold_parts(order, item, money.quantity), money.parts)
            money.parts.update(sold)
            yield from make_rows(item, sold, step)

    def refund(
        self,
        order: Order | str,
        items: Mapping[str, Amount] | None = None,
        *,
        amount: Amount | None = None,
        shipping: bool = False,
        goodwill: Amount | None = None,
        restocking: Amount | None = None,
        kind: str = 'Refund',
        at: datetime | None = None,
    ) -> Refund:
        """Give a buyer money back.

        :param items: by item id or SKU how many pieces, as an `int`, or how much, as anything else;
            all that is left unless told, nothing when empty
        :param amount: instead of `items`, how much of the whole order
        :param shipping: refund shipping, gift wrap and the like, too
        :param goodwill: what the buyer is given on top
        :param restocking: what the seller keeps for taking the goods back
        :param kind: one of `REFUND_KINDS`
        :raise ValueError: that much was not paid, or is refunded already
        """
        if kind not in REFUND_KINDS:
            raise ValueError(f'Unknown kind of refund {kind}')
        with self._lock:
            order = self.get_order(order)
            currency = order.marketplace.currency
            number = len(self.money) + 1
            adjustment = {'adjustment_item_id': f'{number + 3 * 10**11:012d}'}
            groups = (GOODS, EXTRAS) if shipping else (GOODS,)
            if amount is not None:
                items = self._spread(order, Decimal(amount), groups)
            refunds = self._measure(order, items, groups)
            named = refunds[0][0] if refunds else order.items[0]
            extras = [
                MoneyRow(PRICE, name, sign * _to_money(extra, currency), named.sku, named.item_id)
                for name, extra, sign in (
                    ('Goodwill', goodwill, -1), ('RestockingFee', restocking, 1),
                ) if extra is not None
            ]
            if not refunds and not extras:
                raise ValueError(f'Nothing is left to refund of order {order.order_id}')
            rows = [
                row for item, share, quantity in refunds
                for row in make_rows(item, self._give_back(order, item, share, quantity))
            ] + extras
            event = self._post(
                'Refund', kind, currency, [replace(row, **adjustment) for row in rows], at,
                adjustment_id=f'amzn1:crow:{self._token(number)}',
                refund_id=f'{number + 7 * 10**9}',
                quantities={item.item_id: quantity for item, _share, quantity in refunds},
                **self._order_values(order),
            )
            return Refund(order.order_id, event.refund_id, event.adjustment_id, event)

    def _spread(self, order: Order, amount: Decimal, groups: tuple[str, ...]) -> dict[str, Amount]:
        """Return which amount of each item makes an amount of the order."""
        left = {
            item.item_id: value for item in order.items
            if (value := paid(of_groups(self._money_of(order, item).left, groups))) > 0
        }
        whole = sum(left.values(), ZERO)
        if not 0 < amount <= whole:
            raise ValueError(f'{amount} cannot be refunded of {whole}')
        unit = order.marketplace.minor_unit
        spread: dict[str, Amount] = {}
        for number, (item_id, value) in enumerate(left.items(), start=1):
            rest = amount - sum(map(Decimal, spread.values()), ZERO)
            share = rest if number == len(left) else (amount * value / whole).quantize(unit)
            if share:
                spread[item_id] = share
        return spread

    def _measure(
        self, order: Order, items: Mapping[str, Amount] | None, groups: tuple[str, ...],
    ) -> list[tuple[Item, Counter[Part], int]]:
        """Return what is refunded of which item, and of how many pieces; 0 of an amount.

        :raise ValueError: so much is not left
        """
        measured = []
        for key in [item.item_id for item in order.items] if items is None else items:
            item = order.find_item(key)
            money = self._money_of(order, item)
            left = of_groups(money.left, groups)
            quantity = money.quantity - money.refunded_quantity
            asked = None if items is None else items[key]
            if asked is None:
                share = left
            elif isinstance(asked, int):
                share = of_groups(less(
                    sold_parts(order, item, money.refunded_quantity + asked),
                    sold_parts(order, item, money.refunded_quantity),
                ), groups)
                if not 0 < asked <= quantity or paid(share) > paid(left):
                    raise ValueError(f'{asked} of {item.sku} are not left to refund')
                quantity = asked
            else:
                currency = order.marketplace.currency
                share, quantity = share_of(left, _to_money(asked, currency), currency), 0
            if any(share.values()):
                measured.append((item, share, quantity))
        return measured

    def _give_back(
        self, order: Order, item: Item, share: Counter[Part], quantity: int,
    ) -> dict[Part, Decimal]:
        """Count parts of an item as refunded, and return them with what Amazon gives back."""
        currency = order.marketplace.currency
        money = self._money_of(order, item)
        refunded = Counter(money.refunded)
        refunded.update(share)
        share = Counter(share)
        share.update(less(returned(money.parts, refunded, currency), money.refunded))
        money.refunded.update(share)
        money.refunded_quantity += quantity
        back = {
            replace(part, description='PointsReturned') if part.amount_type == POINTS else part:
            -amount for part, amount in share.items()
        }
        commission = sum((
            amount for part, amount in back.items() if part.description == COMMISSION
        ), ZERO)
        back[Part(FEES, 'RefundCommission')] = -refund_commission(commission, currency)
        return back

    def _money_of(self, order: Order, item: Item) -> _ItemMoney:
        return self._item_money.setdefault((order.order_id, item.item_id), _ItemMoney())

    def retrocharge(
        self, order: Order | str, tax: Amount, *, is_refund: bool = False,
        at: datetime | None = None,
    ) -> MoneyEvent:
        """Tell later which tax Amazon collected and remitted for an order, or a refund of it."""
        with self._lock:
            order = self.get_order(order)
            values = self._order_values(order)
            amount = _to_money(tax, order.marketplace.currency) * (-1 if is_refund else 1)
            return self._post(
                'Retrocharge', 'Refund_Retrocharge' if is_refund else 'Order_Retrocharge',
                order.marketplace.currency,
                [
                    MoneyRow(PRICE, 'Tax', amount),
                    MoneyRow(WITHHELD, 'MarketplaceFacilitatorTax-Principal', -amount),
                ],
                at, **values,
            )

    # === OTHER EVENTS === #

    def charge_fee(
        self,
        kind: str,
        amount: Amount,
        *,
        tax: Amount | None = None,
        text: str = '',
        currency: str = 'EUR',
        order: Order | str | None = None,
        at: datetime | None = None,
    ) -> MoneyEvent:
        """Let Amazon charge for something.

        :param kind: a key of `CHARGED`
        :param amount: what it costs, so negative for what is given back
        :param tax: what is charged on top of it, in a line of its own
        :param text: what a name that is not fixed has in it
        :param order: what it is charged for
        """
        if kind not in CHARGED:
            raise ValueError(f'Unknown fee {kind}')
        event_kind, transaction_type, amount_type, description = CHARGED[kind]
        amount_type = amount_type.format(text=text)
        rows = [MoneyRow(
            amount_type, description.format(text=text), -_to_money(amount, currency),
            is_short=kind in SHORT_CHARGES,
        )]
        if tax is not None:
            rows.append(MoneyRow(amount_type, TAX_ON_FEE, -_to_money(tax, currency)))
        with self._lock:
            values = self._order_values(self.get_order(order)) if order else {}
            return self._post(event_kind, transaction_type, currency, rows, at, **values)

    def reimburse(
        self,
        sku: str,
        reason: str,
        amount: Amount,
        *,
        quantity: int = 1,
        currency: str = 'EUR',
        order: Order | str | None = None,
        at: datetime | None = None,
    ) -> MoneyEvent:
        """Let Amazon pay for goods it lost or damaged, or take such money back (negative).

        :param reason: Amazon's word, e.g. 'WAREHOUSE_LOST', 'REVERSAL_REIMBURSEMENT'
        """
        row = MoneyRow(
            'FBA Inventory Reimbursement', reason, _to_money(amount, currency), sku,
            quantity=quantity,
        )
        order_id = self.get_order(order).order_id if order else ''
        with self._lock:
            return self._post(
                'FBAInventoryReimbursement', OTHER, currency, [row], at, order_id=order_id,
            )

    def liquidate(
        self, sku: str, amount: Amount, fee: Amount = ZERO, *, currency: str = 'EUR',
        at: datetime | None = None,
    ) -> MoneyEvent:
        """Let Amazon sell what came back to a liquidator, for a fee."""
        rows = [
            MoneyRow(PRICE, 'Principal', _to_money(amount, currency), sku, is_short=True),
            MoneyRow(
                FEES, 'LiquidationsBrokerageFee', -_to_money(fee, currency), sku, is_short=True,
            ),
        ]
        with self._lock:
            return self._post(
                'Liquidations', 'Liquidations', currency, rows, at,
                merchant_order_id=f'L{len(self.money) + 10**8}',
            )

    def adjust_debt(
        self, amount: Amount, countries: str, *, currency: str = 'EUR', at: datetime | None = None,
    ) -> MoneyEvent:
        """Let the balances of other marketplaces of the seller settle a debt, or this one theirs.

        :param amount: positive when theirs pay, negative when this one does
        :param countries: their codes, e.g. 'DE, NL'
        """
        value = _to_money(amount, currency)
        direction = 'for' if value < 0 else 'against'
        name = 'Debt Adjustment'
        return self.post_money(
            name, name, f'Cross-Account {name} {direction} {countries}', value,
            currency=currency, kind='Adjustment', at=at,
        )

    def post_money(
        self,
        transaction_type: str,
        amount_type: str,
        description: str,
        amount: Amount,
        *,
        currency: str = 'EUR',
        marketplace: str = '',
        order_id: str = '',
        sku: str = '',
        quantity: int = 0,
        is_short: bool = False,
        kind: str = 'Other',
        at: datetime | None = None,
    ) -> MoneyEvent:
        """Post one amount of any kind, known or not.

        :param marketplace: country code, of the account unless told
        :param order_id: of any order, the seller's or not
        """
        row = MoneyRow(
            amount_type, description, _to_money(amount, currency), sku, quantity=quantity,
            is_short=is_short,
        )
        place = find_marketplace(marketplace) if marketplace else None
        with self._lock:
            return self._post(
                kind, transaction_type, currency, [row], at, order_id=order_id, marketplace=place,
                marketplace_name=place.name if place else '',
            )

    # === PAYING OUT === #

    def set_reserve(self, amount: Amount = ZERO, currency: str = 'EUR') -> None:
        """Let each settlement from now on keep so much back until the next one."""
        self._reserves[currency] = _to_money(amount, currency)

    def charge_card(
        self, currency: str = 'EUR', parts: int = 1, at: datetime | None = None,
    ) -> list[MoneyEvent]:
        """Charge the seller's card with what is payable to Amazon, in some parts.

        :raise ValueError: nothing is payable
        """
        with self._lock:
            payable = -sum((
                row.amount for event in self.walk_open_money(currency) for row in event.rows
                if row.description in (PAYABLE, CHARGE)
            ), ZERO)
            if payable <= 0:
                raise ValueError(f'There is nothing to charge in {currency}')
            part = (payable / parts).quantize(minor_unit(currency))
            amounts = [part] * (parts - 1)
            amounts.append(payable - sum(amounts, ZERO))
            return [self._adjust(CHARGE, each, currency, at, 'Transfer') for each in amounts]

    def fail_transfer(
        self,
        settlement: Settlement | str,
        reason: str = 'your bank account could not be verified',
        at: datetime | None = None,
    ) -> MoneyEvent:
        """Let the money of a settlement come back to Amazon.

        :raise ValueError: nothing was transferred, or it has come back
        """
        with self._lock:
            failed = self.find_settlement(settlement)
            if failed.total <= 0 or failed.failure:
                raise ValueError(f'Settlement {failed.settlement_id} has no transfer')
            failed.failure = reason
            description = UNSUCCESSFUL.format(reason=reason)
            return self._adjust(description, failed.total, failed.currency, at, 'Transfer')

    def close_settlement(
        self,
        currency: str = 'EUR',
        end: datetime | None = None,
        deposit: datetime | None = None,
        *,
        start: datetime | None = None,
        odd: str | Iterable[str] = (),
        is_published: bool = True,
    ) -> Settlement:
        """Pay out what is due in a currency, and begin its next period.

        :param end: now unless told; what is posted, or released, later stays open
        :param deposit: two days later unless told
        :param start: the end of the period before unless told
        :param odd: what is odd about the document, names of `SETTLEMENT_ODDITIES`
        :param is_published: whether a document is made; see `reissue`
        """
        with self._lock:
            end = end or self.clock.now()
            due = sorted(
                (event for event in self.walk_open_money(currency) if event.due <= end),
                key=lambda event: event.due,
            )
            settlement = Settlement(
                settlement_id=self._next_settlement_id(),
                currency=currency,
                start=start or self._period_start(due, currency, end),
                end=end,
                deposit=deposit or end + DEPOSITED_AFTER,
                events=due,
                reserve=self._reserves.get(currency, ZERO),
            )
            if settlement.reserve:
                due.append(self._adjust(
                    CURRENT_RESERVE, -settlement.reserve, currency, end + RESERVED_AFTER,
                ))
            for event in due:
                event.settlement_id = settlement.settlement_id
            self.settlements.append(settlement)
            self._carry_on(settlement)
            if is_published:
                self.reissue(settlement, odd=odd)
            return settlement

    def reissue(
        self, *settlements: Settlement | str, odd: str | Iterable[str] = (),
    ) -> str:
        """Make another document of settlements, or a first one of several, and return its report.

        :param odd: what is odd about it, names of `SETTLEMENT_ODDITIES`
        :return: the id of a report that is done
        """
        with self._lock:
            found = [self.find_settlement(settlement) for settlement in settlements]
            odds = frozenset((odd,) if isinstance(odd, str) and odd else odd)
            report_id = self._publish(self, found, odds)
            for settlement in found:
                settlement.report_ids.append(report_id)
            return report_id

    def _period_start(
        self, due: list[MoneyEvent], currency: str, end: datetime,
    ) -> datetime:
        for settlement in reversed(self.settlements):
            if settlement.currency == currency:
                return settlement.end
        return min([end - PERIOD, *(event.due for event in due)])

    def _carry_on(self, settlement: Settlement) -> None:
        """Begin the next period with what the last one left."""
        for description, amount in (
            (PREVIOUS_RESERVE, settlement.reserve), (PAYABLE, min(settlement.total, ZERO)),
        ):
            if amount:
                self._adjust(description, amount, settlement.currency, settlement.end)

    def _next_settlement_id(self) -> str:
        stem = zlib.crc32(self.profile.seller_id.encode()) % 10**5
        return f'1{stem:05d}{len(self.settlements) + 1:05d}'

    # === HELPERS === #

    def _adjust(
        self, description: str, amount: Decimal, currency: str, at: datetime | None,
        kind: str = 'Adjustment',
    ) -> MoneyEvent:
        return self._post(kind, OTHER, currency, [MoneyRow(OTHER, description, amount)], at)

    def _post(
        self, kind: str, transaction_type: str, currency: str, rows: list[MoneyRow],
        at: datetime | None, **values: Any,
    ) -> MoneyEvent:
        event = MoneyEvent(
            f'{len(self.money) + 1:09d}', kind, transaction_type, currency,
            at or self.clock.now(), rows, **values,
        )
        self.money.append(event)
        return event

    def _order_values(self, order: Order) -> dict[str, Any]:
        """Return what an event tells of its order."""
        place = order.marketplace
        return {
            'order_id': order.order_id,
            'merchant_order_id': order.seller_order_id or (
                order.order_id if place.code == 'US' else ''
            ),
            'marketplace': place,
            'marketplace_name': (
                place.name if order.channel_name == 'AMAZON' else f'Non-Amazon {place.code}'
            ),
            'fulfillment': 'AFN' if order.channel == 'FBA' else 'MFN',
        }

    def _token(self, number: int) -> str:
        digest = hashlib.sha256(f'{self.profile.seller_id} {number}'.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode()[:22]


def _to_money(value: Amount, currency: str) -> Decimal:
    """Return an amount with the decimals of a currency.

    :raise ValueError: the value has more
    """
    amount = Decimal(value).quantize(minor_unit(currency))
    if amount != Decimal(value):
        raise ValueError(f'{value} is no amount of {currency}')
    return amount
