"""Listings Items v2021-08-01: what a seller offers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError, json_response
from ..inputs import (
    query_choices,
    query_marketplaces,
    query_moment,
    query_size,
    query_text,
    read_object,
)
from ..listing_patches import apply_patches, read_patches
from ..listing_rendering import get_statuses, render_item
from ..listings import Listing
from ..paging import Page
from ..roles import ROLE_LISTINGS
from ..state import Seller

INCLUDED_DATA = (
    'summaries', 'attributes', 'issues', 'offers', 'fulfillmentAvailability', 'procurement',
    'relationships', 'productTypes',
)
SUBMISSION_DATA = ('identifiers', 'issues')
PREVIEW = 'VALIDATION_PREVIEW'
# What searches by a type of identifier look at.
IDENTIFIER_TYPES: dict[str, Callable[[Listing], str]] = {
    'ASIN': lambda listing: listing.asin,
    'FNSKU': lambda listing: listing.fn_sku,
    'SKU': lambda listing: listing.sku,
    **dict.fromkeys(
        ('EAN', 'GTIN', 'ISBN', 'JAN', 'MINSAN', 'UPC'), lambda listing: listing.product_id,
    ),
}
# Searches by relation, which no listing has.
RELATION_PARAMETERS = ('variationParentSku', 'packageHierarchySku')
SORT_KEYS: dict[str, Callable[[Listing], Any]] = {
    'sku': lambda listing: listing.sku,
    'createdDate': lambda listing: (listing.opened, listing.sku),
    'lastUpdatedDate': lambda listing: (listing.updated, listing.sku),
}
STATUSES = ('BUYABLE', 'DISCOVERABLE')
SEVERITIES = ('ERROR', 'WARNING')
MAX_IDENTIFIERS = 20
MAX_ITEMS = 20
DEFAULT_ITEMS = 10
MAX_REACHABLE = 1_000
# Amazon does not tell how long.
PAGE_TOKEN_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class Finding:
    """What a search found when it began.

    :param skus: those that can be reached
    :param number: how many there are
    """
    skus: list[str]
    number: int


# === READING === #

def _search_listings_items(call: Call) -> Response:
    places = _read_places(call)
    included = query_choices(call.query, 'includedData', INCLUDED_DATA) or {'summaries'}
    size = query_size(call.query, 'pageSize', MAX_ITEMS, DEFAULT_ITEMS)
    parameters = {name: value for name, value in call.query.items() if name != 'pageToken'}
    token = query_text(call.query, 'pageToken')
    if token is None:
        finding, start, number = _search(call, places), 0, 1
    else:
        page = call.world.page_tokens.redeem(token, call.seller, parameters, 'pageToken')
        finding, start = page.window
        number = page.number
    items = (
        _find_listings(call.seller, sku, places) for sku in finding.skus[start : start + size]
    )
    pagination = {}
    if finding.skus[start + size :]:
        pagination['nextToken'] = call.world.page_tokens.issue(Page(
            call.seller, (finding, start + size), parameters, (datetime.min, ''), number + 1,
            call.world.clock.now() + PAGE_TOKEN_LIFETIME,
        ))
    return json_response({
        'numberOfResults': finding.number,
        'pagination': pagination,
        'items': [render_item(listings, included) for listings in items if listings],
    })


def _get_listings_item(call: Call) -> Response:
    places = _read_places(call)
    included = query_choices(call.query, 'includedData', INCLUDED_DATA) or {'summaries'}
    listings = _find_listings(call.seller, call.path['sku'], places)
    if not listings:
        raise ApiError(
            404, 'NOT_FOUND',
            f"SKU '{call.path['sku']}' not found in marketplace {', '.join(places)}.",
        )
    return json_response(render_item(listings, included))


def _search(call: Call, places: list[str]) -> Finding:
    """Return what the parameters of a first page ask for."""
    matches = _read_filter(call.query)
    sort_key = SORT_KEYS[_read_choice(call.query, 'sortBy', SORT_KEYS) or 'lastUpdatedDate']
    is_descending = _read_choice(call.query, 'sortOrder', ('ASC', 'DESC')) != 'ASC'
    found = [listing for listing in _read_candidates(call, places) if matches(listing)]
    found.sort(key=sort_key, reverse=is_descending)
    skus = list(dict.fromkeys(listing.sku for listing in found))
    return Finding(skus[:MAX_REACHABLE], len(skus))


def _read_candidates(call: Call, places: list[str]) -> list[Listing]:
    """Return the listings that a search is about before the filters.

    :raise ApiError: the identifiers are not valid
    """
    text = query_text(call.query, 'identifiers')
    types = query_choices(call.query, 'identifiersType', IDENTIFIER_TYPES)
    relations = [name for name in RELATION_PARAMETERS if query_text(call.query, name) is not None]
    if (text is None) == bool(types) or len(types) > 1:
        raise ApiError.invalid('identifiers and one identifiersType need each other.')
    if len(relations) + (text is not None) > 1:
        raise ApiError.invalid(
            f"Only one of identifiers, {', '.join(RELATION_PARAMETERS)} is allowed."
        )
    if relations:
        return []
    if text is None:
        return [listing for place in places for listing in call.seller.walk_listings(place)]
    identifiers = text.split(',')
    if len(identifiers) > MAX_IDENTIFIERS:
        raise ApiError.invalid(f'identifiers has more than {MAX_IDENTIFIERS} values.')
    [kind] = types
    if kind == 'SKU':
        return [
            listing for sku in identifiers for listing in _find_listings(call.seller, sku, places)
        ]
    return [
        listing for place in places for listing in call.seller.walk_listings(place)
        if IDENTIFIER_TYPES[kind](listing) in identifiers
    ]


def _read_filter(query: MultiDict[str, str]) -> Callable[[Listing], bool]:
    """Return what tells whether a listing passes the filters of a search.

    :raise ApiError: a filter is not valid
    """
    opened = [query_moment(query, name) for name in ('createdAfter', 'createdBefore')]
    updated = [query_moment(query, name) for name in ('lastUpdatedAfter', 'lastUpdatedBefore')]
    required = query_choices(query, 'withStatus', STATUSES)
    forbidden = query_choices(query, 'withoutStatus', STATUSES)
    severities = query_choices(query, 'withIssueSeverity', SEVERITIES)

    def matches(listing: Listing) -> bool:
        statuses = set(get_statuses(listing))
        return (
            _is_between(listing.opened, *opened)
            and _is_between(listing.updated, *updated)
            and required <= statuses
            and not forbidden & statuses
            and (not severities or any(it['severity'] in severities for it in listing.issues))
        )

    return matches


def _is_between(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or after <= moment) and (before is None or moment <= before)


def _read_choice(query: MultiDict[str, str], name: str, allowed: Any) -> str:
    chosen = query_choices(query, name, allowed)
    if len(chosen) > 1:
        raise ApiError.invalid(f'{name} has more than one value.')
    return next(iter(chosen), '')


def _read_places(call: Call) -> list[str]:
    """Return the marketplaces a call is about, in the order of the seller's.

    :raise ApiError: it is about another seller, or about none or a foreign marketplace
    """
    if call.path['seller_id'] != call.seller.profile.seller_id:
        raise ApiError.unauthorized('')
    places = query_marketplaces(call.query)
    if not places:
        raise ApiError.invalid('marketplaceIds is required.')
    foreign = places.difference(call.seller.marketplace_ids)
    if foreign:
        raise ApiError.invalid(f"marketplaceIds are not the seller's: {', '.join(sorted(foreign))}")
    return [place for place in call.seller.marketplace_ids if place in places]


def _find_listings(seller: Seller, sku: str, places: list[str]) -> list[Listing]:
    return [seller.find_listing(sku, place) for place in places if (place, sku) in seller.listings]


# === SENDING === #

def _patch_listings_item(call: Call) -> Response:
    places = _read_places(call)
    if len(places) > 1:
        raise ApiError.invalid('marketplaceIds has more than one value.')
    included = query_choices(call.query, 'includedData', SUBMISSION_DATA) or {'issues'}
    is_preview = _read_choice(call.query, 'mode', (PREVIEW,)) == PREVIEW
    if 'identifiers' in included and not is_preview:
        raise ApiError.invalid(f'includedData has identifiers, which needs mode {PREVIEW}.')
    sku = call.path['sku']
    patches = read_patches(read_object(call.body))
    issues = apply_patches(call.seller, places[0], sku, patches, is_preview=is_preview)
    accepted = 'VALID' if is_preview else 'ACCEPTED'
    payload: dict[str, Any] = {
        'sku': sku,
        'status': 'INVALID' if issues else accepted,
        'submissionId': str(uuid.uuid4()),
    }
    if 'issues' in included:
        payload['issues'] = [issue.as_json() for issue in issues]
    if 'identifiers' in included:
        payload['identifiers'] = [
            {'marketplaceId': listing.marketplace_id, 'asin': listing.asin}
            for listing in _find_listings(call.seller, sku, places) if not issues
        ]
    return json_response(payload)


OPERATIONS = (
    Operation(
        'searchListingsItems', 'GET', '/listings/2021-08-01/items/<seller_id>',
        5, 5, _search_listings_items, role=ROLE_LISTINGS,
    ),
    Operation(
        'getListingsItem', 'GET', '/listings/2021-08-01/items/<seller_id>/<sku>',
        5, 10, _get_listings_item, role=ROLE_LISTINGS,
    ),
    Operation(
        'patchListingsItem', 'PATCH', '/listings/2021-08-01/items/<seller_id>/<sku>',
        5, 5, _patch_listings_item, role=ROLE_LISTINGS,
    ),
)
