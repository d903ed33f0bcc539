"""Feeds v2021-06-30: documents, and feeds that are made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..desk import JOB_STATUSES
from ..errors import ApiError, json_response
from ..feed_processing import FEED_TYPES
from ..feeds import Feed
from ..inputs import (
    query_choices,
    query_marketplaces,
    query_moment,
    query_size,
    query_text,
    read_list,
    read_object,
    read_text,
)
from ..listings_feed import FEED_TYPE as LISTINGS_FEED
from ..marketplaces import find_marketplace
from ..orders import ROLE_TAX
from ..vat_invoices_feed import BURST, COUNTRIES, RATE
from ..vat_invoices_feed import FEED_TYPE as VAT_INVOICES

INPUT_DOCUMENT_LIFETIME = timedelta(days=2)
FEEDS_SHOWN_FOR = timedelta(days=90)
MAX_FEED_MARKETPLACES = 25
DEFAULT_FEEDS = 10
MAX_FEEDS = 100
# What the value of an option may be made of.
OPTION_VALUE = re.compile(r'[,/\\ _;:#.0-9A-Za-z-]*')


def _known_types() -> tuple[str, ...]:
    return (*FEED_TYPES, LISTINGS_FEED, VAT_INVOICES)


def _create_feed_document(call: Call) -> Response:
    content_type = read_text(read_object(call.body), 'contentType')
    document = call.world.feeds.storage.add(call.seller, content_type)
    return json_response({
        'feedDocumentId': document.document_id,
        'url': call.host_url + call.world.feeds.storage.presign(document, 'PUT'),
    }, 201)


def _get_feed_document(call: Call) -> Response:
    document = call.world.feeds.storage.find(call.seller, call.path['document_id'])
    payload = {
        'feedDocumentId': document.document_id,
        'url': call.host_url + call.world.feeds.storage.presign(document, 'GET'),
    }
    if document.compression:
        payload['compressionAlgorithm'] = document.compression
    return json_response(payload)


def _create_feed(call: Call) -> Response:
    payload = read_object(call.body)
    feed_type = read_text(payload, 'feedType')
    if feed_type not in _known_types():
        raise ApiError.invalid(f'feedType is not valid: {feed_type}')
    marketplace_ids = read_list(payload, 'marketplaceIds', str)
    if len(marketplace_ids) > MAX_FEED_MARKETPLACES:
        raise ApiError.invalid(f'marketplaceIds has more than {MAX_FEED_MARKETPLACES} values.')
    if feed_type in (LISTINGS_FEED, VAT_INVOICES) and len(marketplace_ids) > 1:
        raise ApiError.invalid(f'marketplaceIds of a {feed_type} has more than one value.')
    foreign = set(marketplace_ids).difference(call.seller.marketplace_ids)
    if foreign:
        raise ApiError.invalid(f"marketplaceIds are not the seller's: {', '.join(sorted(foreign))}")
    options = _read_options(payload)
    if feed_type == VAT_INVOICES:
        _check_upload(call, marketplace_ids[0])
    try:
        document = call.world.feeds.storage.find(
            call.seller, read_text(payload, 'inputFeedDocumentId'), INPUT_DOCUMENT_LIFETIME,
        )
    except ApiError as error:
        raise ApiError.invalid('inputFeedDocumentId is not valid.') from error
    feed = call.world.feeds.queue(
        call.seller, feed_type, marketplace_ids, document.content, options,
    )
    return json_response({'feedId': feed.feed_id}, 202)


def _read_options(payload: Mapping[str, Any]) -> dict[str, str]:
    options = payload.get('feedOptions', {})
    if not isinstance(options, dict) or not all(isinstance(it, str) for it in options.values()):
        raise ApiError.invalid('feedOptions is not an object of texts.')
    for name, value in options.items():
        if not OPTION_VALUE.fullmatch(value):
            raise ApiError.invalid(f'feedOptions: {name} has characters that are not allowed.')
    return options


def _check_upload(call: Call, marketplace_id: str) -> None:
    """Check that the seller may upload an invoice now, and to this store.

    :raise ApiError: not so
    """
    if ROLE_TAX not in call.seller.roles:
        raise ApiError.unauthorized('')
    if find_marketplace(marketplace_id).code not in COUNTRIES:
        raise ApiError.invalid(f'marketplaceIds: {VAT_INVOICES} is not available there.')
    profile = call.seller.profile
    if not call.world.throttle.take(
        (profile.seller_id, profile.client_id, VAT_INVOICES), RATE, BURST,
    ):
        raise ApiError.quota_exceeded()


def _get_feed(call: Call) -> Response:
    feed = call.world.feeds.find(call.seller, call.path['feed_id'])
    response = json_response(feed.as_json())
    call.world.feeds.count_poll(feed)
    return response


def _cancel_feed(call: Call) -> Response:
    call.world.feeds.cancel(call.world.feeds.find(call.seller, call.path['feed_id']))
    return Response(status=200)


def _get_feeds(call: Call) -> Response:
    token = query_text(call.query, 'nextToken')
    if token is None:
        found = _search_feeds(call)
        size = query_size(call.query, 'pageSize', MAX_FEEDS, DEFAULT_FEEDS)
    elif len(call.query) > 1:
        raise ApiError.invalid('nextToken must be the only parameter.')
    else:
        rest = call.world.feeds.rests.resume(call.seller, token)
        found, size = rest.entries, rest.about
    payload: dict[str, Any] = {'feeds': [feed.as_json() for feed in found[:size]]}
    if found[size:]:
        payload['nextToken'] = call.world.feeds.rests.suspend(call.seller, found[size:], size)
    return json_response(payload)


def _search_feeds(call: Call) -> list[Feed]:
    """Return the feeds that a first page of `getFeeds` asks for, the newest first."""
    types = query_choices(call.query, 'feedTypes', _known_types())
    if not types:
        raise ApiError.invalid('Either feedTypes or nextToken is required.')
    statuses = query_choices(call.query, 'processingStatuses', JOB_STATUSES)
    marketplaces = query_marketplaces(call.query)
    now = call.world.clock.now()
    since = query_moment(call.query, 'createdSince') or now - FEEDS_SHOWN_FOR
    until = query_moment(call.query, 'createdUntil') or now
    return [
        feed for feed in call.world.feeds.of(call.seller)
        if feed.feed_type in types
        and (not statuses or feed.status in statuses)
        and (not marketplaces or marketplaces.intersection(feed.marketplace_ids))
        and since <= feed.created <= until
    ]


OPERATIONS = (
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
)
