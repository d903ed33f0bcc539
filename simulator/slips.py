"""Texts that are good for one use and for a while: authorisation codes, and Amazon's states."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from .applications import Application
from .state import Clock, Seller


@dataclass(frozen=True)
class Consent:
    """What a seller has consented to.

    :param redirect_uri: where the seller is sent back, '' while the application has not told
    """
    application: Application
    seller: Seller
    redirect_uri: str = ''


class Slips:
    """The texts of one kind that were given out.

    :param lifetime: for how long each is good
    """

    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self.clear()

    def clear(self) -> None:
        """Forget all texts."""
        self._consents: dict[str, tuple[Consent, datetime]] = {}

    def issue(self, consent: Consent) -> str:
        """Return a new text that stands for a consent."""
        text = secrets.token_hex(16)
        self._consents[text] = consent, self._clock.now() + self._lifetime
        return text

    def find(self, text: str) -> Consent | None:
        """Return what a text stands for, None when it is unknown, used or too old."""
        consent, expires_at = self._consents.get(text, (None, None))
        return consent if consent and self._clock.now() < expires_at else None

    def spend(self, text: str) -> None:
        """Use a text up."""
        del self._consents[text]
