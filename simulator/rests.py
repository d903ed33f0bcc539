"""The rests of lists that are read in pages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .errors import ApiError
from .state import Clock, Seller


@dataclass(frozen=True)
class Rest:
    """What is left of a list.

    :param about: what its operation has to know to go on
    """
    seller: Seller
    entries: list[Any]
    about: Any
    created: datetime


class Rests:
    """Give out tokens for the rests of lists.

    :param lifetime: how long a token is valid, None for as long as the simulator runs
    """

    def __init__(self, clock: Clock, lifetime: timedelta | None = None) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self.clear()

    def clear(self) -> None:
        """Forget all tokens."""
        self._rests: dict[str, Rest] = {}

    def suspend(self, seller: Seller, entries: list[Any], about: Any) -> str:
        """Return a token for the rest of a list."""
        token = secrets.token_urlsafe(24)
        self._rests[token] = Rest(seller, entries, about, self._clock.now())
        return token

    def resume(self, seller: Seller, token: str) -> Rest:
        """Return the rest of a list.

        :raise ApiError: the token is not one of the seller's, or no longer valid
        """
        rest = self._rests.get(token)
        if rest is None or rest.seller is not seller:
            raise ApiError.invalid('The nextToken is not valid.')
        if self._lifetime and self._clock.now() >= rest.created + self._lifetime:
            raise ApiError.invalid('The nextToken has expired.')
        return rest
