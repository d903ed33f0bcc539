"""The tokens by which a search goes on with its next page."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import ApiError
from .state import Clock, Seller, SortKey


@dataclass(frozen=True)
class Page:
    """Where the next page of a search begins.

    :param window: what the search is about, as its operation has read it
    :param parameters: the query that must be repeated
    """
    seller: Seller
    window: Any
    parameters: Mapping[str, str]
    beyond: SortKey
    number: int
    expires_at: datetime


class PageTokens:
    """The page tokens given out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pages: dict[str, Page] = {}

    def clear(self) -> None:
        """Forget all tokens."""
        self._pages.clear()

    def issue(self, page: Page) -> str:
        """Return a token for a page."""
        token = secrets.token_urlsafe(24)
        self._pages[token] = page
        return token

    def number(self, token: str | None) -> int:
        """Return the number of the page a token leads to, 1 without a known token."""
        page = self._pages.get(token or '')
        return page.number if page else 1

    def redeem(
        self, token: str, seller: Seller, parameters: Mapping[str, str],
        name: str = 'paginationToken',
    ) -> Page:
        """Return the page behind a token.

        :param parameters: the query, without what may differ between pages
        :param name: what the operation calls the token
        :raise ApiError: the token is unknown, too old, or for another query
        """
        page = self._pages.get(token)
        if page is None or page.seller is not seller:
            raise ApiError.invalid(f'The {name} is not valid.')
        if page.expires_at <= self._clock.now():
            raise ApiError.invalid(f'The {name} has expired.')
        if page.parameters != parameters:
            raise ApiError.invalid(
                f'The parameters differ from those of the request that returned {name}.'
            )
        return page
