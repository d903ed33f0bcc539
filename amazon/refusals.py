"""Why Amazon refuses a package or a cancellation, read from what it says about it.

Amazon's codes are too coarse for that: almost every refusal is an `InvalidInput`. Its messages are
not part of any contract, so that an unknown one is no more than unknown.
"""

from __future__ import annotations

import re

CANCELLED = 'cancelled'
SHIP_PLUS = 'ship_plus'
SHIPPED = 'shipped'
UNKNOWN_ITEM = 'unknown_item'
QUANTITY = 'quantity'
LATE_SHIP_DATE = 'late_ship_date'
EARLY_SHIP_DATE = 'early_ship_date'
CARRIER = 'carrier'

_PATTERNS = {
    SHIP_PLUS: r'ship\s*(\+|plus)|ship_plus',
    CANCELLED: r'cancell?ed',
    SHIPPED: r'PackageToUpdateNotFound|(already|has) (been )?(confirmed|fulfilled|shipped)',
    LATE_SHIP_DATE: r'(ship|fulfil?lment) ?date.*future',
    EARLY_SHIP_DATE: r'(ship|fulfil?lment) ?date.*(before|earlier|prior)',
    QUANTITY: r'quantity',
    UNKNOWN_ITEM: r'(has no|invalid|not found|unknown).*(order ?item|item ?code)'
                  r'|(order ?item|item ?code).*(does not|invalid|not found|unknown)',
    CARRIER: r'carrier',
}
_CAUSES = {cause: re.compile(pattern, re.IGNORECASE) for cause, pattern in _PATTERNS.items()}


def find_cause(message: str) -> str | None:
    """Return the cause that a message of Amazon's tells of, `None` if it is unknown."""
    return next((cause for cause, pattern in _CAUSES.items() if pattern.search(message)), None)
