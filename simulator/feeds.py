"""The feeds of the simulated Amazon: their moods, their results."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .desk import Desk, Job
from .faults import Faults, Occasion
from .feed_processing import Report, process
from .listings_feed import FEED_TYPE as LISTINGS_FEED
from .listings_feed import ListingsReport, process_listings
from .state import Clock, Seller
from .storage import Storage
from .vat_invoices_feed import FEED_TYPE as VAT_INVOICES
from .vat_invoices_feed import InvoiceReport, process_vat_invoice

HTML_REPORT = b'<html><body>Your report is being prepared.</body></html>'


@dataclass(kw_only=True)
class Feed(Job):
    """A feed of one seller.

    :param content: the input document, None when nothing was uploaded
    :param options: `feedOptions`
    """
    content: bytes | None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def feed_id(self) -> str:
        """Return the feed's id."""
        return self.job_id

    @property
    def feed_type(self) -> str:
        """Return the feed's type."""
        return self.kind

    def as_json(self) -> dict[str, Any]:
        """Return the feed as `getFeed` shows it."""
        return self._as_json('feed', {'resultFeedDocumentId': self.result_id})


class FeedDesk(Desk[Feed]):
    """Take feeds, and do what they say."""
    first_id = 50000000001

    def __init__(self, clock: Clock, faults: Faults) -> None:
        super().__init__(clock, faults)
        self.storage = Storage(clock)
        self.clear()

    def clear(self) -> None:
        """Forget all feeds and their documents."""
        super().clear()
        self.storage.clear()

    def queue(
        self, seller: Seller, feed_type: str, marketplace_ids: Iterable[str], content: bytes | None,
        options: Mapping[str, str] | None = None,
    ) -> Feed:
        """Queue a feed and return it."""
        feed = Feed(
            job_id=self._next_id(), seller=seller, kind=feed_type,
            marketplace_ids=tuple(marketplace_ids), created=self._clock.now(), content=content,
            options=dict(options or {}),
        )
        self.jobs[feed.feed_id] = feed
        return feed

    def _strike(self, feed: Feed) -> frozenset[str]:
        return frozenset(fault.kind for fault in self._faults.strike(
            Occasion(feed.feed_type, feed.seller.profile.seller_id, is_feed=True),
        ))

    def _process(self, feed: Feed) -> str:
        """Do what a feed says, keep the report, and return the status it ends with."""
        # Of an invoice that was not uploaded Amazon says so.
        is_readable = feed.content is not None or feed.feed_type == VAT_INVOICES
        if not is_readable or 'feed_fatal' in feed.manners:
            return 'FATAL'
        report = _process_content(feed, feed.content or b'')
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


def _process_content(feed: Feed, content: bytes) -> Report | ListingsReport | InvoiceReport:
    if feed.feed_type == VAT_INVOICES:
        return process_vat_invoice(
            feed.seller, feed.marketplace_ids[0], feed.options, content, feed.manners,
        )
    if feed.feed_type == LISTINGS_FEED:
        return process_listings(feed.seller, feed.marketplace_ids[0], content, feed.manners)
    return process(feed.seller, feed.feed_type, content, feed.manners)
