"""Amazon's regions and their addresses, and the marketplaces in which a seller takes part."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sp_api.api.sellers.sellers import Sellers

from .client import Client
from .errors import Malformed

# Source: "SP-API endpoints" and "The Selling Partner API sandbox".
ENDPOINTS = {
    'production': {
        'na': 'https://sellingpartnerapi-na.amazon.com',
        'eu': 'https://sellingpartnerapi-eu.amazon.com',
        'fe': 'https://sellingpartnerapi-fe.amazon.com',
    },
    'sandbox': {
        'na': 'https://sandbox.sellingpartnerapi-na.amazon.com',
        'eu': 'https://sandbox.sellingpartnerapi-eu.amazon.com',
        'fe': 'https://sandbox.sellingpartnerapi-fe.amazon.com',
    },
}
LWA_ENDPOINT = 'https://api.amazon.com/auth/o2/token'

PARTICIPATIONS_OPERATION = 'getMarketplaceParticipations'


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
    has_suspended_listings: bool


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
    entries = _read(payload, 'payload', list, 'payload')
    return [
        _parse_participation(entry, f'payload[{index}]') for index, entry in enumerate(entries)
    ]


def _parse_participation(entry: Any, path: str) -> Participation:
    marketplace = _read(entry, 'marketplace', dict, f'{path}.marketplace')
    standing = _read(entry, 'participation', dict, f'{path}.participation')

    def text(key: str) -> str:
        return _read(marketplace, key, str, f'{path}.marketplace.{key}')

    def flag(key: str) -> bool:
        return _read(standing, key, bool, f'{path}.participation.{key}')

    return Participation(
        marketplace_id=text('id'),
        name=text('name'),
        country_code=text('countryCode'),
        currency_code=text('defaultCurrencyCode'),
        language_code=text('defaultLanguageCode'),
        domain_name=text('domainName'),
        is_participating=flag('isParticipating'),
        has_suspended_listings=flag('hasSuspendedListings'),
    )


def _read(container: Any, key: str, kind: type, path: str) -> Any:
    """Return a required value of an object.

    :raise Malformed: If it is missing or not of the kind.
    """
    if not isinstance(container, dict) or key not in container:
        raise Malformed(PARTICIPATIONS_OPERATION, path, "is missing")
    if not isinstance(container[key], kind):
        raise Malformed(PARTICIPATIONS_OPERATION, path, f"is not of type {kind.__name__}")
    return container[key]


def is_safe_endpoint(url: str) -> bool:
    """Tell whether tokens may be sent to an address.

    That is any HTTPS host, or plain HTTP to the machine itself; without credentials, query or
    fragment.
    """
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' @?#\\'):
        return False
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == 'https' or (parts.scheme == 'http' and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
