"""Amazon's bills in Mexico, which are XML (CFDI): what they come to, and by what they are known.

Source: cfdv40.xsd and TimbreFiscalDigitalv11.xsd of the Mexican tax authority.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from lxml import etree

from .errors import Malformed
from .texts import clean
from .xml_feeds import parse_xml

CFDI = 'CFDI'
MAX_NUMBER = 100  # characters
REVERSAL = 'E'  # a credit note: it takes back what others charge


@dataclass(frozen=True)
class Bill:
    """A bill: its fiscal folio, and its total, which is negative for a credit note."""

    folio: str
    total: Decimal
    currency: str  # ISO 4217
    number: str = ''  # with its series


def parse_cfdi(content: bytes) -> Bill:
    """Return what a bill says.

    :raise Malformed: If it is none, or lacks its total or its folio.
    """
    root = parse_xml(content, CFDI)
    if etree.QName(root).localname != 'Comprobante':
        raise Malformed(CFDI, 'document', "is no Comprobante")
    stamp = next(root.iter('{*}TimbreFiscalDigital'), None)
    folio = '' if stamp is None else stamp.get('UUID', '').strip().upper()
    if not re.fullmatch(r'[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}', folio):
        raise Malformed(CFDI, 'TimbreFiscalDigital.UUID', "is no fiscal folio")
    try:
        total = Decimal(root.get('Total', ''))
    except InvalidOperation:
        raise Malformed(CFDI, 'Comprobante.Total', "is no amount") from None
    if not total.is_finite():
        raise Malformed(CFDI, 'Comprobante.Total', "is no amount")
    number = ' '.join(filter(None, (root.get('Serie'), root.get('Folio'))))
    return Bill(
        folio=folio,
        total=-total if root.get('TipoDeComprobante') == REVERSAL else total,
        currency=clean(root.get('Moneda', '')).upper()[:3],
        number=clean(number)[:MAX_NUMBER],
    )
