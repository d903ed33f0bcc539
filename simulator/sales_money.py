"""The money of what a seller sold: what Amazon owes for it, and what buyers were given back."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from .marketplaces import minor_unit
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

REFUND_KINDS = ('Refund', 'Chargeback Refund', 'A-to-z Guarantee Refund')


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


class SalesOwner:
    """The money of a seller's orders.

    `money` has all events, in the order of their making. What is shipped is posted by itself. With
    `posts_each_piece` every piece is posted apart, so that lines are the same to the last cell.
    """
    clock: _Clock
    profile: _Profile
    get_order: Callable[[Order | str], Order]
    _lock: threading.RLock

    def clear_sales_money(self) -> None:
        """Start anew, with nothing owed."""
        self.money: list[MoneyEvent] = []
        self.posts_each_piece = False
        self._item_money: dict[tuple[str, str], _ItemMoney] = {}

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
                MoneyRow(PRICE, name, sign * to_money(extra, currency), named.sku, named.item_id)
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
                share, quantity = share_of(left, to_money(asked, currency), currency), 0
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
            amount = to_money(tax, order.marketplace.currency) * (-1 if is_refund else 1)
            return self._post(
                'Retrocharge', 'Refund_Retrocharge' if is_refund else 'Order_Retrocharge',
                order.marketplace.currency,
                [
                    MoneyRow(PRICE, 'Tax', amount),
                    MoneyRow(WITHHELD, 'MarketplaceFacilitatorTax-Principal', -amount),
                ],
                at, **values,
            )

    # === HELPERS === #

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


def to_money(value: Amount, currency: str) -> Decimal:
    """Return an amount with the decimals of a currency.

    :raise ValueError: the value has more
    """
    amount = Decimal(value).quantize(minor_unit(currency))
    if amount != Decimal(value):
        raise ValueError(f'{value} is no amount of {currency}')
    return amount
