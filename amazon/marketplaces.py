"""The marketplaces in which a seller takes part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sp_api.api.sellers.sellers import Sellers

from .client import Client
from .limits import RATES, Rate
from .payload import Node
from .texts import clean

PARTICIPATIONS_OPERATION = 'getMarketplaceParticipations'
RATES[PARTICIPATIONS_OPERATION] = Rate(0.016, 15)

MAX_STORE_NAME = 100  # characters

# Amazon's warehouses in the European Union are one for all of them (Pan-European FBA): for each,
# Amazon shows the same stock. Britain, Turkey and the others of the region have their own.
PAN_EUROPEAN = {
    'A13V1IB3VIYZZH',  # FR
    'A1805IZSGTT6HS',  # NL
    'A1C3SOZRARQ6R3',  # PL
    'A1PA6795UKMFR9',  # DE
    'A1RKKUPIHCS9HS',  # ES
    'A28R8C7NBKEWEA',  # IE
    'A2NODRKZP88ZB9',  # SE
    'AMEN7PMS3EDWL',  # BE
    'APJ6JRA9NG5V4',  # IT
}
PAN_EUROPEAN_POOL = 'pan-european'


@dataclass(frozen=True)
class Participation:
    """A marketplace and the seller's standing in it.

    Source: `MarketplaceParticipation` of the Sellers API v1.
    """

    marketplace_id: str
    name: str  # "Amazon.de"
    country_code: str  # ISO 3166-1 alpha-2
    currency_code: str  # ISO 4217
    language_code: str  # with country: "de_DE"
    domain_name: str  # "www.amazon.de"
    is_participating: bool
    is_suspended: bool  # what the seller sells there
    store_name: str = ''


def get_stock_pool(marketplace_id: str) -> str:
    """Return what marketplaces have in common that share Amazon's warehouses, else their own id."""
    return PAN_EUROPEAN_POOL if marketplace_id in PAN_EUROPEAN else marketplace_id


def fetch_participations(client: Client) -> dict[str, Any]:
    """Ask Amazon where the seller takes part; see :func:`parse_participations`.

    Source: `getMarketplaceParticipations` of the Sellers API v1.

    :raise AmazonError: As :meth:`Client.call`.
    """
    return client.call(PARTICIPATIONS_OPERATION, Sellers.get_marketplace_participation)


def parse_participations(payload: Mapping[str, Any]) -> list[Participation]:
    """Return the participations in a response of `getMarketplaceParticipations`.

    :raise Malformed: If a required field is missing or of a wrong type.
    """
    root = Node(payload, '', PARTICIPATIONS_OPERATION)
    return [_parse_participation(entry) for entry in root.children('payload', required=True)]


def _parse_participation(entry: Node) -> Participation:
    marketplace = entry.child('marketplace', required=True)
    standing = entry.child('participation', required=True)
    return Participation(
        marketplace_id=marketplace.text('id', required=True),
        name=marketplace.text('name', required=True),
        country_code=marketplace.text('countryCode', required=True),
        currency_code=marketplace.text('defaultCurrencyCode', required=True),
        language_code=marketplace.text('defaultLanguageCode', required=True),
        domain_name=marketplace.text('domainName', required=True),
        is_participating=_read_flag(standing, 'isParticipating'),
        is_suspended=_read_flag(standing, 'hasSuspendedListings'),
        store_name=_read_store_name(entry.value.get('storeName')),
    )


def _read_flag(node: Node, key: str) -> bool:
    flag = node.value.get(key)
    if not isinstance(flag, bool):
        node.fail(key, "is neither true nor false")
    return flag


def _read_store_name(name: Any) -> str:
    """Return what the seller calls the store, empty if that is odd: nothing depends on it."""
    return clean(name)[:MAX_STORE_NAME] if isinstance(name, str) else ''
