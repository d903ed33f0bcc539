"""How a seller lets an application in: Amazon's page of consent, and the way back from it.

Source: "Website authorization workflow" and "Selling Partner Appstore authorization workflow" of
the Selling Partner API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .texts import clean

CONSENT_PATH = '/apps/authorize/consent'
# Amazon's own pages, on which a consent that began in its app store goes on.
SELLER_CENTRAL_HOST = re.compile(
    r'sellercentral(-(europe|japan))?\.amazon\.(com|[a-z]{2}|com?\.[a-z]{2})',
)
ERROR_CODE = re.compile(r'\b(?:MD|SPDC|SPSA)\d{4}\b')
ERROR_PARAMETERS = ('error', 'error_code', 'errorCode', 'error_description', 'message')
MAX_PARAMETER = 4096  # characters
MAX_SELLER_ID = 64  # characters


@dataclass(frozen=True)
class Consent:
    """What the seller's browser brings back from Amazon. What is missing is empty."""

    state: str = field(default='', repr=False)
    code: str = field(default='', repr=False)  # good for five minutes, and once
    seller_id: str = ''
    error: str = ''  # Amazon's code of what is wrong, such as MD5101 or access_denied


@dataclass(frozen=True)
class Login:
    """What Amazon brings to the login address when a consent begins in its app store."""

    callback_uri: str = ''
    state: str = field(default='', repr=False)
    seller_id: str = ''


def build_consent_url(
    seller_central: str, application_id: str, state: str, redirect_uri: str, is_draft: bool
) -> str:
    """Return the address of the page on which a seller lets an application in.

    :param seller_central: The address of the Seller Central of the seller's country.
    :param is_draft: Whether Amazon has not published the application.
    """
    return f'{seller_central.rstrip("/")}{CONSENT_PATH}?' + urlencode({
        'application_id': application_id,
        'state': state,
        'redirect_uri': redirect_uri,
        **({'version': 'beta'} if is_draft else {}),
    })


def build_callback_url(login: Login, state: str, redirect_uri: str, is_draft: bool) -> str:
    """Return the address at which a consent goes on that began in Amazon's app store.

    :param is_draft: Whether Amazon has not published the application.
    """
    parts = urlsplit(login.callback_uri)
    query = urlencode([
        *parse_qsl(parts.query),
        ('redirect_uri', redirect_uri),
        ('amazon_state', login.state),
        ('state', state),
        *([('version', 'beta')] if is_draft else []),
    ])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ''))


def parse_consent(query: Mapping[str, str]) -> Consent:
    """Read what the seller's browser brings back, whatever it is."""
    return Consent(
        state=_read(query, 'state'),
        code=_read(query, 'spapi_oauth_code'),
        seller_id=_read(query, 'selling_partner_id')[:MAX_SELLER_ID],
        error=_find_error(query),
    )


def parse_login(query: Mapping[str, str]) -> Login:
    """Read what Amazon brings to the login address, whatever it is."""
    return Login(
        callback_uri=_read(query, 'amazon_callback_uri'),
        state=_read(query, 'amazon_state'),
        seller_id=_read(query, 'selling_partner_id')[:MAX_SELLER_ID],
    )


def is_amazons_page(url: str, stand_in: str = '') -> bool:
    """Tell whether a consent may go on at an address.

    :param stand_in: The base address of what stands in for Amazon, if anything does.
    """
    if not url.isascii() or not url.isprintable() or '\\' in url:
        return False
    try:
        parts = urlsplit(url)
        if stand_in:
            other = urlsplit(stand_in)
            return (parts.scheme, parts.netloc) == (other.scheme, other.netloc)
    except ValueError:
        return False
    return parts.scheme == 'https' and bool(SELLER_CENTRAL_HOST.fullmatch(parts.netloc))


def is_in_japan(url: str) -> bool:
    """Tell whether an address is the Seller Central that Japan had before its present one."""
    return url.startswith('https://sellercentral-japan.amazon.com/')


def _read(query: Mapping[str, str], name: str) -> str:
    return clean(query.get(name) or '')[:MAX_PARAMETER].strip()


def _find_error(query: Mapping[str, str]) -> str:
    """Return Amazon's code of what is wrong; one that is unknown as far as it is a plain word."""
    texts = [_read(query, name) for name in ERROR_PARAMETERS]
    known = ERROR_CODE.search(' '.join(texts))
    if known:
        return known[0]
    word = next(filter(None, texts), '')
    return word if re.fullmatch(r'\w{1,40}', word, re.ASCII) else 'unknown' if word else ''


# === SHAPES === #

# What each credential looks like; the rest of it differs.
SHAPES = {
    'application_id': re.compile(r'amzn1\.(sp\.solution|sellerapps\.app)\.[\w-]+', re.ASCII),
    'lwa_client_id': re.compile(r'amzn1\.application-oa2-client\.\w+', re.ASCII),
    # Those of old are letters and digits only.
    'lwa_client_secret': re.compile(r'amzn1\.oa2-cs\.v\d\.\w+|[0-9a-f]{64}', re.ASCII),
    'refresh_token': re.compile(r'Atzr\|[\w+/=|.-]+', re.ASCII),
    'seller_id': re.compile(r'[A-Z0-9]{8,20}', re.ASCII),
}
BEGINNINGS = {
    'application_id': 'amzn1.sp.solution.',
    'lwa_client_id': 'amzn1.application-oa2-client.',
    'lwa_client_secret': 'amzn1.oa2-cs.v1.',
    'refresh_token': 'Atzr|',
}


def recognize(text: str) -> str:
    """Return which credential a text looks like, a key of `SHAPES`; empty if it looks like none."""
    return next(
        (name for name, shape in SHAPES.items() if shape.fullmatch(text.strip())), '',
    )
