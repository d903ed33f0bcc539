"""What Amazon owes the seller, and why.

Source of every call and field: the Finances API v2024-06-19.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from sp_api.api.finances.finances_2024_06_19 import FinancesV20240619

from .client import Client
from .errors import Malformed
from .limits import RATES, SIZES, Rate
from .money import Money, format_time, read_identifiers, read_money
from .payload import MAX_NOTES, Node

TRANSACTIONS_OPERATION = 'listTransactions'
BALANCES_OPERATION = 'listBalances'
RATES.update({
    TRANSACTIONS_OPERATION: Rate(0.5, 10),
    BALANCES_OPERATION: Rate(0.5, 10),
})
SIZES[TRANSACTIONS_OPERATION] = 16 * 2**20
SIZES[BALANCES_OPERATION] = 4 * 2**20
SHORT_PERIOD = timedelta(hours=1)
NOT_YET = timedelta(minutes=10)  # Amazon wants two of them, by its own clock.
MAX_PERIOD = timedelta(days=180)

# A deferred transaction keeps its id when it is released, and becomes DEFERRED_RELEASED. What is
# RELEASED then is another transaction, of the same money.
DEFERRED, RELEASED, DEFERRED_RELEASED = 'DEFERRED', 'RELEASED', 'DEFERRED_RELEASED'


@dataclass(frozen=True)
class TransactionItem:
    """An item in a transaction."""

    sku: str
    asin: str
    quantity: int | None  # that of the order, also where fewer are refunded
    total: Money | None
    leaves: tuple[tuple[str, Decimal], ...]  # as those of the transaction
    adjustment_item_ref: str


@dataclass(frozen=True)
class Transaction:
    """Money that has moved between Amazon and the seller. Absent texts are empty."""

    transaction_id: str
    type: str  # Amazon's word, such as Shipment or Refund
    status: str  # DEFERRED, RELEASED, DEFERRED_RELEASED, or newer than this code; may be empty
    description: str
    posted_at: datetime  # UTC, aware
    total: Money | None
    identifiers: Mapping[str, str]  # by Amazon's names, such as ORDER_ID
    marketplace_id: str
    marketplace_name: str
    items: tuple[TransactionItem, ...]
    # What the total comes to, without sums of it: the types from the outermost to the innermost,
    # with slashes between, and the amounts in the total's currency. Beside those of the items, not
    # in addition to them.
    leaves: tuple[tuple[str, Decimal], ...]
    maturity_at: datetime | None  # when what is deferred is released; UTC, aware
    deferral_reason: str  # such as B2B, or DD7 for days after the delivery

    @property
    def order_ref(self) -> str:
        """Amazon's id of the order."""
        return self.identifiers.get('ORDER_ID', '')

    @property
    def refund_ref(self) -> str:
        """Amazon's id of the refund."""
        return self.identifiers.get('REFUND_ID', '')

    @property
    def settlement_ref(self) -> str:
        """The id of the settlement that the money is in, empty as long as it is in none."""
        return self.identifiers.get('SETTLEMENT_ID', '')

    @property
    def deferred_ref(self) -> str:
        """The id of the deferred transaction that this one releases."""
        return self.identifiers.get('DEFERRED_TRANSACTION_ID', '')

    @property
    def release_ref(self) -> str:
        """The id of the transaction that releases this one, which is deferred."""
        return self.identifiers.get('RELEASE_TRANSACTION_ID', '')


@dataclass(frozen=True)
class TransactionPage:
    """A page of transactions, which may have none though others follow."""

    transactions: tuple[Transaction, ...]
    next_token: str  # empty on the last page
    notes: tuple[str, ...] = ()  # what could not be read, the first ones
    left_out: int = 0  # how many transactions could not be read at all


@dataclass(frozen=True)
class Balance:
    """What Amazon holds for the seller. Those of some types are parts of those of others."""

    type: str  # AVAILABLE, DEFERRED, ACCOUNT_LEVEL_RESERVE, RESERVED (both of them), TOTAL, or new
    amount: Money
    marketplace_id: str
    account_type: str
    updated_at: datetime | None  # UTC, aware


@dataclass(frozen=True)
class BalancePage:
    """A page of balances."""

    balances: tuple[Balance, ...]
    next_token: str  # empty on the last page
    notes: tuple[str, ...] = ()  # what could not be read, the first ones


# === TRANSACTIONS === #

def fetch_few_transactions(client: Client) -> dict[str, Any]:
    """Ask Amazon for what was posted within a short time, which may be nothing at all.

    It proves that Amazon lets the application see it. Source: `listTransactions`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    until = datetime.now(timezone.utc) - NOT_YET
    return client.call(
        TRANSACTIONS_OPERATION,
        FinancesV20240619.list_transactions,
        postedAfter=(until - SHORT_PERIOD).isoformat(timespec='seconds'),
        postedBefore=until.isoformat(timespec='seconds'),
    )


def fetch_transactions_page(
    client: Client,
    posted_after: datetime | None = None,
    posted_before: datetime | None = None,
    next_token: str = '',
    order_id: str = '',
    status: str = '',
) -> dict[str, Any]:
    """Ask Amazon for transactions; see :func:`parse_transactions`.

    Source: `listTransactions`. Those of the last two days may be missing.

    :param posted_after: Aware. Needed unless an order is named.
    :param posted_before: Aware; at least `NOT_YET` ago, and at most `MAX_PERIOD` later.
    :param next_token: That of the page before, whose other arguments are to be repeated.
    :param order_id: Only those of this order.
    :param status: Only those of this status.
    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(
        TRANSACTIONS_OPERATION,
        FinancesV20240619.list_transactions,
        postedAfter=format_time(posted_after),
        postedBefore=format_time(posted_before),
        transactionStatus=status or None,
        relatedIdentifierName='ORDER_ID' if order_id else None,
        relatedIdentifierValue=order_id or None,
        nextToken=next_token or None,
    )


