"""Finances v2024-06-19: what was paid. There are no transactions here."""

from __future__ import annotations

from datetime import timedelta

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError, json_response
from ..inputs import query_choices, query_moment, query_text
from ..marketplaces import find_marketplace, is_marketplace
from ..roles import ROLE_FINANCES

# Transactions become visible so long after they were posted.
POSTING_LAG = timedelta(minutes=2)
STATUSES = ('DEFERRED', 'RELEASED', 'DEFERRED_RELEASED')
RELATED_IDENTIFIERS = ('FINANCIAL_EVENT_GROUP_ID', 'ORDER_ID')


def _list_transactions(call: Call) -> Response:
    related = _has_related_identifier(call)
    after = query_moment(call.query, 'postedAfter')
    before = query_moment(call.query, 'postedBefore')
    if after is None and not related:
        words = 'Start date cannot be null'  # as Amazon's model says it
        raise ApiError(400, 'InvalidInput', words, words)
    newest = call.world.clock.now() - POSTING_LAG
    for name, moment in (('postedAfter', after), ('postedBefore', before)):
        if moment is not None and moment > newest:
            raise ApiError.invalid(f'{name} is less than two minutes before the request.')
    if after is not None and before is not None and before <= after:
        raise ApiError.invalid('postedBefore is not later than postedAfter.')
    query_choices(call.query, 'transactionStatus', STATUSES)
    marketplace = query_text(call.query, 'marketplaceId')
    if marketplace is not None and not _is_marketplace_id(marketplace):
        raise ApiError.invalid(f'marketplaceId has an unknown value: {marketplace}')
    if query_text(call.query, 'nextToken') is not None:
        raise ApiError.invalid('The nextToken is not valid.')
    return json_response({'payload': {'transactions': []}})


def _has_related_identifier(call: Call) -> bool:
    """Tell whether a related identifier is asked for.

    :raise ApiError: its name is unknown, or one of name and value is missing
    """
    names = query_choices(call.query, 'relatedIdentifierName', RELATED_IDENTIFIERS)
    if bool(names) != bool(query_text(call.query, 'relatedIdentifierValue')):
        raise ApiError.invalid('relatedIdentifierName and relatedIdentifierValue need each other.')
    return bool(names)


def _is_marketplace_id(value: str) -> bool:
    return is_marketplace(value) and find_marketplace(value).id == value


OPERATIONS = (
    Operation(
        'listTransactions', 'GET', '/finances/2024-06-19/transactions',
        0.5, 10, _list_transactions, role=ROLE_FINANCES,
    ),
)
