"""A seller's money as the Finances and Transfers APIs show it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from .finance_oddities import PAYOUT_ODDITIES, TRANSACTION_ODDITIES
from .marketplaces import Marketplace, find_marketplace
from .money import MoneyEvent, MoneyRow
from .orders import ZERO, Order
from .rendering import to_iso
from .settlements import PERIOD, PREVIOUS_RESERVE, UNSUCCESSFUL, MoneyOwner, Settlement
from .transactions import (
    ACCOUNT_TYPE,
    DESCRIPTIONS,
    Transaction,
    as_money,
    list_event,
    make_id,
    render_transaction,
)

Json = dict[str, Any]

DEFERRAL_REASONS = ('DD7', 'B2B')
DEFERRED_FOR = timedelta(days=7)
BALANCE_TYPES = ('AVAILABLE', 'RESERVED', 'ACCOUNT_LEVEL_RESERVE', 'DEFERRED', 'TOTAL')
# Payouts call the account otherwise than transactions do.
PAYOUT_ACCOUNT_TYPE = 'STANDARD_ORDERS'
STARTED, IN_TRANSIT, PAID = 'STARTED', 'IN_TRANSIT', 'PAID'
FAILED, NO_PAYOUT = 'FAILED', 'NO_PAYOUT'
# A transfer is on its way so long after it was begun.
SENT_AFTER = timedelta(hours=6)
EXPECTED_STATUSES = ('SCHEDULED', 'DISABLED', 'AT_RISK', 'NO_PAYOUT_EXPECTED')
BANK, RAIL = 'BANK_ACCOUNT', 'SEPA'
TRACE_LENGTH = 15


@dataclass(frozen=True)
class Balance:
    """What Amazon owes for a marketplace.

    :param deferred: what is not released yet; `reserve` what Amazon keeps back of the account
    """
    available: Decimal
    deferred: Decimal
    reserve: Decimal

    def as_json(self, kind: str, currency: str) -> Json:
        """Return a type of balance with those that it consists of."""
        amounts = {
            'AVAILABLE': self.available,
            'DEFERRED': self.deferred,
            'ACCOUNT_LEVEL_RESERVE': self.reserve,
            'RESERVED': self.deferred + self.reserve,
            'TOTAL': self.available + self.deferred + self.reserve,
        }
        parts = {
            'TOTAL': ('AVAILABLE', 'RESERVED'), 'RESERVED': ('DEFERRED', 'ACCOUNT_LEVEL_RESERVE'),
        }.get(kind, ())
        payload: Json = {'balanceType': kind, 'amount': as_money(amounts[kind], currency)}
        if parts:
            payload['balances'] = [self.as_json(part, currency) for part in parts]
        return payload


class _Profile(Protocol):
    seller_id: str


class FinanceOwner(MoneyOwner):
    """The money of a seller, who tells of it beside the documents of settlements, too.

    `finances_lag` is how many hours a transaction stays unseen. `expected_payout` is the status of
    what is expected, where there is something to expect.
    """
    orders: dict[str, Order]
    profile: _Profile

    def clear_finances(self) -> None:
        """Tell of everything at once, as it is."""
        self.finances_lag = 0.0
        self.expected_payout = EXPECTED_STATUSES[0]
        self._odd_transactions: dict[str, str] = {}
        self._odd_payouts = ''
        self._paid_at: dict[str, datetime] = {}

    # === DEFERRED MONEY === #

    def defer(
        self, order: Order | str, reason: str = 'DD7', until: datetime | None = None,
    ) -> list[MoneyEvent]:
        """Hold back what an order has brought in so far, and is not paid out.

        :param reason: 'DD7', until seven days after the delivery, or 'B2B', until it is paid for
        :param until: when it is released by itself, in seven days unless told
        :raise ValueError: the reason is unknown, or nothing is left to hold back
        """
        if reason not in DEFERRAL_REASONS:
            raise ValueError(f'Unknown reason {reason}')
        with self._lock:
            events = self._open_events(order)
            for event in events:
                event.hold_reason = reason
                event.held_until = until or self.clock.now() + DEFERRED_FOR
            return events

    def release(self, order: Order | str, at: datetime | None = None) -> list[MoneyEvent]:
        """Release what is held back of an order, now unless told.

        :raise ValueError: nothing is
        """
        with self._lock:
            moment = at or self.clock.now()
            events = [
                event for event in self._open_events(order)
                if event.held_until and event.held_until > moment
            ]
            if not events:
                raise ValueError('Nothing is held back')
            for event in events:
                event.held_until = moment
            return events

    def _open_events(self, order: Order | str) -> list[MoneyEvent]:
        order_id = self.get_order(order).order_id
        events = [it for it in self.money if it.order_id == order_id and not it.settlement_id]
        if not events:
            raise ValueError(f'Order {order_id} has no money that is not paid out')
        return events

    # === TRANSACTIONS === #

    def set_transaction_oddity(self, name: str = '', order: Order | str | None = None) -> None:
        """Falsify transactions; without a name the truth is told again.

        :param name: a key of `TRANSACTION_ODDITIES`
        :param order: the order whose transactions are meant, all unless told
        :raise ValueError: there is no such oddity
        """
        if name and name not in TRANSACTION_ODDITIES:
            raise ValueError(f'Unknown oddity {name}')
        self._odd_transactions['' if order is None else self.get_order(order).order_id] = name

    def list_transactions(
        self, until: datetime, since: datetime | None = None,
    ) -> list[Transaction]:
        """Return what was posted until a time, not before another one; the oldest first."""
        seller_id, now = self.profile.seller_id, self.clock.now()
        found = [
            transaction
            for event in (*self.money, *self._walk_disbursements())
            if since is None or event.due >= since
            for transaction in list_event(event, seller_id, now)
            if transaction.posted <= until and (since is None or transaction.posted >= since)
        ]
        return sorted(found, key=lambda it: (it.posted, it.event.event_id, it.status))

    def newest_posting(self) -> datetime | None:
        """Return when the newest transaction was posted, None when there is none."""
        now = self.clock.now()
        events = (*self.money, *self._walk_disbursements())
        moments = (moment for event in events for moment in (event.posted, event.due))
        return max((moment for moment in moments if moment <= now), default=None)

    def render_transaction(self, transaction: Transaction) -> Json:
        """Return a transaction as `listTransactions` shows it."""
        event = transaction.event
        payload = render_transaction(
            transaction, self.profile.seller_id, self._home(event.currency),
            self.orders.get(event.order_id),
        )
        name = self._odd_transactions.get(event.order_id) or self._odd_transactions.get('')
        if name:
            TRANSACTION_ODDITIES[name](payload)
        return payload

    def _walk_disbursements(self) -> Iterator[MoneyEvent]:
        """Yield the transfers to the bank, of which settlements have no lines."""
        for settlement in self.settlements:
            if settlement.total > 0:
                row = MoneyRow('', DESCRIPTIONS['Transfer'], -settlement.total)
                yield MoneyEvent(
                    f'T{settlement.settlement_id}', 'Transfer', '', settlement.currency,
                    settlement.end, [row], settlement_id=settlement.settlement_id,
                )

    def _home(self, currency: str) -> Marketplace:
        """Return the marketplace of what concerns the whole account of a currency."""
        places = [find_marketplace(id_) for id_ in self.marketplace_ids]
        return next((place for place in places if place.currency == currency), places[0])

    # === BALANCES === #

    def find_balance(self, marketplace: Marketplace, at: datetime) -> Balance:
        """Return what Amazon owed for a marketplace at a time."""
        ends = {settlement.settlement_id: settlement.end for settlement in self.settlements}
        available = deferred = reserve = ZERO
        for event in self.money:
            place = event.marketplace or self._home(event.currency)
            is_open = not event.settlement_id or ends[event.settlement_id] > at
            if place.id != marketplace.id or event.posted > at or not is_open:
                continue
            if event.due > at:
                deferred += event.total
            elif any(row.description == PREVIOUS_RESERVE for row in event.rows):
                reserve += event.total
            else:
                available += event.total
        return Balance(available, deferred, reserve)

    def render_balance(
        self, marketplace: Marketplace, kind: str, at: datetime, as_of: str = '',
    ) -> Json:
        """Return a balance as `listBalances` shows it.

        :param as_of: the day that was asked for, if any
        """
        return {
            'partnerMetadata': self._partner(marketplace, ACCOUNT_TYPE),
            **self.find_balance(marketplace, at).as_json(kind, marketplace.currency),
            **({'asOfDate': as_of} if as_of else {'lastUpdatedTime': to_iso(at)}),
        }

    # === PAYOUTS === #

    def set_payout_oddity(self, name: str = '') -> None:
        """Falsify payouts, also expected ones; without a name the truth is told again.

        :param name: a key of `PAYOUT_ODDITIES`
        :raise ValueError: there is no such oddity
        """
        if name and name not in PAYOUT_ODDITIES:
            raise ValueError(f'Unknown oddity {name}')
        self._odd_payouts = name

    def expect_payouts(self, status: str = EXPECTED_STATUSES[0]) -> None:
        """Let Amazon see more or less light ahead for what is still to be paid out.

        :param status: one of `EXPECTED_STATUSES`
        :raise ValueError: there is no such status
        """
        if status not in EXPECTED_STATUSES:
            raise ValueError(f'Unknown status {status}')
        self.expected_payout = status

    def arrive(self, settlement: Settlement | str, at: datetime | None = None) -> Settlement:
        """Let the money of a settlement arrive at the bank earlier or later than announced.

        :raise ValueError: none is on its way
        """
        with self._lock:
            found = self.find_settlement(settlement)
            if found.total <= 0 or found.failure:
                raise ValueError(f'Settlement {found.settlement_id} has no transfer')
            self._paid_at[found.settlement_id] = at or self.clock.now()
            return found

    def fail_payout(
        self, settlement: Settlement | str, reason: str = 'Invalid bank account',
        at: datetime | None = None,
    ) -> Settlement:
        """Let the transfer of a settlement fail; its money comes with a settlement to come.

        :raise ValueError: none is on its way
        """
        self.fail_transfer(settlement, reason, at)
        return self.find_settlement(settlement)

    def render_payout(self, settlement: Settlement) -> Json:
        """Return what became of a settlement's money, as `listPayouts` shows it."""
        history = self._payout_history(settlement)
        payload: Json = {
            'id': self.payout_id(settlement),
            'partnerMetadata': self._partner(
                self._home(settlement.currency), PAYOUT_ACCOUNT_TYPE,
            ),
            'currentStatus': history[-1]['status'],
            'statusHistory': history,
            'creationDate': to_iso(settlement.end),
            'period': {'startDate': to_iso(settlement.start), 'endDate': to_iso(settlement.end)},
            'relatedIdentifiers': _settlement_identifier(settlement.settlement_id),
        }
        if settlement.total > 0:
            payload |= {
                'type': 'SCHEDULED',
                'amount': as_money(settlement.total, settlement.currency),
                'accountTail': self._account_tail(settlement.currency),
                'paymentMethod': BANK,
                'paymentRail': RAIL,
            }
            if len(history) > 1:
                payload['traceId'] = self.trace_id(settlement)
        if self._odd_payouts:
            PAYOUT_ODDITIES[self._odd_payouts](payload)
        return payload

    def _payout_history(self, settlement: Settlement) -> list[Json]:
        if settlement.total <= 0:
            return [_status(NO_PAYOUT, settlement.end)]
        failed_at = self._failed_at(settlement)
        paid_at = self._paid_at.get(settlement.settlement_id, settlement.deposit)
        steps = [
            (STARTED, settlement.end),
            (IN_TRANSIT, min(settlement.end + SENT_AFTER, paid_at)),
            (PAID, paid_at),
        ]
        until = min(failed_at or self.clock.now(), self.clock.now())
        history = [_status(name, moment) for name, moment in steps if moment <= until]
        history = history or [_status(STARTED, settlement.end)]
        if failed_at and failed_at <= self.clock.now():
            # Banks send back what has arrived, too.
            history.append({**_status(FAILED, failed_at), 'failureReason': settlement.failure})
        return history

    def _failed_at(self, settlement: Settlement) -> datetime | None:
        """Return when a settlement's money came back to Amazon, None when it has not."""
        if not settlement.failure:
            return None
        description = UNSUCCESSFUL.format(reason=settlement.failure)
        return next(
            event.posted for event in self.money
            if event.total == settlement.total and event.rows[0].description == description
        )

    def payout_id(self, settlement: Settlement) -> str:
        """Return the id of a settlement's payout, which is another one than the settlement's."""
        return str(10**10 + zlib.crc32(settlement.settlement_id.encode()))

    def trace_id(self, settlement: Settlement) -> str:
        """Return what the bank's statement names a settlement's transfer by."""
        token = make_id(self.profile.seller_id, settlement.settlement_id, 'trace')
        return token.upper().replace('-', '0').replace('_', '1')[:TRACE_LENGTH]

    def render_expected_payout(self, currency: str) -> Json:
        """Return what the open period of a currency may bring, as `listExpectedPayouts` shows it.

        Nothing is expected where nothing is owed.
        """
        now, home = self.clock.now(), self._home(currency)
        start = self._open_since(currency)
        owed = sum((
            event.total for event in self.money
            if event.currency == currency and not event.settlement_id and event.due <= now
        ), ZERO)
        status = self.expected_payout if owed > 0 else EXPECTED_STATUSES[-1]
        payload: Json = {
            'partnerMetadata': self._partner(home, PAYOUT_ACCOUNT_TYPE),
            'status': status,
            'period': {'startDate': to_iso(start), 'endDate': to_iso(start + PERIOD)},
        }
        if status != EXPECTED_STATUSES[-1]:
            payload |= {
                'amount': as_money(owed, currency),
                'scheduledDate': to_iso(start + PERIOD),
                'accountTail': self._account_tail(currency),
                'paymentMethod': BANK,
            }
        if self._odd_payouts:
            PAYOUT_ODDITIES[self._odd_payouts](payload)
        return payload

    def _open_since(self, currency: str) -> datetime:
        ends = [it.end for it in self.settlements if it.currency == currency]
        posted = [
            it.posted for it in self.money if it.currency == currency and not it.settlement_id
        ]
        return max(ends, default=min(posted, default=self.clock.now()))

    def _account_tail(self, currency: str) -> str:
        return f'{zlib.crc32(currency.encode()) % 1000:03d}'

    def _partner(self, marketplace: Marketplace, account_type: str) -> Json:
        return {
            'partnerId': self.profile.seller_id,
            'accountType': account_type,
            'marketplaceId': marketplace.id,
        }


def _status(name: str, moment: datetime) -> Json:
    return {'status': name, 'lastUpdatedDate': to_iso(moment)}


def _settlement_identifier(settlement_id: str) -> list[Json]:
    return [{
        'relatedIdentifierName': 'SETTLEMENT_ID', 'relatedIdentifierValue': settlement_id,
    }]
