"""Listings in the JSON of Listings Items v2021-08-01."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from .listing_oddities import LISTING_ODDITIES
from .listings import MERCHANT, Listing
from .rendering import to_iso

Json = dict[str, Any]


def render_item(listings: Sequence[Listing], included: Collection[str]) -> Json:
    """Return what the listings of one SKU, each in another marketplace, show together.

    :param included: names of `DATASETS`, or of such as are always empty for sellers
    """
    payload: Json = {'sku': listings[0].sku}
    for name, render in DATASETS.items():
        if name in included:
            payload[name] = [entry for listing in listings for entry in render(listing)]
    if 'attributes' in included:
        payload['attributes'] = _render_attributes(listings)
    if 'fulfillmentAvailability' in included:
        # It does not say of which marketplace it is.
        payload['fulfillmentAvailability'] = _render_availability(listings[0])
    if listings[0].odd:
        LISTING_ODDITIES[listings[0].odd](payload)
    return payload


def get_statuses(listing: Listing) -> list[str]:
    """Return what holds of a listing, in Amazon's words."""
    statuses = ['BUYABLE'] if listing.is_buyable else []
    return statuses if listing.status == 'INCOMPLETE' else [*statuses, 'DISCOVERABLE']


def _render_summaries(listing: Listing) -> list[Json]:
    summary = {
        'marketplaceId': listing.marketplace_id,
        'asin': listing.asin,
        'productType': listing.product_type,
        'conditionType': listing.condition,
        'status': get_statuses(listing),
        'fnSku': listing.fn_sku,
        'itemName': listing.title,
        'createdDate': to_iso(listing.opened),
        'lastUpdatedDate': to_iso(listing.updated),
        'mainImage': {
            'link': f'https://m.media-amazon.example/images/{listing.asin}.jpg',
            'height': 500,
            'width': 500,
        },
    }
    return [{name: value for name, value in summary.items() if value != ''}]


def _render_offers(listing: Listing) -> list[Json]:
    if listing.status == 'INCOMPLETE' or not listing.price:
        return []
    return [{
        'marketplaceId': listing.marketplace_id,
        'offerType': 'B2C',
        'price': {'currencyCode': listing.currency, 'amount': listing.price},
        'audience': {'value': 'ALL', 'displayName': 'Sell on Amazon'},
    }]


def _render_availability(listing: Listing) -> list[Json]:
    if listing.status == 'INCOMPLETE':
        return []
    entries = []
    for channel in listing.channels:
        entry: Json = {'fulfillmentChannelCode': channel}
        if channel == MERCHANT and listing.visible_quantity is not None:
            entry['quantity'] = listing.visible_quantity
        entries.append(entry)
    return entries


def _render_attributes(listings: Sequence[Listing]) -> Json:
    attributes: Json = {}
    for listing in listings:
        for name, entries in listing.attributes.items():
            attributes[name] = [*attributes.get(name, ()), *entries]
    return attributes


def _render_product_types(listing: Listing) -> list[Json]:
    return [{'marketplaceId': listing.marketplace_id, 'productType': listing.product_type}]


DATASETS: dict[str, Callable[[Listing], list[Json]]] = {
    'summaries': _render_summaries,
    'issues': lambda listing: listing.issues,
    'offers': _render_offers,
    'procurement': lambda listing: [],
    'relationships': lambda listing: [],
    'productTypes': _render_product_types,
}
