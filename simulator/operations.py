"""The operations of SP-API that the simulator knows, with Amazon's rates and rules."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from .errors import ApiError, json_response
from .feed_processing import FEED_TYPES
from .feeds import FEED_STATUSES, Feed, FeedDesk
from .inputs import read_list, read_moment, read_object, read_text
from .marketplaces import find_marketplace, is_marketplace
from .orders import CHANNELS, STATUSES, Order
from .rendering import INCLUDED_DATA, has_phone, render_order, to_iso
from .shipments import confirm, read_confirmation
from .state import SEARCH_LAG, Clock, Seller, SortKey

PAGE_TOKEN_LIFETIME = timedelta(hours=24)
MAX_RESULTS = 100
MAX_MARKETPLACES = 50
INPUT_DOCUMENT_LIFETIME = timedelta(days=2)
FEEDS_SHOWN_FOR = timedelta(days=90)
MAX_FEED_MARKETPLACES = 25
DEFAULT_FEEDS = 10
MAX_FEEDS = 100
ORDER_ID = re.compile(r'\d{3}-\d{7}-\d{7}')


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


@dataclass(frozen=True)
class Page:
    """Where the next page of a search begins.

    :param parameters: the query that must be repeated
    """
    seller: Seller
    window: Window
    parameters: Mapping[str, str]
    beyond: SortKey
    number: int
    expires_at: datetime


class PageTokens:
    """The page tokens given out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pages: dict[str, Page] = {}

    def clear(self) -> None:
        """Forget all tokens."""
        self._pages.clear()

    def issue(self, page: Page) -> str:
        """Return a token for a page."""
        token = secrets.token_urlsafe(24)
        self._pages[token] = page
        return token

    def number(self, token: str | None) -> int:
        """Return the number of the page a token leads to, 1 without a known token."""
        page = self._pages.get(token or '')
        return page.number if page else 1

    def redeem(self, token: str, seller: Seller, parameters: Mapping[str, str]) -> Page:
        """Return the page behind a token.

        :param parameters: the query, without what may differ between pages
        :raise ApiError: the token is unknown, too old, or for another query
        """
        page = self._pages.get(token)
        if page is None or page.seller is not seller:
            raise ApiError.invalid('The paginationToken is not valid.')
        if page.expires_at <= self._clock.now():
            raise ApiError.invalid('The paginationToken has expired.')
        if page.parameters != parameters:
            raise ApiError.invalid(
                'The parameters differ from those of the request that returned paginationToken.'
            )
        return page


@dataclass(frozen=True)
class Call:
    """A request that has passed the door: known operation, known seller, quota left."""
    seller: Seller
    query: MultiDict[str, str]
    path: Mapping[str, str]
    body: bytes
    host_url: str
    clock: Clock
    page_tokens: PageTokens
    feeds: FeedDesk


@dataclass(frozen=True)
class Operation:
    """One of Amazon's operations.

    :param rule: the path as a werkzeug rule
    :param rate: requests per second of Amazon's default usage plan, as `burst`
    :param perform: answers the call, or raises `ApiError`
    """
    name: str
    method: str
    rule: str
    rate: float
    burst: int
    perform: Callable[[Call], Response]


# === ORDERS v2026-01-01 === #

