"""The money of a seller: what Amazon owes, and how it pays that out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .marketplaces import find_marketplace, minor_unit
from .money import MoneyEvent, MoneyRow
from .money_rows import FEES, PRICE
from .orders import ZERO, Amount, Order
from .rendering import to_iso
from .sales_money import SalesOwner, to_money

OTHER = 'other-transaction'
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


class MoneyOwner(SalesOwner):
    """The money of a seller, who has a period of settlement for each currency.

    `settlements` has all of them, in the order of their making. What is posted is paid out when the
    period is closed.
    """
    marketplace_ids: list[str]
    _publish: Callable[..., str]

    def clear_money(self) -> None:
        """Start anew, with nothing owed."""
        self.clear_sales_money()
        self.settlements: list[Settlement] = []
        self._reserves: dict[str, Decimal] = {}

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
            amount_type, description.format(text=text), -to_money(amount, currency),
            is_short=kind in SHORT_CHARGES,
        )]
        if tax is not None:
            rows.append(MoneyRow(amount_type, TAX_ON_FEE, -to_money(tax, currency)))
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
            'FBA Inventory Reimbursement', reason, to_money(amount, currency), sku,
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
            MoneyRow(PRICE, 'Principal', to_money(amount, currency), sku, is_short=True),
            MoneyRow(
                FEES, 'LiquidationsBrokerageFee', -to_money(fee, currency), sku, is_short=True,
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
        value = to_money(amount, currency)
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
            amount_type, description, to_money(amount, currency), sku, quantity=quantity,
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
        self._reserves[currency] = to_money(amount, currency)

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
