"""All of the simulated Amazon: its sellers, its clock, its moods."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .faults import Fault, Faults
from .feeds import FeedDesk
from .lwa import TokenDesk
from .paging import PageTokens
from .rendering import to_iso
from .state import DEFAULT_SELLER, SEARCH_LAG, Clock, Seller, SellerProfile
from .throttle import Throttle


@dataclass(frozen=True)
class CallRecord:
    """A request that was made.

    :param operation: Amazon's name of the operation, 'lwa', 'uploadFeedDocument',
        'downloadFeedDocument', or the path of an unknown one
    :param status: HTTP status, None when the connection was dropped
    :param time: Amazon's time
    :param query: the query parameters
    """
    operation: str
    status: int | None
    time: datetime
    query: dict[str, str]
    seller_id: str

    def as_json(self) -> dict[str, Any]:
        """Return the record for the control API."""
        return {**asdict(self), 'time': to_iso(self.time)}


class World:
    """The state behind the simulator's addresses.

    :param throttle: scale of Amazon's rates, None for no limit (see `Throttle`)
    :param visible_at_once: skip the two minutes that `searchOrders` lags behind: it finds a running
        clock moved on to where the newest change is visible
    :param sellers: who sells; `DEFAULT_SELLER` unless told
    """

    def __init__(
        self,
        *,
        throttle: float | None = None,
        visible_at_once: bool = True,
        sellers: tuple[SellerProfile, ...] = (DEFAULT_SELLER,),
    ) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.visible_at_once = visible_at_once
        self.sellers: dict[str, Seller] = {}
        self.throttle = Throttle(self.clock, throttle)
        self.faults = Faults()
        self.calls: list[CallRecord] = []
        self.tokens = TokenDesk(self.clock, self.sellers)
        self.page_tokens = PageTokens(self.clock)
        self.feeds = FeedDesk(self.clock, self.faults)
        for profile in sellers:
            self.add_seller(profile)

    @property
    def seller(self) -> Seller:
        """Return the first seller."""
        return next(iter(self.sellers.values()))

    def add_seller(self, profile: SellerProfile) -> Seller:
        """Open a shop for another seller, or anew for one whose profile has changed."""
        seller = Seller(profile, self.clock, self.lock, self._is_order_id_taken)
        self.sellers[profile.seller_id] = seller
        return seller

    def arm(self, kind: str, **options: Any) -> Fault:
        """Arm a fault (see `Fault`) and return it; its `hits` count how often it happened.

        :raise ValueError: there is no such kind of fault
        """
        with self.lock:
            return self.faults.arm(Fault(kind, **options))

    def disarm(self, fault: Fault | None = None) -> None:
        """Disarm a fault, or all of them."""
        with self.lock:
            self.faults.disarm(fault)

    def set_throttle(self, scale: float | None, has_body: bool = False) -> None:
        """Limit calls to `scale` times Amazon's rates, starting with full buckets."""
        with self.lock:
            self.throttle.scale, self.throttle.has_body = scale, has_body
            self.throttle.refill()

    def set_feed_pace(self, polls: int = 1, seconds: float = 0.0) -> None:
        """Let a feed be queued, and then in progress, for so many polls and so long.

        :param polls: how often `getFeed` shows each of the two; with 0 seconds as well, a feed has
            ended when it is first looked at
        :param seconds: of Amazon's time, for each of the two
        """
        with self.lock:
            self.feeds.polls, self.feeds.seconds = polls, seconds

    def finish_feeds(self) -> None:
        """Process every feed that is queued or in progress."""
        with self.lock:
            self.feeds.finish()

    def reset(self) -> None:
        """Start anew with the same sellers, throttle and pace of feeds, at the machine's time."""
        with self.lock:
            self.clock.reset()
            for seller in self.sellers.values():
                seller.clear()
            self.faults.disarm()
            self.calls.clear()
            self.throttle.refill()
            self.tokens.clear()
            self.page_tokens.clear()
            self.feeds.clear()

    def show_newest_change(self, seller: Seller) -> None:
        """Move the clock on until `searchOrders` sees the newest change of a seller."""
        if self.visible_at_once and not self.clock.is_frozen:
            newest = seller.newest_change
            if newest <= self.clock.now() < newest + SEARCH_LAG:
                self.clock.advance_to(newest + SEARCH_LAG)

    def _is_order_id_taken(self, order_id: str) -> bool:
        return any(order_id in seller.orders for seller in self.sellers.values())
