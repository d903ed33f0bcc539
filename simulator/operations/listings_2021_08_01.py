"""Listings Items v2021-08-01: what a seller offers. There are no offers here."""

from __future__ import annotations

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError, json_response
from ..inputs import query_choices, query_marketplaces, query_size, query_text
from ..roles import ROLE_LISTINGS

INCLUDED_DATA = (
    'summaries', 'attributes', 'issues', 'offers', 'fulfillmentAvailability', 'procurement',
    'relationships', 'productTypes',
)
IDENTIFIER_TYPES = ('ASIN', 'EAN', 'FNSKU', 'GTIN', 'ISBN', 'JAN', 'MINSAN', 'SKU', 'UPC')
MAX_IDENTIFIERS = 20
MAX_ITEMS = 20
DEFAULT_ITEMS = 10


def _search_listings_items(call: Call) -> Response:
    if call.path['seller_id'] != call.seller.profile.seller_id:
        raise ApiError.unauthorized('')
    marketplaces = query_marketplaces(call.query)
    if not marketplaces:
        raise ApiError.invalid('marketplaceIds is required.')
    foreign = marketplaces.difference(call.seller.marketplace_ids)
    if foreign:
        raise ApiError.invalid(f"marketplaceIds are not the seller's: {', '.join(sorted(foreign))}")
    query_choices(call.query, 'includedData', INCLUDED_DATA)
    query_size(call.query, 'pageSize', MAX_ITEMS, DEFAULT_ITEMS)
    _check_identifiers(call)
    if query_text(call.query, 'pageToken') is not None:
        raise ApiError.invalid('The pageToken is not valid.')
    return json_response({'numberOfResults': 0, 'pagination': {}, 'items': []})


def _check_identifiers(call: Call) -> None:
    identifiers = query_text(call.query, 'identifiers')
    types = query_choices(call.query, 'identifiersType', IDENTIFIER_TYPES)
    if (identifiers is None) == bool(types):
        raise ApiError.invalid('identifiers and identifiersType need each other.')
    if identifiers and len(identifiers.split(',')) > MAX_IDENTIFIERS:
        raise ApiError.invalid(f'identifiers has more than {MAX_IDENTIFIERS} values.')


OPERATIONS = (
    Operation(
        'searchListingsItems', 'GET', '/listings/2021-08-01/items/<seller_id>',
        5, 5, _search_listings_items, role=ROLE_LISTINGS,
    ),
)
