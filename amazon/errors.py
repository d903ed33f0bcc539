"""The ways in which a call to Amazon fails, classed by who has to wait.

Messages are safe to log and to show: they hold Amazon's error codes and messages, never a body, an
address with its query, a token, or Amazon's `details`, which may quote what was sent and stand
apart.
"""

from collections.abc import Iterable
from datetime import datetime

from .texts import clean

MAX_LENGTH = 2000  # characters of a message, or of details
MAX_CODES = 20
MAX_CODE_LENGTH = 100  # so for the id of a request


class AmazonError(Exception):
    """Base of everything that the functions of this package raise on purpose."""

    def __init__(
        self,
        operation: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        codes: Iterable[str] = (),
        details: str = '',
    ) -> None:
        """Describe a failed call. Amazon's texts are cleaned, and cut where they are too long.

        :param operation: Amazon's name of the operation, such as `searchOrders`.
        :param message: What happened, free of secrets and personal data.
        :param status: The HTTP status, `None` when there was no response.
        :param request_id: Amazon's id of the request, which its support asks for.
        :param codes: Amazon's error codes, such as `InvalidInput` or `invalid_grant`.
        :param details: What Amazon adds for whoever has sent the request. Not to be logged.
        """
        self.operation = operation
        self.message = clean(message)[:MAX_LENGTH]
        self.status = status
        self.request_id = clean(request_id)[:MAX_CODE_LENGTH] if request_id else None
        self.codes = tuple(clean(code)[:MAX_CODE_LENGTH] for code in list(codes)[:MAX_CODES])
        self.details = clean(details)[:MAX_LENGTH]
        super().__init__(f"{operation}: {self.message}")


class Unauthorized(AmazonError):
    """Amazon refuses the credentials, or a token fresh from them. The account waits for a person.

    `codes` tells which: `invalid_grant` (access revoked or expired), `invalid_client` (client id or
    secret) and `unauthorized_client` come from Login with Amazon, others from the Selling Partner
    API (a missing role, an overdue rotation of the client secret).
    """


class Throttled(AmazonError):
    """The quota of the operation is used up. The account waits until `retry_at`."""

    def __init__(
        self,
        operation: str,
        retry_at: datetime,
        *,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        """Describe a call that was not made, or that Amazon refused with status 429.

        :param retry_at: The earliest time for the next attempt, in UTC and aware of it.
        """
        super().__init__(
            operation,
            f"the quota is used up until {retry_at:%Y-%m-%d %H:%M:%S} UTC",
            status=status,
            request_id=request_id,
        )
        self.retry_at = retry_at


class NotFound(AmazonError):
    """Amazon does not have what was asked for. The record waits for a person."""


class Rejected(AmazonError):
    """Amazon refuses the request itself; `codes` tells why. The record waits for a person."""


class Malformed(AmazonError):
    """A payload lacks a field or holds a value of a wrong type. The record waits for a person."""

    def __init__(self, operation: str, field: str, problem: str) -> None:
        """Describe a payload that cannot be understood.

        :param field: The path of the field, such as `orderItems[0].quantityOrdered`.
        :param problem: What is wrong with it, such as `is missing`; not the value itself.
        """
        super().__init__(operation, f"{field} {problem}")
        self.field = field
        self.problem = problem


class Unavailable(AmazonError):
    """Amazon is out of order, out of reach, or unintelligible. Nobody is at fault; retry later."""
