"""FBA Inventory v1: what lies in Amazon's warehouses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import ApiError, json_response
from ..fba_stock import FbaStock
from ..inputs import query_flag, query_list, query_marketplaces, query_moment, query_text
from ..roles import ROLE_LISTINGS

PAGE_SIZE = 50
MAX_SKUS = 50
# 18 months, the longest there are.
FURTHEST_BACK = timedelta(days=550)


def _get_inventory_summaries(call: Call) -> Response:
    marketplace_id = _read_marketplace(call)
    has_details = query_flag(call.query, 'details')
    since = _read_start(call)
    # The pages of one list repeat what it is about.
    about = (marketplace_id, since)
    token = query_text(call.query, 'nextToken')
    if token is None:
        found = _search_stock(call, marketplace_id, since)
    else:
        rest = call.world.inventory_rests.resume(call.seller, token)
        if rest.about != about:
            raise ApiError.invalid('The parameters differ from those that returned nextToken.')
        found = rest.entries
    page, others = found[:PAGE_SIZE], found[PAGE_SIZE:]
    payload: dict[str, Any] = {
        'payload': {
            'granularity': {'granularityType': 'Marketplace', 'granularityId': marketplace_id},
            'inventorySummaries': [stock.summarise(has_details) for stock in page],
        },
        'pagination': {},
    }
    if others:
        token = call.world.inventory_rests.suspend(call.seller, others, about)
        payload['pagination']['nextToken'] = token
    return json_response(payload)


def _read_marketplace(call: Call) -> str:
    """Return the id of the one marketplace that is asked about."""
    if query_text(call.query, 'granularityType') != 'Marketplace':
        raise ApiError.invalid('granularityType is not Marketplace.')
    marketplaces = query_marketplaces(call.query)
    if len(marketplaces) != 1:
        raise ApiError.invalid('marketplaceIds is not one marketplace.')
    [marketplace_id] = marketplaces
    if query_text(call.query, 'granularityId') != marketplace_id:
        raise ApiError.invalid('granularityId is not the marketplace of marketplaceIds.')
    if marketplace_id not in call.seller.marketplace_ids:
        raise ApiError.invalid(f"marketplaceIds are not the seller's: {marketplace_id}")
    return marketplace_id


def _read_start(call: Call) -> datetime | None:
    since = query_moment(call.query, 'startDateTime')
    if since is not None and since < call.world.clock.now() - FURTHEST_BACK:
        raise ApiError.invalid('startDateTime is more than 18 months ago.')
    return since


def _search_stock(call: Call, marketplace_id: str, since: datetime | None) -> list[FbaStock]:
    """Return what a first page asks for."""
    skus = query_list(call.query, 'sellerSkus')
    if len(skus) > MAX_SKUS:
        raise ApiError.invalid(f'sellerSkus has more than {MAX_SKUS} values.')
    sku = query_text(call.query, 'sellerSku')
    found = list(call.seller.walk_fba_stock(marketplace_id))
    if since is not None:
        return [stock for stock in found if stock.noticed > since]
    wanted = skus or ([] if sku is None else [sku])
    return [stock for stock in found if not wanted or stock.sku in wanted]


OPERATIONS = (
    Operation(
        'getInventorySummaries', 'GET', '/fba/inventory/v1/summaries',
        2, 2, _get_inventory_summaries, role=ROLE_LISTINGS,
    ),
)
