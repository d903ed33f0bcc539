"""The companies through which Amazon bills its fees to sellers.

Since August 2024 the branches of Amazon EU bill with the tax of their country; sellers elsewhere in
the European Union have their bills from Luxembourg, without tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Company:
    """A company of Amazon's, as far as a contact needs it."""

    name: str
    country_code: str  # ISO 3166-1 alpha-2
    vat: str = ''


LUXEMBOURG = Company("Amazon Services Europe S.à r.l.", 'LU', 'LU19647148')
# By the country of the seller.
BRANCHES = {
    company.country_code: company for company in (
        Company("Amazon EU S.à r.l., Belgian Branch", 'BE'),
        Company("Amazon EU S.à r.l., Niederlassung Deutschland", 'DE'),
        Company("Amazon EU S.à r.l., Sucursal en España", 'ES'),
        Company("Amazon EU S.à r.l., Succursale Française", 'FR'),
        Company("Amazon EU S.à r.l., UK Branch", 'GB'),
        Company("Amazon EU S.à r.l., Succursale Italiana", 'IT'),
        Company("Amazon EU S.à r.l., Dutch Branch", 'NL'),
        Company("Amazon EU S.à r.l., oddział w Polsce", 'PL'),
        Company("Amazon EU S.à r.l., Filial Sverige", 'SE'),
    )
}
# Their bills show the tax of the country, and what is withheld includes it.
BILLED_WITH_LOCAL_TAX = frozenset(BRANCHES)
# By the country of the marketplace.
ELSEWHERE = {
    company.country_code: company for company in (
        Company("Amazon Commercial Services Pty Ltd", 'AU'),
        Company("Amazon Serviços de Varejo do Brasil Ltda.", 'BR'),
        Company("Amazon.com.ca ULC", 'CA'),
        Company("Amazon Seller Services Private Limited", 'IN'),
        Company("Amazon Japan G.K.", 'JP'),
        Company("Servicios Comerciales Amazon México, S. de R.L. de C.V.", 'MX'),
        Company("Amazon.com Services LLC", 'US'),
    )
}
EUROPE = frozenset({*BRANCHES, 'IE', 'LU', 'TR'})


def propose_company(seller_country: str, marketplace_countries: Iterable[str]) -> Company | None:
    """Return the company that bills a seller, as far as one is known.

    :param seller_country: The country code of the seller.
    :param marketplace_countries: Those of the marketplaces, the most important one first.
    """
    for country in marketplace_countries:
        if country in EUROPE:
            return BRANCHES.get(seller_country, LUXEMBOURG)
        if country in ELSEWHERE:
            return ELSEWHERE[country]
    return None
