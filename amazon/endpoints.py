"""The addresses at which Amazon is called, and which others may be."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import requests

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

STORAGE_HOST = re.compile(r'([a-z0-9-]+\.)+amazonaws\.com')


def is_amazons(endpoint: str) -> bool:
    """Tell whether an endpoint is Amazon itself, and not something that stands in for it."""
    return any(endpoint in regions.values() for regions in ENDPOINTS.values())


def is_safe_endpoint(url: str) -> bool:
    """Tell whether tokens may be sent to an address.

    That is any HTTPS host, or plain HTTP to the machine itself; without credentials, query or
    fragment.
    """
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' @?#\\'):
        return False
    return is_private(url)


def is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent to an address.

    That is any HTTPS host, or plain HTTP to the machine itself.
    """
    address = _split(url)
    if not address or not address.hostname:
        return False
    return address.scheme == 'https' or (
        address.scheme == 'http' and _is_loopback(address.hostname)
    )


def is_storage(url: str) -> bool:
    """Tell whether an address is one of Amazon's storage, where its documents lie."""
    address = _split(url)
    if not address or not url.isascii() or '\\' in url:
        return False
    # The host and nothing else: no user, and no port but that of HTTPS.
    return address.scheme == 'https' and bool(
        STORAGE_HOST.fullmatch(address.netloc.removesuffix(':443')),
    )


def _split(url: str) -> SplitResult | None:
    """Return the parts of the address that requests would call, `None` if it would call none.

    Not everybody finds the same host in an odd address.
    """
    if not url.isprintable():
        return None
    try:
        return urlsplit(requests.Request('GET', url).prepare().url)
    except (requests.RequestException, ValueError):
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
