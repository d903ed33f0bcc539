"""The seller's invoices on their way to Amazon, which shows them to the buyer: one PDF a feed.

Source: "Upload invoices" of the Feeds API use case guide, and the reports that Amazon answers with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from .errors import Malformed
from .limits import RATES, Rate
from .payload import MAX_LENGTH, Node, load_json
from .tables import read_table
from .texts import clean
from .xml_feeds import parse_processing_report

FEED_TYPE = 'UPLOAD_VAT_INVOICE'
CONTENT_TYPE = 'application/pdf'
# One in three seconds, unlike other feeds. What is denied is sent twice, with another token.
RATES[f'createFeed {FEED_TYPE}'] = Rate(1 / 3, 2, is_own=True)
REPORT = 'processing report'
# ISO 3166-1 alpha-2, of the marketplaces that take invoices.
COUNTRIES = {'BE', 'DE', 'ES', 'FR', 'GB', 'IE', 'IT', 'NL', 'PL', 'SE'}

# What Amazon says of a document.
NOT_PDF = '79503'
NO_OPTIONS = '79513'
AMAZON_INVOICES = '79525'  # the order is one of those for which Amazon makes the invoice

FORBIDDEN = re.compile(r'[^,/\\ \-_;:0-9A-Za-z#.]')
COUNT = re.compile(r'\D+(\d{1,9})')
CODE = re.compile(r'\d{4,9}')
WARNING = re.compile('warn', re.IGNORECASE)
MAX_PROBLEMS = 20


@dataclass(frozen=True)
class UploadReport:
    """What became of a document."""

    is_accepted: bool
    errors: tuple[tuple[str, str], ...]  # codes and messages; none if it was accepted
    seller_id: str = ''  # empty if the report does not tell


def build_feed_options(
    order_ref: str,
    number: str,
    is_credit_note: bool,
    total: Decimal | None = None,
    tax: Decimal | None = None,
    transaction_ref: str = '',
) -> dict[str, str]:
    """Return the options of the feed for a document.

    :param number: The document's own.
    :param total: With tax; in the order's currency, as `tax`.
    :param transaction_ref: Amazon's id of the refund that a credit note is for.
    """
    options = {
        'metadata:orderid': order_ref,
        'metadata:invoicenumber': number,
        'metadata:documenttype': 'CreditNote' if is_credit_note else 'Invoice',
        'metadata:transactionid': transaction_ref,
        'metadata:totalamount': '' if total is None else f'{total:f}',
        'metadata:totalvatamount': '' if tax is None else f'{tax:f}',
    }
    return {key: FORBIDDEN.sub('-', value) for key, value in options.items() if value}


def parse_upload_report(content: bytes) -> UploadReport:
    """Return what a result document of a feed with a document says.

    It is a text, in the language of the seller; for other feeds, Amazon has left such texts behind.

    :raise Malformed: If it is no report.
    """
    start = content.lstrip(b'\xef\xbb\xbf \t\r\n')[:1]
    if start == b'<':
        return _parse_xml(content)
    return _parse_json(content) if start == b'{' else _parse_text(content)


def _parse_text(content: bytes) -> UploadReport:
    table = read_table(REPORT, content)
    lines = [
        [text for cell in cells if (text := clean(cell))]
        for cells in (table.header, *(cells for _number, cells in table.iterate_rows()))
    ]
    counts = [int(match[1]) for cells in lines if (match := COUNT.fullmatch(' '.join(cells)))]
    if len(counts) < 2:
        raise Malformed(REPORT, 'document', "has no numbers of records")
    processed, successful = counts[:2]
    problems = [problem for cells in lines if (problem := _read_problem(cells))]
    return _conclude(0 < processed <= successful, problems)


def _read_problem(cells: Sequence[str]) -> tuple[str, str, str] | None:
    """Return the code, the severity and the message in a line, if it has any."""
    for index, cell in enumerate(cells[:-1]):
        if CODE.fullmatch(cell):
            return cell, cells[index + 1] if index + 2 < len(cells) else '', cells[-1][:MAX_LENGTH]
    return None


def _parse_json(content: bytes) -> UploadReport:
    try:
        root = Node(load_json(content), '', REPORT)
    except ValueError:
        raise Malformed(REPORT, 'document', "is not JSON") from None
    summary = root.child('summary', required=True)
    accepted = summary.count('messagesAccepted', required=True)
    problems = [
        (issue.peek_text('code'), issue.peek_text('severity'), issue.peek_text('message'))
        for issue in root.peek_children('issues')
    ]
    return _conclude(accepted > 0, problems, root.peek_text('header', 'sellerId'))


def _parse_xml(content: bytes) -> UploadReport:
    report = parse_processing_report(content)
    problems = [
        (problem.code, problem.severity, problem.description)
        for entries in report.problems.values() for problem in entries
    ]
    return _conclude(bool(report.successful), problems, report.seller_id)


def _conclude(
    is_accepted: bool, problems: Sequence[tuple[str, str, str]], seller_id: str = ''
) -> UploadReport:
    """Return a report. What Amazon says of a document that it has taken is a warning."""
    errors = [] if is_accepted else [
        (code, message) for code, severity, message in problems if not WARNING.search(severity)
    ]
    return UploadReport(is_accepted, tuple(errors[:MAX_PROBLEMS]), seller_id)
