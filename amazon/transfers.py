"""What Amazon has paid out to the seller's bank, and what it is about to.

Source of every call and field: the Transfers API v2024-06-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .client import Client
from .errors import Malformed
from .limits import RATES, SIZES, Rate
from .money import Money, format_time, read_money
from .payload import MAX_NOTES, Node

PAYOUTS_OPERATION = 'listPayouts'
EXPECTED_OPERATION = 'listExpectedPayouts'
RATES.update({
    PAYOUTS_OPERATION: Rate(0.5, 10),
    EXPECTED_OPERATION: Rate(0.5, 10),
})
SIZES.update({
    PAYOUTS_OPERATION: 4 * 2**20,
    EXPECTED_OPERATION: 4 * 2**20,
})
PATH = '/finances/transfers/2024-06-01/payouts'

PAID, FAILED, CANCELLED, NO_PAYOUT = 'PAID', 'FAILED', 'CANCELLED', 'NO_PAYOUT'


@dataclass(frozen=True)
class Payout:
    """A transfer to the seller's bank, or that there was none. Absent texts are empty."""

    payout_id: str
    status: str  # STARTED, IN_TRANSIT, PAID, FAILED, CANCELLED, NO_PAYOUT, or newer than this code
    type: str  # SCHEDULED or ON_DEMAND
    amount: Money | None
    created_at: datetime | None  # UTC, aware, as the others
    trace_id: str  # the banks' own id of the transfer
    account_tail: str  # the last digits of the bank account
    payment_method: str  # BANK_ACCOUNT or DEBIT_CARD
    settlement_refs: tuple[str, ...]
    period_start: datetime | None
    period_end: datetime | None
    failure_reason: str
    status_at: datetime | None
    marketplace_id: str


@dataclass(frozen=True)
class ExpectedPayout:
    """A transfer that Amazon has scheduled, or why there is to be none."""

    status: str  # SCHEDULED, DISABLED, AT_RISK, NO_PAYOUT_EXPECTED, or newer than this code
    amount: Money | None
    scheduled_at: datetime | None  # UTC, aware, as the others
    settlement_refs: tuple[str, ...]
    marketplace_id: str
    period_start: datetime | None
    period_end: datetime | None
    account_tail: str
    payment_method: str


@dataclass(frozen=True)
class PayoutPage:
    """A page of payouts, which may have none though others follow."""

    payouts: tuple[Payout, ...]
    next_token: str  # empty on the last page
    notes: tuple[str, ...] = ()  # what could not be read, the first ones


@dataclass(frozen=True)
class ExpectedPayoutPage:
    """A page of expected payouts, which may have none though others follow."""

    payouts: tuple[ExpectedPayout, ...]
    next_token: str  # empty on the last page
    notes: tuple[str, ...] = ()  # what could not be read, the first ones


def fetch_payouts_page(
    client: Client, created_after: datetime, next_token: str = ''
) -> dict[str, Any]:
    """Ask Amazon for payouts of all marketplaces; see :func:`parse_payouts`.

    Source: `listPayouts`.

    :param created_after: Aware.
    :param next_token: That of the page before, whose other arguments are to be repeated.
    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(
        PAYOUTS_OPERATION,
        _request_payouts,
        createdAfter=format_time(created_after),
        nextToken=next_token or None,
    )


def parse_payouts(payload: Mapping[str, Any]) -> PayoutPage:
    """Return the payouts in an answer of `listPayouts`, without those that are broken.

    :raise Malformed: If it is no page of payouts.
    """
    notes: list[str] = []
    root = Node(payload, '', PAYOUTS_OPERATION, notes)
    root.entries('payouts', required=True)
    payouts, broken = [], []
    for entry in root.peek_children('payouts'):
        try:
            payouts.append(_parse_payout(entry))
        except Malformed as error:
            broken.append(error.message)
    return PayoutPage(
        payouts=tuple(payouts),
        next_token=root.peek_text('nextToken', max_length=None),
        notes=tuple([*broken, *notes][:MAX_NOTES]),
    )


def fetch_expected_payouts_page(client: Client, next_token: str = '') -> dict[str, Any]:
    """Ask Amazon what it is about to pay out; see :func:`parse_expected_payouts`.

    Source: `listExpectedPayouts`.

    :param next_token: That of the page before.
    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(
        EXPECTED_OPERATION, _request_expected_payouts, nextToken=next_token or None,
    )


def parse_expected_payouts(payload: Mapping[str, Any]) -> ExpectedPayoutPage:
    """Return the payouts in an answer of `listExpectedPayouts`, without those that are broken.

    :raise Malformed: If it is no page of expected payouts.
    """
    notes: list[str] = []
    root = Node(payload, '', EXPECTED_OPERATION, notes)
    root.entries('expectedPayouts', required=True)
    payouts, broken = [], []
    for entry in root.peek_children('expectedPayouts'):
        try:
            payouts.append(_parse_expected_payout(entry))
        except Malformed as error:
            broken.append(error.message)
    return ExpectedPayoutPage(
        payouts=tuple(payouts),
        next_token=root.peek_text('nextToken', max_length=None),
        notes=tuple([*broken, *notes][:MAX_NOTES]),
    )


def _request_payouts(api: Any, **params: Any) -> Any:
    """Ask for what the library does not know yet."""
    return api._request(PATH, params=params)


def _request_expected_payouts(api: Any, **params: Any) -> Any:
    """Ask for what the library does not know yet."""
    return api._request(f'{PATH}/expected', params=params)


def _parse_payout(entry: Node) -> Payout:
    status = entry.text('currentStatus', required=True).upper()
    history = [
        (step.peek_time('lastUpdatedDate'), step.peek_text('failureReason'))
        for step in entry.peek_children('statusHistory')
        if step.peek_text('status').upper() == status
    ]
    moments = [moment for moment, _reason in history if moment]
    reasons = [reason for _moment, reason in history if reason]
    return Payout(
        payout_id=entry.text('id', required=True),
        status=status,
        type=entry.peek_text('type').upper(),
        amount=read_money(entry, 'amount'),
        created_at=entry.peek_time('creationDate'),
        trace_id=entry.peek_text('traceId'),
        account_tail=entry.peek_text('accountTail'),
        payment_method=entry.peek_text('paymentMethod').upper(),
        settlement_refs=_read_settlement_refs(entry),
        period_start=entry.peek_time('period', 'startDate'),
        period_end=entry.peek_time('period', 'endDate'),
        failure_reason=reasons[-1] if reasons else '',
        status_at=max(moments, default=None),
        marketplace_id=entry.peek_text('partnerMetadata', 'marketplaceId'),
    )


def _parse_expected_payout(entry: Node) -> ExpectedPayout:
    return ExpectedPayout(
        status=entry.text('status', required=True).upper(),
        amount=read_money(entry, 'amount'),
        scheduled_at=entry.peek_time('scheduledDate'),
        settlement_refs=_read_settlement_refs(entry),
        marketplace_id=entry.peek_text('partnerMetadata', 'marketplaceId'),
        period_start=entry.peek_time('period', 'startDate'),
        period_end=entry.peek_time('period', 'endDate'),
        account_tail=entry.peek_text('accountTail'),
        payment_method=entry.peek_text('paymentMethod').upper(),
    )


def _read_settlement_refs(entry: Node) -> tuple[str, ...]:
    refs = dict.fromkeys(
        node.peek_text('relatedIdentifierValue')
        for node in entry.peek_children('relatedIdentifiers')
        if node.peek_text('relatedIdentifierName').upper() == 'SETTLEMENT_ID'
    )
    return tuple(ref for ref in refs if ref)
