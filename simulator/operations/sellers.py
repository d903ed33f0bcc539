"""Sellers v1: where a seller sells."""

from __future__ import annotations

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..errors import json_response
from ..marketplaces import find_marketplace


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


OPERATIONS = (
    Operation(
        'getMarketplaceParticipations', 'GET', '/sellers/v1/marketplaceParticipations',
        0.016, 15, _get_marketplace_participations,
    ),
)
