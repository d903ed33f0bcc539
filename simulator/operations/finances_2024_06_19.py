"""Finances v2024-06-19: what was posted, and what Amazon owes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError, json_response
from ..finances import BALANCE_TYPES
from ..inputs import query_choices, query_marketplaces, query_moment, query_text
from ..marketplaces import find_marketplace, is_marketplace
from ..roles import ROLE_FINANCES
from ..transactions import ACCOUNT_TYPE, STATUSES, Transaction
from ..world import POSTING_LAG

RELATED_IDENTIFIERS = ('FINANCIAL_EVENT_GROUP_ID', 'ORDER_ID', 'SETTLEMENT_ID')
# Over a longer time nothing is found.
MAX_SPAN = timedelta(days=180)


@dataclass(frozen=True)
class _Search:
    """What a list of transactions is about.

    :param parameters: the query, but for its token
    :param was_empty: whether the page before was an empty one
    """
    parameters: dict[str, str]
    was_empty: bool = False


def _list_transactions(call: Call) -> Response:
    world = call.world
    world.show_newest_money(call.seller)
    token = query_text(call.query, 'nextToken')
    parameters = {name: value for name, value in call.query.items() if name != 'nextToken'}
    search = _Search(parameters)
    found = _find_transactions(call)
    if token is not None:
        rest = world.finance_rests.resume(call.seller, token)
        if not isinstance(rest.about, _Search):
            raise ApiError.invalid('The nextToken is not valid.')
        found, search = rest.entries, rest.about
        if search.parameters != parameters:
            raise ApiError.invalid(
                'The parameters differ from those of the request that returned nextToken.',
            )
    is_empty = world.has_empty_finance_pages and not search.was_empty and bool(found)
    size = 0 if is_empty else world.finance_page_size
    payload: dict[str, Any] = {
        'transactions': [call.seller.render_transaction(entry) for entry in found[:size]],
    }
    if found[size:]:
        payload['nextToken'] = world.finance_rests.suspend(
            call.seller, found[size:], _Search(parameters, is_empty),
        )
    return json_response({'payload': payload})


def _find_transactions(call: Call) -> list[Transaction]:
    """Return the transactions that the query asks for, the oldest first.

    :raise ApiError: the query is not valid
    """
    related = _related_identifier(call)
    after = query_moment(call.query, 'postedAfter')
    before = query_moment(call.query, 'postedBefore')
    if after is None and related is None:
        words = 'Start date cannot be null'  # as Amazon's model says it
        raise ApiError(400, 'InvalidInput', words, words)
    newest = call.world.clock.now() - POSTING_LAG
    for name, moment in (('postedAfter', after), ('postedBefore', before)):
        if moment is not None and moment > newest:
            raise ApiError.invalid(f'{name} is less than two minutes before the request.')
    if after is not None and before is not None and before <= after:
        raise ApiError.invalid('postedBefore is not later than postedAfter.')
    statuses = query_choices(call.query, 'transactionStatus', STATUSES)
    marketplace = query_text(call.query, 'marketplaceId')
    if marketplace is not None and not _is_marketplace_id(marketplace):
        raise ApiError.invalid(f'marketplaceId has an unknown value: {marketplace}')
    if after is not None and (before or newest) - after > MAX_SPAN:
        return []
    visible = newest - timedelta(hours=call.seller.finances_lag)
    return [
        transaction for transaction in call.seller.list_transactions(visible, after)
        if (before is None or transaction.posted < before)
        and (not statuses or transaction.status in statuses)
        and (related is None or related in transaction.identifiers)
        and (marketplace is None or _is_of(transaction, marketplace))
    ]


def _related_identifier(call: Call) -> tuple[str, str] | None:
    """Return the related identifier that is asked for, as (name, value).

    :raise ApiError: its name is unknown, or one of name and value is missing
    """
    names = query_choices(call.query, 'relatedIdentifierName', RELATED_IDENTIFIERS)
    value = query_text(call.query, 'relatedIdentifierValue')
    if bool(names) != bool(value):
        raise ApiError.invalid('relatedIdentifierName and relatedIdentifierValue need each other.')
    return (next(iter(names)), value or '') if names else None


def _is_of(transaction: Transaction, marketplace_id: str) -> bool:
    """Tell whether a transaction is found by its marketplace.

    What merchants ship in the US is not: Amazon's documentation says so.
    """
    event = transaction.event
    if event.marketplace is None or event.marketplace.id != marketplace_id:
        return False
    return event.marketplace.code != 'US' or event.fulfillment != 'MFN'


def _is_marketplace_id(value: str) -> bool:
    return is_marketplace(value) and find_marketplace(value).id == value


def _list_balances(call: Call) -> Response:
    asked = query_marketplaces(call.query)
    kinds = query_choices(call.query, 'balanceType', BALANCE_TYPES) or {'TOTAL'}
    account = query_text(call.query, 'accountType')
    as_of = query_text(call.query, 'asOfDate') or ''
    if query_text(call.query, 'nextToken') is not None:
        raise ApiError.invalid('The nextToken is not valid.')
    at = _end_of_day(as_of, call.world.clock.now())
    return json_response({'balances': [
        call.seller.render_balance(find_marketplace(id_), kind, at, as_of)
        for id_ in call.seller.marketplace_ids if not asked or id_ in asked
        for kind in kinds
        if account in (None, ACCOUNT_TYPE)
    ]})


def _end_of_day(day: str, now: datetime) -> datetime:
    """Return when a day ends, or now if none is named or it has not ended.

    :raise ApiError: it is no day
    """
    if not day:
        return now
    try:
        start = datetime.strptime(day, '%Y-%m-%d').replace(tzinfo=timezone.utc)
    except ValueError:
        raise ApiError.invalid('asOfDate is not a date in ISO 8601 format.') from None
    return min(start + timedelta(days=1), now)


OPERATIONS = (
    Operation(
        'listTransactions', 'GET', '/finances/2024-06-19/transactions',
        0.5, 10, _list_transactions, role=ROLE_FINANCES,
    ),
    Operation(
        'listBalances', 'GET', '/finances/2024-06-19/balances',
        0.5, 10, _list_balances, role=ROLE_FINANCES,
    ),
)
