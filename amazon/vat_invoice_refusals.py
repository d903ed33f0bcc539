"""Why Amazon does not take an invoice, read from what its report says.

Some of its codes are known; of others only the words tell, which are not part of any contract, so
that an unknown one is no more than unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .vat_invoices import AMAZON_INVOICES, NOT_PDF

KNOWN = 'known'  # Amazon has a document with this number for the order
BY_AMAZON = 'by_amazon'  # which makes the invoices of this order itself
ORDER = 'order'  # is not the seller's, or not shipped yet
DOCUMENT = 'document'  # is no PDF, or there is none
AMOUNTS = 'amounts'  # are not those that Amazon has

_CODES = {
    NOT_PDF: DOCUMENT,
    AMAZON_INVOICES: BY_AMAZON,
    '79517': ORDER,
    '79540': DOCUMENT,
    '79544': DOCUMENT,
}
_PATTERNS = {
    KNOWN: r'already (been )?(exists?|present|processed|submitted|uploaded)|duplicate',
    BY_AMAZON: r'amazon will generate',
    ORDER: r'order.?id.* (is )?(invalid|not found|unknown)|not (yet )?been (dispatched|shipped)',
    DOCUMENT: r'not (a )?pdf|invoice missing',
    AMOUNTS: r'total.?(vat.?)?amount|amount.*(differs?|match)',
}
_CAUSES = {cause: re.compile(pattern, re.IGNORECASE) for cause, pattern in _PATTERNS.items()}


def find_cause(errors: Iterable[tuple[str, str]]) -> str | None:
    """Return the cause that a report tells of, `None` if it is unknown.

    :param errors: Codes and messages.
    """
    for code, message in errors:
        if code in _CODES:
            return _CODES[code]
        for cause, pattern in _CAUSES.items():
            if pattern.search(message):
                return cause
    return None
