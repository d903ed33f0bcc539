"""The reports of the simulated Amazon: their moods, their documents."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .desk import Desk, Job
from .faults import Faults, Occasion
from .listings_report import render_listings
from .marketplaces import find_marketplace
from .rendering import to_iso
from .roles import ROLE_FINANCES, ROLE_LISTINGS
from .settlement_report import render_settlements
from .settlements import Settlement
from .state import Clock, Seller
from .storage import REPORT_DOCUMENTS, Document, Storage

ALL_LISTINGS = 'GET_MERCHANT_LISTINGS_ALL_DATA'
SETTLEMENTS = 'GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2'
# The role that an application needs for a report, by type.
REPORT_TYPES = {ALL_LISTINGS: ROLE_LISTINGS, SETTLEMENTS: ROLE_FINANCES}
# The others Amazon makes when it sees fit.
REQUESTED_TYPES = (ALL_LISTINGS,)
# How many marketplaces a report of settlements names, none of which says what is in it.
NAMED_MARKETPLACES = 9
# Amazon makes a report of listings anew after so many seconds.
CACHED_FOR = 3600.0


@dataclass(kw_only=True)
class Report(Job):
    """A report of one seller.

    :param options: `reportOptions`
    :param data_from: `dataStartTime`, as `data_until` is `dataEndTime`; reports of listings make no
        use of them
    """
    options: Mapping[str, str]
    data_from: datetime | None = None
    data_until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as `getReport` shows it."""
        return self._as_json('report', {
            'dataStartTime': self.data_from and to_iso(self.data_from),
            'dataEndTime': self.data_until and to_iso(self.data_until),
            'reportDocumentId': self.result_id,
        })


class ReportDesk(Desk[Report]):
    """Make reports.

    What was made well is given to later reports of the same type and marketplaces that are asked
    for within `cached_for` seconds, whatever their options are.
    """
    first_id = 70000000001

    def __init__(self, clock: Clock, faults: Faults) -> None:
        super().__init__(clock, faults)
        self.cached_for = CACHED_FOR
        self.storage = Storage(clock, REPORT_DOCUMENTS, 'amzn1.spdoc.1.4.eu')
        self.clear()

    def clear(self) -> None:
        """Forget all reports and their documents."""
        super().clear()
        self.storage.clear()
        self._cache: dict[tuple[str, str, tuple[str, ...]], Document] = {}

    def queue(
        self, seller: Seller, report_type: str, marketplace_ids: Iterable[str],
        options: Mapping[str, str] | None = None, **details: datetime | None,
    ) -> Report:
        """Queue a report and return it.

        :param details: further fields of `Report`
        """
        report = Report(
            job_id=self._next_id(), seller=seller, kind=report_type,
            marketplace_ids=tuple(marketplace_ids), created=self._clock.now(),
            options=options or {}, **details,
        )
        self.jobs[report.job_id] = report
        return report

    def publish_settlements(
        self, seller: Seller, settlements: Sequence[Settlement], odds: Collection[str] = (),
    ) -> str:
        """Make a report of settlements unasked, and return its id.

        :param odds: what is odd about the document, names of `SETTLEMENT_ODDITIES`
        """
        content, content_type, compression = render_settlements(settlements, odds)
        now = self._clock.now()
        report = self.queue(
            seller, SETTLEMENTS, seller.marketplace_ids[:NAMED_MARKETPLACES],
            data_from=min(settlement.start for settlement in settlements),
            data_until=max(settlement.end for settlement in settlements),
        )
        report.started = report.ended = now
        report.status = 'DONE'
        report.result_id = self.storage.add(
            seller, content_type, content, compression,
        ).document_id
        return report.job_id

    def _strike(self, report: Report) -> frozenset[str]:
        return frozenset(fault.kind for fault in self._faults.strike(
            Occasion(report.kind, report.seller.profile.seller_id, is_report=True),
        ))

    def _process(self, report: Report) -> str:
        if 'report_fatal' in report.manners:
            return 'FATAL'
        if 'report_no_document' not in report.manners:
            document = self._cached(report) or self._make(report)
            report.result_id = document.document_id
        return 'DONE'

    def _cached(self, report: Report) -> Document | None:
        document = self._cache.get(_cache_key(report))
        lifetime = timedelta(seconds=self.cached_for)
        # The order in which two are made need not be the one in which they were asked for.
        if document and report.created < document.created + lifetime:
            return document
        return None

    def _make(self, report: Report) -> Document:
        marketplace = find_marketplace(report.marketplace_ids[0])
        content, content_type = render_listings(
            report.seller.walk_listings(marketplace.id), marketplace,
            report.options.get('preferredReportDocumentLocale', ''), report.manners,
        )
        is_compressed = bool(content) and 'report_uncompressed' not in report.manners
        if is_compressed:
            content = gzip.compress(content)
        if 'report_cut_gzip' in report.manners:
            content = content[: len(content) // 2]
        document = self.storage.add(
            report.seller, content_type, content, 'GZIP' if is_compressed else '',
        )
        if not report.manners:
            self._cache[_cache_key(report)] = document
        return document


def _cache_key(report: Report) -> tuple[str, str, tuple[str, ...]]:
    return report.seller.profile.seller_id, report.kind, report.marketplace_ids
