"""Transfers v2024-06-01: what Amazon has sent to the bank, and what it is about to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError, json_response
from ..finances import PAYOUT_ACCOUNT_TYPE
from ..inputs import query_marketplaces, query_moment, query_text
from ..marketplaces import find_marketplace
from ..roles import ROLE_FINANCES
from ..settlements import Settlement


def _list_payouts(call: Call) -> Response:
    return _page(call, 'payouts', lambda: _find_payouts(call), call.seller.render_payout)


def _find_payouts(call: Call) -> list[Settlement]:
    """Return the settlements whose payouts the query asks for, the newest first.

    :raise ApiError: the query is not valid
    """
    currencies = _currencies(call)
    after = query_moment(call.query, 'createdAfter')
    before = query_moment(call.query, 'createdBefore')
    payout_id = query_text(call.query, 'payoutId')
    now = call.world.clock.now()
    found = [
        settlement for settlement in call.seller.settlements
        if settlement.currency in currencies
        and settlement.end <= now
        and (after is None or settlement.end >= after)
        and (before is None or settlement.end < before)
        and payout_id in (None, call.seller.payout_id(settlement))
    ]
    return sorted(found, key=lambda settlement: settlement.end, reverse=True)


def _list_expected_payouts(call: Call) -> Response:
    return _page(
        call, 'expectedPayouts', lambda: sorted(_currencies(call)),
        call.seller.render_expected_payout,
    )


def _currencies(call: Call) -> set[str]:
    """Return the currencies of the marketplaces that are asked for, of all unless told."""
    asked = query_marketplaces(call.query)
    if query_text(call.query, 'accountType') not in (None, PAYOUT_ACCOUNT_TYPE):
        return set()
    return {
        find_marketplace(id_).currency for id_ in call.seller.marketplace_ids
        if not asked or id_ in asked
    }


def _page(
    call: Call, name: str, find: Callable[[], list[Any]], render: Callable[[Any], Any],
) -> Response:
    """Return a page of what is found, or of what is left of it.

    :raise ApiError: the query is not valid
    """
    world = call.world
    token = query_text(call.query, 'nextToken')
    about = name, {key: value for key, value in call.query.items() if key != 'nextToken'}
    found = find()
    if token is not None:
        rest = world.finance_rests.resume(call.seller, token)
        if rest.about != about:
            raise ApiError.invalid(
                'The parameters differ from those of the request that returned nextToken.',
            )
        found = rest.entries
    size = world.finance_page_size
    payload: dict[str, Any] = {name: [render(entry) for entry in found[:size]]}
    if found[size:]:
        payload['nextToken'] = world.finance_rests.suspend(call.seller, found[size:], about)
    return json_response(payload)


OPERATIONS = (
    Operation(
        'listPayouts', 'GET', '/finances/transfers/2024-06-01/payouts',
        0.5, 10, _list_payouts, role=ROLE_FINANCES,
    ),
    Operation(
        'listExpectedPayouts', 'GET', '/finances/transfers/2024-06-01/payouts/expected',
        0.5, 10, _list_expected_payouts, role=ROLE_FINANCES,
    ),
)
