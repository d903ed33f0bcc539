"""Amazon's token buckets: one per seller, application and operation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .state import Clock

# What is announced when there is no limit, so that clients which pace themselves do not wait.
UNLIMITED = 1000.0


@dataclass
class _Bucket:
    tokens: float
    filled_at: datetime


class Throttle:
    """Grant or refuse calls after Amazon's usage plans.

    :param scale: 1.0 for Amazon's own rates, 10.0 for ten times as many, None for no limit
    :param has_body: answer 429 with the `QuotaExceeded` error, not with an empty body
    """

    def __init__(self, clock: Clock, scale: float | None, has_body: bool = False) -> None:
        self.scale = scale
        self.has_body = has_body
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def rate(self, rate: float) -> float:
        """Return the rate in force, in requests per second, for one of Amazon's own."""
        return UNLIMITED if self.scale is None else rate * self.scale

    def take(self, key: tuple[str, ...], rate: float, burst: int) -> bool:
        """Take a token from a bucket and tell whether there was one."""
        if self.scale is None:
            return True
        now = self._clock.now()
        bucket = self._buckets.setdefault(key, _Bucket(burst, now))
        elapsed = (now - bucket.filled_at).total_seconds()
        bucket.tokens = min(burst, bucket.tokens + elapsed * self.rate(rate))
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def refill(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()
