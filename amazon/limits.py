"""Amazon's rate limits as token buckets, and how large its answers may be.

The buckets are pure functions of a state and a time; who keeps the state implements
:class:`Limiter`.
Source: "Usage plans and rate limits" of the Selling Partner API, and the API models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from .errors import Throttled


@dataclass(frozen=True)
class Rate:
    """What Amazon grants one seller and application for one operation and region."""

    per_second: float
    burst: int
    is_own: bool = False  # of some calls of the operation only: what Amazon announces is of all

    def adopt(self, per_second: float | None) -> Rate:
        """Return this rate with the pace that Amazon announced in `x-amzn-RateLimit-Limit`.

        :param per_second: Calls per second, lower or higher than before; `None` changes nothing.
        """
        if not per_second or self.is_own:
            return self
        return replace(self, per_second=per_second)


# By Amazon's names of the operations. Each resource adds its own.
RATES: dict[str, Rate] = {}

# How many bytes an answer may have, unpacked, where it is not DEFAULT_SIZE; so for each resource.
SIZES: dict[str, int] = {}
DEFAULT_SIZE = 2**20


@dataclass(frozen=True)
class Bucket:
    """The tokens left at a moment; one call takes one.

    The moment needs its microseconds: rounded down when stored, it earns tokens twice.
    """

    tokens: float
    refilled_at: datetime

    @classmethod
    def full(cls, rate: Rate, now: datetime) -> Bucket:
        """Return the bucket of an operation that has not been called yet."""
        return cls(float(rate.burst), now)

    @classmethod
    def drained(cls, now: datetime) -> Bucket:
        """Return the bucket of an operation that Amazon has just answered with status 429."""
        return cls(0.0, now)

    def refill(self, rate: Rate, now: datetime) -> Bucket:
        """Return the bucket as it is at `now`. A clock that was set back earns nothing."""
        elapsed = (now - self.refilled_at).total_seconds()
        if elapsed <= 0:
            return self
        return Bucket(min(rate.burst, self.tokens + elapsed * rate.per_second), now)

    def take(self, operation: str, rate: Rate, now: datetime, ahead: int = 0) -> Bucket:
        """Return the bucket after one call at `now`.

        :param ahead: How many others have waited longer, for each of whom a token is left.
        :raise Throttled: If no whole token is left.
        """
        bucket = self.refill(rate, now)
        wanted = min(1 + ahead, rate.burst)
        if bucket.tokens < wanted:
            raise Throttled(operation, bucket.next_token_at(rate, wanted))
        return replace(bucket, tokens=bucket.tokens - 1)

    def next_token_at(self, rate: Rate, wanted: int = 1) -> datetime:
        """Return the first moment at which the bucket holds that many whole tokens."""
        missing = max(0.0, wanted - self.tokens)
        # A microsecond more, or rounding would leave the bucket just short of the token.
        return self.refilled_at + timedelta(seconds=missing / rate.per_second, microseconds=1)


class Limiter(Protocol):
    """Keeps the buckets of one account, shared by everybody who calls Amazon for it."""

    def reserve(self, operation: str) -> None:
        """Take a token for one HTTP request, and let everybody else see that it is taken.

        :param operation: A key of `RATES`.
        :raise Throttled: If there is none.
        """

    def observe(self, operation: str, rate: float | None, throttled: bool) -> datetime | None:
        """Learn from a response.

        :param operation: A key of `RATES`.
        :param rate: The calls per second that Amazon announced, if it did.
        :param throttled: Whether the response was a 429, which empties the bucket.
        :return: The earliest time for the next attempt (UTC, aware) if throttled, else `None`.
        """