def _search_orders(call: Call) -> Response:
    limit = _page_size(call.query, 'maxResultsPerPage', MAX_RESULTS, MAX_RESULTS)
    included = _enum_list(call.query, 'includedData', INCLUDED_DATA)
    if call.seller.searches_without_status:
        included -= {'FULFILLMENT'}
    parameters = {
        name: value for name, value in call.query.items()
        if name not in ('paginationToken', 'maxResultsPerPage', 'includedData')
    }
    beyond, number = None, 1
    token = _single(call.query, 'paginationToken')
    if token is None:
        window = _window(call.query, call.clock.now())
    else:
        page = call.page_tokens.redeem(token, call.seller, parameters)
        window, beyond, number = page.window, page.beyond, page.number
    orders: list[str] = []
    last: SortKey | None = None
    next_token = None
    for key, order in call.seller.walk_orders(window.by, window.after, window.before, beyond):
        if not window.contains(order):
            continue
        if len(orders) == limit and last is not None:
            next_token = call.page_tokens.issue(Page(
                call.seller, window, parameters, last, number + 1,
                call.clock.now() + PAGE_TOKEN_LIFETIME,
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
    included = _enum_list(call.query, 'includedData', INCLUDED_DATA)
    body = f'{{"order": {_render(_find_order(call), included, call)}}}'
    return Response(body, content_type='application/json')


def _find_order(call: Call) -> Order:
    order_id = call.path['order_id']
    if not ORDER_ID.fullmatch(order_id):
        raise ApiError.invalid('The orderId is not valid.')
    try:
        return call.seller.get_order(order_id)
    except LookupError:
        raise ApiError.not_found() from None


def _render(order: Order, included: frozenset[str], call: Call) -> str:
    """Return the JSON text of an order, which is kept until the order changes."""
    now, seller = call.clock.now(), call.seller
    variant = included, seller.profile.roles, seller.sends_status_always, has_phone(order, now)
    text = order.rendered.get(variant)
    if text is None:
        payload = render_order(
            order, included, seller.profile.roles,
            now=now, status_always=seller.sends_status_always,
        )
        if order.override is not None:
            payload = order.override(payload) or payload
        text = order.rendered[variant] = json.dumps(payload)
    return text


# === ORDERS v0 === #

def _confirm_shipment(call: Call) -> Response:
    order = _find_order(call)
    confirm(call.seller, order, read_confirmation(call.body, order))
    return Response(status=204)


# === FEEDS v2021-06-30 === #

def _create_feed_document(call: Call) -> Response:
    content_type = read_text(read_object(call.body), 'contentType')
    document = call.feeds.storage.add(call.seller, content_type)
    return json_response({
        'feedDocumentId': document.document_id,
        'url': call.host_url + call.feeds.storage.presign(document, 'PUT'),
    }, 201)


def _get_feed_document(call: Call) -> Response:
    document = call.feeds.storage.find(call.seller, call.path['document_id'])
    payload = {
        'feedDocumentId': document.document_id,
        'url': call.host_url + call.feeds.storage.presign(document, 'GET'),
    }
    if document.compression:
        payload['compressionAlgorithm'] = document.compression
    return json_response(payload)


def _create_feed(call: Call) -> Response:
    payload = read_object(call.body)
    feed_type = read_text(payload, 'feedType')
    if feed_type not in FEED_TYPES:
        raise ApiError.invalid(f'feedType is not valid: {feed_type}')
    marketplace_ids = read_list(payload, 'marketplaceIds', str)
    if len(marketplace_ids) > MAX_FEED_MARKETPLACES:
        raise ApiError.invalid(f'marketplaceIds has more than {MAX_FEED_MARKETPLACES} values.')
    foreign = set(marketplace_ids).difference(call.seller.marketplace_ids)
    if foreign:
        raise ApiError.invalid(f"marketplaceIds are not the seller's: {', '.join(sorted(foreign))}")
    try:
        document = call.feeds.storage.find(
            call.seller, read_text(payload, 'inputFeedDocumentId'), INPUT_DOCUMENT_LIFETIME,
        )
    except ApiError as error:
        raise ApiError.invalid('inputFeedDocumentId is not valid.') from error
    feed = call.feeds.queue(call.seller, feed_type, marketplace_ids, document.content)
    return json_response({'feedId': feed.feed_id}, 202)


def _get_feed(call: Call) -> Response:
    feed = call.feeds.find(call.seller, call.path['feed_id'])
    response = json_response(feed.as_json())
    call.feeds.count_poll(feed)
    return response


def _cancel_feed(call: Call) -> Response:
    call.feeds.cancel(call.feeds.find(call.seller, call.path['feed_id']))
    return Response(status=200)


def _get_feeds(call: Call) -> Response:
    token = _single(call.query, 'nextToken')
    if token is None:
        found = _search_feeds(call)
        size = _page_size(call.query, 'pageSize', MAX_FEEDS, DEFAULT_FEEDS)
    elif len(call.query) > 1:
        raise ApiError.invalid('nextToken must be the only parameter.')
    else:
        found, size = call.feeds.resume(call.seller, token)
    payload: dict[str, Any] = {'feeds': [feed.as_json() for feed in found[:size]]}
    if found[size:]:
        payload['nextToken'] = call.feeds.suspend(call.seller, found[size:], size)
    return json_response(payload)


def _search_feeds(call: Call) -> list[Feed]:
    """Return the feeds that a first page of `getFeeds` asks for, the newest first."""
    types = _enum_list(call.query, 'feedTypes', FEED_TYPES)
    if not types:
        raise ApiError.invalid('Either feedTypes or nextToken is required.')
    statuses = _enum_list(call.query, 'processingStatuses', FEED_STATUSES)
    marketplaces = _marketplace_ids(call.query)
    now = call.clock.now()
    since = _moment(call.query, 'createdSince') or now - FEEDS_SHOWN_FOR
    until = _moment(call.query, 'createdUntil') or now
    return [
        feed for feed in call.feeds.of(call.seller)
        if feed.feed_type in types
        and (not statuses or feed.status in statuses)
        and (not marketplaces or marketplaces.intersection(feed.marketplace_ids))
        and since <= feed.created <= until
    ]


# === SELLERS v1 === #

def _get_marketplace_participations(call: Call) -> Response:
    payload = []
    for participation in call.seller.profile.participations:
        marketplace = find_marketplace(participation.marketplace)
        payload.append({
            'marketplace': {
                'id': marketplace.id,
                'name': marketplace.name,
                'countryCode': marketplace.code,
                'defaultCurrencyCode': marketplace.currency,
                'defaultLanguageCode': marketplace.language,
                'domainName': f'www.{marketplace.domain}',
            },
            'storeName': call.seller.profile.store_name,
            'participation': {
                'isParticipating': participation.is_participating,
                'hasSuspendedListings': participation.has_suspended_listings,
            },
        })
    return json_response({'payload': payload})


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        'searchOrders', 'GET', '/orders/2026-01-01/orders', 0.0056, 20, _search_orders,
    ),
    Operation(
        'getOrder', 'GET', '/orders/2026-01-01/orders/<order_id>', 0.5, 30, _get_order,
    ),
    Operation(
        'confirmShipment', 'POST', '/orders/v0/orders/<order_id>/shipmentConfirmation',
        2, 10, _confirm_shipment,
    ),
    Operation(
        'createFeedDocument', 'POST', '/feeds/2021-06-30/documents',
        0.5, 15, _create_feed_document,
    ),
    Operation(
        'getFeedDocument', 'GET', '/feeds/2021-06-30/documents/<document_id>',
        0.0222, 10, _get_feed_document,
    ),
    Operation('createFeed', 'POST', '/feeds/2021-06-30/feeds', 0.0083, 15, _create_feed),
    Operation('getFeeds', 'GET', '/feeds/2021-06-30/feeds', 0.0222, 10, _get_feeds),
    Operation('getFeed', 'GET', '/feeds/2021-06-30/feeds/<feed_id>', 2, 15, _get_feed),
    Operation('cancelFeed', 'DELETE', '/feeds/2021-06-30/feeds/<feed_id>', 2, 15, _cancel_feed),
    Operation(
        'getMarketplaceParticipations', 'GET', '/sellers/v1/marketplaceParticipations',
        0.016, 15, _get_marketplace_participations,
    ),
)


