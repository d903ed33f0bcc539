"""What the seller offers on the marketplaces.

Source of every call and field: the Listings Items API v2021-08-01.
"""

from __future__ import annotations

from typing import Any

from sp_api.api.listings_items.listings_items_2021_08_01 import ListingsItemsV20210801

from .client import Client
from .limits import RATES, Rate

SEARCH_OPERATION = 'searchListingsItems'
RATES[SEARCH_OPERATION] = Rate(5.0, 5)


def fetch_first_listing(client: Client, seller_id: str, marketplace_id: str) -> dict[str, Any]:
    """Ask Amazon for one of the listings, which proves that it lets the application see them.

    Source: `searchListingsItems`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(
        SEARCH_OPERATION,
        ListingsItemsV20210801.search_listings_items,
        seller_id,
        marketplaceIds=[marketplace_id],
        pageSize=1,
    )
