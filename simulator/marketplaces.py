"""Amazon's marketplaces, as `getMarketplaceParticipations` describes them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

CENT = Decimal('0.01')
MINOR_UNITS = {
    'JPY': Decimal(1),
    **dict.fromkeys(('BHD', 'JOD', 'KWD', 'OMR', 'TND'), Decimal('0.001')),
}


@dataclass(frozen=True)
class Marketplace:
    """One of Amazon's stores.

    :param code: the ISO country code, by which Python code names the marketplace
    :param order_prefix: the first block of an order id placed there
    """
    code: str
    id: str
    domain: str
    currency: str
    language: str
    order_prefix: str

    @property
    def name(self) -> str:
        """Return the name that orders carry, e.g. 'Amazon.de'."""
        return self.domain.capitalize()

    @property
    def minor_unit(self) -> Decimal:
        """Return the smallest amount of the marketplace's currency, e.g. 0.01."""
        return minor_unit(self.currency)


MARKETPLACES: tuple[Marketplace, ...] = (
    Marketplace('CA', 'A2EUQ1WTGCTBG2', 'amazon.ca', 'CAD', 'en_CA', '701'),
    Marketplace('US', 'ATVPDKIKX0DER', 'amazon.com', 'USD', 'en_US', '111'),
    Marketplace('MX', 'A1AM78C64UM0Y8', 'amazon.com.mx', 'MXN', 'es_MX', '702'),
    Marketplace('BR', 'A2Q3Y263D00KWC', 'amazon.com.br', 'BRL', 'pt_BR', '701'),
    Marketplace('IE', 'A28R8C7NBKEWEA', 'amazon.ie', 'EUR', 'en_IE', '206'),
    Marketplace('ES', 'A1RKKUPIHCS9HS', 'amazon.es', 'EUR', 'es_ES', '404'),
    Marketplace('GB', 'A1F83G8C2ARO7P', 'amazon.co.uk', 'GBP', 'en_GB', '202'),
    Marketplace('FR', 'A13V1IB3VIYZZH', 'amazon.fr', 'EUR', 'fr_FR', '403'),
    Marketplace('BE', 'AMEN7PMS3EDWL', 'amazon.com.be', 'EUR', 'fr_BE', '405'),
    Marketplace('NL', 'A1805IZSGTT6HS', 'amazon.nl', 'EUR', 'nl_NL', '407'),
    Marketplace('DE', 'A1PA6795UKMFR9', 'amazon.de', 'EUR', 'de_DE', '305'),
    Marketplace('IT', 'APJ6JRA9NG5V4', 'amazon.it', 'EUR', 'it_IT', '404'),
    Marketplace('SE', 'A2NODRKZP88ZB9', 'amazon.se', 'SEK', 'sv_SE', '408'),
    Marketplace('ZA', 'AE08WJ6YKNBMC', 'amazon.co.za', 'ZAR', 'en_ZA', '409'),
    Marketplace('PL', 'A1C3SOZRARQ6R3', 'amazon.pl', 'PLN', 'pl_PL', '410'),
    Marketplace('EG', 'ARBP9OOSHTCHU', 'amazon.eg', 'EGP', 'ar_AE', '411'),
    Marketplace('TR', 'A33AVAJ2PDY3EV', 'amazon.com.tr', 'TRY', 'tr_TR', '412'),
    Marketplace('SA', 'A17E79C6D8DWNP', 'amazon.sa', 'SAR', 'ar_AE', '413'),
    Marketplace('AE', 'A2VIGQ35RCS4UG', 'amazon.ae', 'AED', 'en_AE', '414'),
    Marketplace('IN', 'A21TJRUUN4KGV', 'amazon.in', 'INR', 'en_IN', '171'),
    Marketplace('SG', 'A19VAU5U5O7RUS', 'amazon.sg', 'SGD', 'en_SG', '503'),
    Marketplace('AU', 'A39IBJ37TRP1C6', 'amazon.com.au', 'AUD', 'en_AU', '249'),
    Marketplace('JP', 'A1VC38T7YXB528', 'amazon.co.jp', 'JPY', 'ja_JP', '250'),
)

_BY_KEY: dict[str, Marketplace] = {
    key: marketplace for marketplace in MARKETPLACES for key in (marketplace.code, marketplace.id)
}
_BY_KEY['UK'] = _BY_KEY['GB']


def find_marketplace(key: str) -> Marketplace:
    """Return the marketplace with that country code ('UK' too) or Amazon id.

    :raise KeyError: there is none
    """
    return _BY_KEY[key]


def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount of a currency, e.g. 0.01."""
    return MINOR_UNITS.get(currency, CENT)


def is_marketplace(key: str) -> bool:
    """Tell whether a country code or Amazon id names a marketplace."""
    return key in _BY_KEY
