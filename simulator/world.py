"""All of the simulated Amazon: its sellers, its clock, its moods."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from .applications import Application, Applications
from .faults import Fault, Faults
from .feeds import FeedDesk
from .lwa import TokenDesk
from .marketplaces import find_marketplace
from .paging import PageTokens
from .rendering import to_iso
from .reports import ALL_LISTINGS, CACHED_FOR, REQUESTED_TYPES, Report, ReportDesk
from .rests import Rests
from .slips import Consent, Slips
from .state import DEFAULT_SELLER, SEARCH_LAG, Clock, Seller, SellerProfile
from .throttle import Throttle

AMAZON_STATE_LIFETIME = timedelta(minutes=10)
INVENTORY_TOKEN_LIFETIME = timedelta(seconds=30)
# Transactions become visible so long after they were posted.
POSTING_LAG = timedelta(minutes=2)
FINANCE_PAGE_SIZE = 500


@dataclass(frozen=True)
class CallRecord:
    """A request that was made.

    :param operation: Amazon's name of the operation, 'lwa', 'consent', 'uploadFeedDocument',
        'downloadFeedDocument', 'downloadReportDocument', or the path of an unknown one
    :param status: HTTP status, None when the connection was dropped
    :param time: Amazon's time
    :param query: the query parameters, none for the pages of the consent
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
        self.clock_skew = 0.0
        self.sellers: dict[str, Seller] = {}
        self.throttle = Throttle(self.clock, throttle)
        self.faults = Faults()
        self.calls: list[CallRecord] = []
        self.applications = Applications(self.clock)
        self.tokens = TokenDesk(self.clock, self.sellers, self.applications)
        self.amazon_states = Slips(self.clock, AMAZON_STATE_LIFETIME)
        self.page_tokens = PageTokens(self.clock)
        self.feeds = FeedDesk(self.clock, self.faults)
        self.reports = ReportDesk(self.clock, self.faults)
        self.inventory_rests = Rests(self.clock, INVENTORY_TOKEN_LIFETIME)
        self.finance_rests = Rests(self.clock)
        self.set_finance_pages()
        for profile in sellers:
            self.add_seller(profile)

    @property
    def seller(self) -> Seller:
        """Return the first seller."""
        return next(iter(self.sellers.values()))

    def add_seller(self, profile: SellerProfile) -> Seller:
        """Open a shop for another seller, or anew for one whose profile has changed."""
        seller = Seller(
            profile, self.clock, self.lock, self._is_order_id_taken,
            self.reports.publish_settlements,
        )
        self.sellers[profile.seller_id] = seller
        self.applications.add_for(profile)
        return seller

    # === AUTHORISATION === #

    def register_application(self, application_id: str, **values: Any) -> Application:
        """Register an application, or change a registered one (see `Applications.register`)."""
        with self.lock:
            return self.applications.register(application_id, **values)

    def renew_secret(self, key: str, new_secret: str) -> None:
        """Renew an application's client secret; the old one works for seven days still.

        :param key: the application id or the client id
        :raise LookupError: there is no such application
        """
        with self.lock:
            self.applications.renew_secret(key, new_secret)

    def issue_code(
        self, seller: Seller | None = None, *, redirect_uri: str, application_id: str = '',
    ) -> str:
        """Let a seller consent, and return the code that the application exchanges for tokens.

        :param seller: the first one unless told
        :param redirect_uri: what the application must repeat when it exchanges the code
        :param application_id: the application of the seller's profile unless told
        :raise LookupError: there is no such application
        """
        with self.lock:
            seller = seller or self.seller
            application = self.applications.find(application_id or seller.profile.client_id)
            if not seller.is_authorised:
                self.tokens.revoke_tokens(seller)
            seller.consent()
            return self.tokens.codes.issue(Consent(application, seller, redirect_uri))

    # === MOODS === #

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

    def set_clock_skew(self, seconds: float = 0.0) -> None:
        """Let the `Date` of answers differ from the machine's time."""
        with self.lock:
            self.clock_skew = seconds

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

    def set_report_pace(self, polls: int = 1, seconds: float = 0.0) -> None:
        """Let a report be queued, and then in progress, as `set_feed_pace` does with feeds."""
        with self.lock:
            self.reports.polls, self.reports.seconds = polls, seconds

    def finish_reports(self) -> None:
        """Make every report that is queued or in progress."""
        with self.lock:
            self.reports.finish()

    def set_report_cache(self, seconds: float = CACHED_FOR) -> None:
        """Let reports asked for within so many seconds be given what one before them was given."""
        with self.lock:
            self.reports.cached_for = seconds

    def set_report_mood(self, kind: str, **options: Any) -> Fault:
        """Arm what becomes of a report that is made anew.

        :param kind: one of `REPORT_MANNERS`, without 'report_'; several go together
        :param options: see `Fault`
        :raise ValueError: there is no such kind
        """
        return self.arm(f'report_{kind}', **options)

    def request_report(
        self, seller: Seller | None = None, report_type: str = ALL_LISTINGS,
        marketplace: str = '', options: dict[str, str] | None = None,
    ) -> Report:
        """Let a seller ask for a report without the application, as in Seller Central.

        :param seller: the first one unless told
        :param marketplace: country code or Amazon's id, the seller's first one unless told
        :param options: `reportOptions`
        :raise ValueError: nobody can ask for such a report
        """
        if report_type not in REQUESTED_TYPES:
            raise ValueError(f'Nobody can ask for {report_type}')
        with self.lock:
            seller = seller or self.seller
            place = find_marketplace(marketplace or seller.marketplace_ids[0])
            return self.reports.queue(seller, report_type, [place.id], options)

    def set_listing_lag(self, seconds: float = 0.0) -> None:
        """Let what is sent for listings be shown only after so many seconds of Amazon's time."""
        with self.lock:
            for seller in self.sellers.values():
                seller.listing_lag = seconds

    def set_finances_lag(self, hours: float = 0.0) -> None:
        """Let transactions be listed only so many hours after they were posted."""
        with self.lock:
            for seller in self.sellers.values():
                seller.finances_lag = hours

    def set_finance_pages(self, size: int = FINANCE_PAGE_SIZE, has_empty: bool = False) -> None:
        """Cut lists of transactions and payouts into pages.

        :param has_empty: let every page with transactions come after an empty one
        """
        with self.lock:
            self.finance_page_size, self.has_empty_finance_pages = size, has_empty

    def reset(self) -> None:
        """Start anew at the machine's time, with the same sellers, throttle, pace of feeds and
        reports, and lifetime of reports.

        Of applications there are those of the sellers, as drafts.
        """
        with self.lock:
            self.clock.reset()
            self.clock_skew = 0.0
            self.applications.clear()
            for seller in self.sellers.values():
                seller.clear()
                self.applications.add_for(seller.profile)
            self.faults.disarm()
            self.calls.clear()
            self.throttle.refill()
            self.tokens.clear()
            self.amazon_states.clear()
            self.page_tokens.clear()
            self.feeds.clear()
            self.reports.clear()
            self.inventory_rests.clear()
            self.finance_rests.clear()
            self.set_finance_pages()

    def show_newest_change(self, seller: Seller) -> None:
        """Move the clock on until `searchOrders` sees the newest change of a seller."""
        if self.visible_at_once and not self.clock.is_frozen:
            newest = seller.newest_change
            if newest <= self.clock.now() < newest + SEARCH_LAG:
                self.clock.advance_to(newest + SEARCH_LAG)

    def show_newest_money(self, seller: Seller) -> None:
        """Move the clock on until `listTransactions` sees what was posted last of a seller."""
        if self.visible_at_once and not self.clock.is_frozen:
            newest = seller.newest_posting()
            if newest is not None and self.clock.now() < newest + POSTING_LAG:
                self.clock.advance_to(newest + POSTING_LAG)

    def _is_order_id_taken(self, order_id: str) -> bool:
        return any(order_id in seller.orders for seller in self.sellers.values())