# === PARAMETERS === #

def _single(query: MultiDict[str, str], name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise ApiError.invalid(f'{name} is given more than once; a list is comma-separated.')
    return values[0] if values else None


def _window(query: MultiDict[str, str], now: datetime) -> Window:
    moments = {
        name: _moment(query, name)
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
        _enum_list(query, 'fulfillmentStatuses', STATUSES),
        _marketplace_ids(query),
        _enum_list(query, 'fulfilledBy', CHANNELS.values()),
    )


def _moment(query: MultiDict[str, str], name: str) -> datetime | None:
    value = _single(query, name)
    return None if value is None else read_moment(name, value)


def _list(query: MultiDict[str, str], name: str) -> list[str]:
    value = _single(query, name)
    if value is None:
        return []
    return value.split(',')


def _enum_list(query: MultiDict[str, str], name: str, allowed: Any) -> frozenset[str]:
    values = frozenset(_list(query, name))
    unknown = values.difference(allowed)
    if unknown:
        raise ApiError.invalid(f"{name} has unknown values: {', '.join(sorted(unknown))}")
    return values


def _marketplace_ids(query: MultiDict[str, str]) -> frozenset[str]:
    ids = _list(query, 'marketplaceIds')
    if len(ids) > MAX_MARKETPLACES:
        raise ApiError.invalid(f'marketplaceIds has more than {MAX_MARKETPLACES} values.')
    for id_ in ids:
        if not is_marketplace(id_) or find_marketplace(id_).id != id_:
            raise ApiError.invalid(f'marketplaceIds has an unknown value: {id_}')
    return frozenset(ids)


def _page_size(query: MultiDict[str, str], name: str, maximum: int, default: int) -> int:
    value = _single(query, name)
    if value is None:
        return default
    if not re.fullmatch(r'\d{1,3}', value) or not 1 <= int(value) <= maximum:
        raise ApiError.invalid(f'{name} is not a number from 1 to {maximum}.')
    return int(value)