def parse_transactions(payload: Mapping[str, Any]) -> TransactionPage:
    """Return the transactions in an answer of `listTransactions`, without those that are broken.

    :raise Malformed: If it is no page of transactions.
    """
    notes: list[str] = []
    content = Node(payload, '', TRANSACTIONS_OPERATION, notes).child('payload', required=True)
    content.entries('transactions')
    transactions, broken = [], []
    for entry in content.peek_children('transactions'):
        try:
            transactions.append(_parse_transaction(entry))
        except Malformed as error:
            broken.append(error.message)
    next_token = content.peek_text('nextToken', max_length=None)
    return TransactionPage(
        tuple(transactions), next_token, tuple([*broken, *notes][:MAX_NOTES]), len(broken),
    )


def _parse_transaction(entry: Node) -> Transaction:
    total = read_money(entry, 'totalAmount')
    currency = total.currency if total else ''
    marketplace, seller = entry.peek('marketplaceDetails'), entry.peek('sellingPartnerMetadata')
    items = entry.peek_children('items')
    contexts = [
        context for node in (entry, *items) for context in node.peek_children('contexts')
    ]
    return Transaction(
        transaction_id=entry.text('transactionId', required=True),
        type=entry.text('transactionType', required=True),
        status=entry.peek_text('transactionStatus').upper(),
        description=entry.peek_text('description'),
        posted_at=entry.time('postedDate', required=True),
        total=total,
        identifiers=read_identifiers(entry.peek_children('relatedIdentifiers')),
        marketplace_id=marketplace.peek_text('marketplaceId') or seller.peek_text('marketplaceId'),
        marketplace_name=marketplace.peek_text('marketplaceName'),
        items=tuple(_parse_item(item, currency) for item in items),
        leaves=tuple(_iterate_leaves(entry, currency)),
        maturity_at=next(
            (moment for context in contexts if (moment := context.peek_time('maturityDate'))), None,
        ),
        deferral_reason=_find_text(contexts, 'deferralReason'),
    )


def _parse_item(item: Node, currency: str) -> TransactionItem:
    contexts = item.peek_children('contexts')
    quantities = (context.peek_count('quantityShipped') for context in contexts)
    identifiers = read_identifiers(
        item.peek_children('relatedIdentifiers'), 'itemRelatedIdentifier',
    )
    return TransactionItem(
        sku=_find_text(contexts, 'sku'),
        asin=_find_text(contexts, 'asin'),
        quantity=next((quantity for quantity in quantities if quantity is not None), None),
        total=read_money(item, 'totalAmount', currency),
        leaves=tuple(_iterate_leaves(item, currency)),
        adjustment_item_ref=identifiers.get('ORDER_ADJUSTMENT_ITEM_ID', ''),
    )


def _find_text(nodes: Sequence[Node], key: str) -> str:
    """Return the first text that one of several objects has at a key, empty if none has."""
    return next((text for node in nodes if (text := node.peek_text(key))), '')


def _iterate_leaves(node: Node, currency: str, path: str = '') -> Iterator[tuple[str, Decimal]]:
    """Yield the breakdowns that are not broken down themselves: their types, and amounts.

    :param currency: That of the total, if it is known.
    :raise Malformed: If an amount cannot be read.
    """
    node.entries('breakdowns')
    for part in node.peek_children('breakdowns'):
        name = part.peek_text('breakdownType')
        way = f'{path}/{name}' if path else name
        amount = read_money(part, 'breakdownAmount', currency)
        if part.entries('breakdowns'):
            yield from _iterate_leaves(part, currency, way)
        elif amount:
            yield way, amount.amount


# === BALANCES === #

def fetch_balances_page(client: Client, next_token: str = '') -> dict[str, Any]:
    """Ask Amazon what it holds right now, of all marketplaces; see :func:`parse_balances`.

    Source: `listBalances`.

    :param next_token: That of the page before.
    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(BALANCES_OPERATION, _request_balances, nextToken=next_token or None)


def parse_balances(payload: Mapping[str, Any]) -> BalancePage:
    """Return the balances in an answer of `listBalances`, and those that they consist of.

    :raise Malformed: If it is no page of balances.
    """
    notes: list[str] = []
    root = Node(payload, '', BALANCES_OPERATION, notes)
    root.entries('balances', required=True)
    balances = tuple(_iterate_balances(root, '', ''))
    return BalancePage(balances, root.peek_text('nextToken', max_length=None), tuple(notes))


def _request_balances(api: Any, **params: Any) -> Any:
    """Ask for what the library does not know yet."""
    return api._request('/finances/2024-06-19/balances', params=params)


def _iterate_balances(node: Node, marketplace_id: str, account_type: str) -> Iterator[Balance]:
    """Yield the balances below a node, which have the marketplace of theirs if none is named."""
    for entry in node.peek_children('balances'):
        owner = entry.peek('partnerMetadata')
        own_marketplace = owner.peek_text('marketplaceId') or marketplace_id
        own_type = owner.peek_text('accountType') or account_type
        try:
            amount, kind = read_money(entry, 'amount'), entry.text('balanceType', required=True)
        except Malformed as error:
            entry.note(error.field.rpartition('.')[2], error.problem)
        else:
            if amount:
                updated_at = entry.peek_time('lastUpdatedTime') or entry.peek_time('asOfDate')
                yield Balance(kind.upper(), amount, own_marketplace, own_type, updated_at)
        yield from _iterate_balances(entry, own_marketplace, own_type)
