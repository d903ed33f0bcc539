"""Invoices that sellers upload for their buyers: one PDF a feed, with options, and its report.

Source: the feed type UPLOAD_VAT_INVOICE of the Feeds API v2021-06-30, and the "VAT Invoice Uploader
developer guide".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from .errors import Malformed
from .limits import RATES, Rate

FEED_TYPE = 'UPLOAD_VAT_INVOICE'
CONTENT_TYPE = 'application/pdf'
# One in three seconds, unlike other feeds. What is denied is sent twice, with another token.
RATES[f'createFeed {FEED_TYPE}'] = Rate(1 / 3, 2)

# ISO 3166-1 alpha-2.
COUNTRIES = {'BE', 'DE', 'ES', 'FR', 'GB', 'IE', 'IT', 'NL', 'PL', 'SE'}

INVOICE, CREDIT_NOTE = 'Invoice', 'CreditNote'
# What Amazon does not take in the value of an option.
_FORBIDDEN = re.compile(r'[^,/\\ \-_;:0-9A-Za-z#.]')

_COUNT = re.compile(r'^\W*(.*?\D)\s+(\d+)\s*$')
_CODE = re.compile(r'\d{3,}')
_COUNTS = 2  # processed, successful


@dataclass(frozen=True)
class UploadReport:
    """What Amazon says of a document."""

    is_accepted: bool
    errors: tuple[tuple[str, str], ...]  # codes and messages
    seller_id: str = ''


def build_feed_options(
    order_ref: str,
    number: str,
    is_credit_note: bool,
    total: Decimal | None = None,
    tax: Decimal | None = None,
    transaction_ref: str = '',
) -> dict[str, str]:
    """Return what Amazon wants to know of a document.

    :param order_ref: Amazon's number of the order.
    :param number: That of the document.
    :param total: What it asks for; Amazon compares it with the order.
    :param tax: How much of that is tax.
    :param transaction_ref: Amazon's number of the refund that a credit note is about.
    """
    options = {
        'metadata:orderid': order_ref,
        'metadata:invoicenumber': number,
        'metadata:documenttype': CREDIT_NOTE if is_credit_note else INVOICE,
        'metadata:totalamount': '' if total is None else f'{total:f}',
        'metadata:totalvatamount': '' if tax is None else f'{tax:f}',
        'metadata:transactionid': transaction_ref,
    }
    return {key: _FORBIDDEN.sub('-', value) for key, value in options.items() if value}


def parse_upload_report(content: bytes) -> UploadReport:
    """Return what Amazon's report on a document says, whatever language it is in.

    :raise Malformed: If it is no report.
    """
    lines = content.decode('utf-8-sig', errors='replace').splitlines()
    counts = [int(match[2]) for line in lines if (match := _COUNT.match(line))][:_COUNTS]
    if len(counts) < _COUNTS:
        raise Malformed(FEED_TYPE, 'report', "tells no number of records")
    errors = tuple(error for line in lines if (error := _parse_error(line)))
    return UploadReport(not errors and counts[0] == counts[1] == 1, errors)


def _parse_error(line: str) -> tuple[str, str] | None:
    """Return the code and the message in a line of the report's table."""
    cells = [cell.strip() for cell in line.split('\t')]
    codes = [index for index, cell in enumerate(cells[1:], 1) if _CODE.fullmatch(cell)]
    if len(cells) < len(('record', 'code', 'message')) or not codes or not cells[-1]:
        return None
    if codes[0] == len(cells) - 1:
        return None
    return cells[codes[0]], cells[-1]
