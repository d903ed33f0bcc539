"""The feeds of the simulated Amazon: their queue, their moods, their results."""

from __future__ import annotations

import codecs
import gzip
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .errors import ApiError
from .faults import Faults, Occasion
from .feed_processing import Report, process
from .listings_feed import FEED_TYPE as LISTINGS_FEED
from .listings_feed import ListingsReport, process_listings
from .rendering import to_iso
from .state import Clock, Seller
from .storage import Storage

HTML_REPORT = b'<html><body>Your report is being prepared.</body></html>'
FEED_STATUSES = ('IN_QUEUE', 'IN_PROGRESS', 'DONE', 'CANCELLED', 'FATAL')
OPEN_STATUSES = ('IN_QUEUE', 'IN_PROGRESS')


@dataclass
class Feed:
    """A feed of one seller.

    :param content: the input document, None when nothing was uploaded
    :param since: when it came into its status; `polls` counts how often that was asked for since,
        `polled` is when it was asked for last
    :param manners: kinds of the faults that happen to it
    """
    feed_id: str
    seller: Seller
    feed_type: str
    marketplace_ids: tuple[str, ...]
    content: bytes | None
    created: datetime

    status: str = field(default='IN_QUEUE', init=False)
    since: datetime = field(init=False)
    polls: int = field(default=0, init=False)
    polled: datetime = field(init=False)
    manners: frozenset[str] = field(default=frozenset(), init=False)
    result_id: str = field(default='', init=False)
    started: datetime | None = field(default=None, init=False)
    ended: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.since = self.polled = self.created

    @property
    def is_open(self) -> bool:
        """Tell whether the feed is still to be processed."""
        return self.status in OPEN_STATUSES

    def as_json(self) -> dict[str, Any]:
        """Return the feed as `getFeed` shows it."""
        optional = {
            'processingStartTime': self.started and to_iso(self.started),
            'processingEndTime': self.ended and to_iso(self.ended),
            'resultFeedDocumentId': self.result_id,
        }
        return {
            'feedId': self.feed_id,
            'feedType': self.feed_type,
            'marketplaceIds': list(self.marketplace_ids),
            'createdTime': to_iso(self.created),
            'processingStatus': self.status,
            **{key: value for key, value in optional.items() if value},
        }


class FeedDesk:
    """Take feeds, and process them at the pace that is set.

    A feed stays queued, and then in progress, until its status has been asked for `polls` times and
    `seconds` of Amazon's time have passed.
    """

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.polls = 1
        self.seconds = 0.0
        self.storage = Storage(clock)
        self._clock = clock
        self._faults = faults
        self.clear()

    def clear(self) -> None:
        """Forget all feeds and their documents."""
        self.storage.clear()
        self.feeds: dict[str, Feed] = {}
        self._rests: dict[str, tuple[Seller, list[Feed], int]] = {}

    def queue(
        self, seller: Seller, feed_type: str, marketplace_ids: Iterable[str], content: bytes | None,
    ) -> Feed:
        """Queue a feed and return it."""
        feed = Feed(
            str(50000000000 + len(self.feeds) + 1), seller, feed_type, tuple(marketplace_ids),
            content, self._clock.now(),
        )
        self.feeds[feed.feed_id] = feed
        return feed

    def find(self, seller: Seller, feed_id: str) -> Feed:
        """Return a seller's feed.

        :raise ApiError: there is none
        """
        feed = self.feeds.get(feed_id)
        if feed is None or feed.seller is not seller:
            raise ApiError.not_found()
        return feed

    def of(self, seller: Seller) -> list[Feed]:
        """Return a seller's feeds, the newest first."""
        return [feed for feed in reversed(self.feeds.values()) if feed.seller is seller]

    def suspend(self, seller: Seller, rest: list[Feed], size: int) -> str:
        """Return a token for the rest of a list, which is read in pages of a size."""
        token = secrets.token_urlsafe(24)
        self._rests[token] = seller, rest, size
        return token

    def resume(self, seller: Seller, token: str) -> tuple[list[Feed], int]:
        """Return the rest of a list and the size of its pages.

        :raise ApiError: the token is not one of the seller's
        """
        holder, rest, size = self._rests.get(token, (None, [], 0))
        if holder is not seller:
            raise ApiError.invalid('The nextToken is not valid.')
        return rest, size

    def count_poll(self, feed: Feed) -> None:
        """Remember that a feed's status was asked for."""
        feed.polls += 1
        feed.polled = self._clock.now()

    def cancel(self, feed: Feed) -> None:
        """Cancel a feed that is still queued.

        :raise ApiError: it no longer is
        """
        if feed.status != 'IN_QUEUE':
            raise ApiError.invalid(f'Feed {feed.feed_id} is {feed.status}.')
        feed.status = 'CANCELLED'

    def work(self) -> None:
        """Process what is due."""
        for feed in self.feeds.values():
            while feed.is_open and (moment := self._due_at(feed)):
                self._move_on(feed, moment)

    def finish(self) -> None:
        """Process everything, due or not."""
        for feed in self.feeds.values():
            while feed.is_open:
                self._move_on(feed, self._clock.now())

    def _due_at(self, feed: Feed) -> datetime | None:
        """Return when a feed's status ended, None when it has not."""
        moment = max(feed.since + timedelta(seconds=self.seconds), feed.polled)
        return moment if feed.polls >= self.polls and moment <= self._clock.now() else None

    def _move_on(self, feed: Feed, moment: datetime) -> None:
        feed.since, feed.polls = moment, 0
        if feed.status == 'IN_PROGRESS':
            feed.ended = moment
            feed.status = self._process(feed)
            return
        feed.manners = frozenset(fault.kind for fault in self._faults.strike(
            Occasion(feed.feed_type, feed.seller.profile.seller_id, is_feed=True),
        ))
        if 'feed_cancelled' in feed.manners:
            feed.status = 'CANCELLED'
        else:
            feed.started, feed.status = moment, 'IN_PROGRESS'

    def _process(self, feed: Feed) -> str:
        """Do what a feed says, keep the report, and return the status it ends with."""
        if feed.content is None or 'feed_fatal' in feed.manners:
            return 'FATAL'
        report = _process_content(feed, feed.content)
        if 'feed_breaks_off' in feed.manners:
            return 'FATAL'
        if 'report_missing' not in feed.manners:
            content = report.render(feed.feed_id, feed.seller.profile.seller_id)
            feed.result_id = self._keep(feed, content, report.content_type)
        return 'FATAL' if report.is_fatal else 'DONE'

    def _keep(self, feed: Feed, content: bytes, content_type: str) -> str:
        compression = ''
        if 'report_not_json' in feed.manners:
            content = HTML_REPORT
        if 'report_bom' in feed.manners:
            content = codecs.BOM_UTF8 + content
        if {'report_gzip', 'report_gzip_unmarked'} & feed.manners:
            content = gzip.compress(content)
            compression = 'GZIP' if 'report_gzip' in feed.manners else ''
        return self.storage.add(feed.seller, content_type, content, compression).document_id


def _process_content(feed: Feed, content: bytes) -> Report | ListingsReport:
    if feed.feed_type == LISTINGS_FEED:
        return process_listings(feed.seller, feed.marketplace_ids[0], content, feed.manners)
    return process(feed.seller, feed.feed_type, content, feed.manners)
