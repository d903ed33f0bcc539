"""Orders v2026-01-01: searching and reading orders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError
from ..inputs import (
    find_order,
    query_choices,
    query_marketplaces,
    query_moment,
    query_size,
    query_text,
)
from ..oddities import restore_numbers
from ..orders import CHANNELS, STATUSES, Order
from ..paging import Page
from ..rendering import INCLUDED_DATA, has_phone, render_order, to_iso
from ..roles import ROLE_ORDERS
from ..state import SEARCH_LAG, SortKey

PAGE_TOKEN_LIFETIME = timedelta(hours=24)
MAX_RESULTS = 100


@dataclass(frozen=True)
class Window:
    """What a search is about: everything that its pages have in common."""
    by: str
    after: datetime
    before: datetime
    statuses: frozenset[str]
    marketplaces: frozenset[str]
    channels: frozenset[str]

    def contains(self, order: Order) -> bool:
        """Tell whether an order of the period passes the filters."""
        return (
            (not self.statuses or order.status in self.statuses)
            and (not self.marketplaces or order.marketplace.id in self.marketplaces)
            and (not self.channels or order.fulfilled_by in self.channels)
        )


def _search_orders(call: Call) -> Response:
    limit = query_size(call.query, 'maxResultsPerPage', MAX_RESULTS, MAX_RESULTS)
    included = query_choices(call.query, 'includedData', INCLUDED_DATA)
    if call.seller.searches_without_status:
        included -= {'FULFILLMENT'}
    parameters = {
        name: value for name, value in call.query.items()
        if name not in ('paginationToken', 'maxResultsPerPage', 'includedData')
    }
    beyond, number = None, 1
    token = query_text(call.query, 'paginationToken')
    if token is None:
        window = _window(call.query, call.world.clock.now())
    else:
        page = call.world.page_tokens.redeem(token, call.seller, parameters)
        window, beyond, number = page.window, page.beyond, page.number
    orders: list[str] = []
    last: SortKey | None = None
    next_token = None
    for key, order in call.seller.walk_orders(window.by, window.after, window.before, beyond):
        if not window.contains(order):
            continue
        if len(orders) == limit and last is not None:
            next_token = call.world.page_tokens.issue(Page(
                call.seller, window, parameters, last, number + 1,
                call.world.clock.now() + PAGE_TOKEN_LIFETIME,
            ))
            break
        orders.append(_render(order, included, call))
        last = key
    tail: dict[str, Any] = {f'{window.by}Before': to_iso(window.before)}
    if next_token:
        tail['pagination'] = {'nextToken': next_token}
    body = f'{{"orders": [{", ".join(orders)}], {json.dumps(tail)[1:]}'
    return Response(body, content_type='application/json')


def _get_order(call: Call) -> Response:
    included = query_choices(call.query, 'includedData', INCLUDED_DATA)
    order = find_order(call.seller, call.path['order_id'])
    body = f'{{"order": {_render(order, included, call)}}}'
    return Response(body, content_type='application/json')


def _window(query: MultiDict[str, str], now: datetime) -> Window:
    moments = {
        name: query_moment(query, name)
        for name in ('createdAfter', 'createdBefore', 'lastUpdatedAfter', 'lastUpdatedBefore')
    }
    if (moments['createdAfter'] is None) == (moments['lastUpdatedAfter'] is None):
        raise ApiError.invalid('Exactly one of createdAfter and lastUpdatedAfter is required.')
    by, other = 'created', 'lastUpdated'
    if moments['createdAfter'] is None:
        by, other = other, by
    if moments[f'{other}Before'] is not None:
        raise ApiError.invalid(f'{other}Before cannot be combined with {by}After.')
    after, before = moments[f'{by}After'], moments[f'{by}Before']
    newest = now - SEARCH_LAG
    if after > now:
        raise ApiError.invalid(f'{by}After is in the future.')
    if before is not None and before < after:
        raise ApiError.invalid(f'{by}Before is before {by}After.')
    if before is not None and before > newest:
        raise ApiError.invalid(f'{by}Before is less than two minutes before the request.')
    return Window(
        by, after, before or newest,
        query_choices(query, 'fulfillmentStatuses', STATUSES),
        query_marketplaces(query),
        query_choices(query, 'fulfilledBy', CHANNELS.values()),
    )


def _render(order: Order, included: frozenset[str], call: Call) -> str:
    """Return the JSON text of an order, which is kept until the order changes."""
    now, seller = call.world.clock.now(), call.seller
    variant = included, seller.roles, seller.sends_status_always, has_phone(order, now)
    text = order.rendered.get(variant)
    if text is None:
        payload = render_order(
            order, included, seller.roles,
            now=now, status_always=seller.sends_status_always,
        )
        if order.override is not None:
            payload = order.override(payload) or payload
        text = order.rendered[variant] = restore_numbers(json.dumps(payload))
    return text


OPERATIONS = (
    Operation(
        'searchOrders', 'GET', '/orders/2026-01-01/orders', 0.0056, 20, _search_orders,
        role=ROLE_ORDERS, lags=True,
    ),
    Operation(
        'getOrder', 'GET', '/orders/2026-01-01/orders/<order_id>', 0.5, 30, _get_order,
        role=ROLE_ORDERS,
    ),
)
