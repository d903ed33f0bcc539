"""What Amazon owes the seller, and why.

Source of every call and field: the Finances API v2024-06-19.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sp_api.api.finances.finances_2024_06_19 import FinancesV20240619

from .client import Client
from .limits import RATES, SIZES, Rate

TRANSACTIONS_OPERATION = 'listTransactions'
RATES[TRANSACTIONS_OPERATION] = Rate(0.5, 10)
SIZES[TRANSACTIONS_OPERATION] = 16 * 2**20
SHORT_PERIOD = timedelta(hours=1)
NOT_YET = timedelta(minutes=10)  # Amazon wants two of them, by its own clock.


def fetch_few_transactions(client: Client) -> dict[str, Any]:
    """Ask Amazon for what was posted within a short time, which may be nothing at all.

    It proves that Amazon lets the application see it. Source: `listTransactions`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    until = datetime.now(timezone.utc) - NOT_YET
    return client.call(
        TRANSACTIONS_OPERATION,
        FinancesV20240619.list_transactions,
        postedAfter=(until - SHORT_PERIOD).isoformat(timespec='seconds'),
        postedBefore=until.isoformat(timespec='seconds'),
    )
