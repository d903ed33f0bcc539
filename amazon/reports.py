"""Amazon's reports: documents that Amazon writes in its own time, once it is asked for them.

Each step may be repeated, so that whoever stores what it has returned can go on from there:
:func:`create_report`, :func:`fetch_report` until it is over, :func:`fetch_document`. What a
document says is its own matter. Source of every call and field: the Reports API v2021-06-30.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sp_api.api.reports.reports import Reports
from sp_api.base import fill_query_params

from . import documents
from .client import Client
from .errors import Malformed
from .limits import RATES, SIZES, Rate
from .payload import Node

CREATE_OPERATION = 'createReport'
GET_OPERATION = 'getReport'
LIST_OPERATION = 'getReports'
GET_DOCUMENT_OPERATION = 'getReportDocument'
RATES.update({
    CREATE_OPERATION: Rate(0.0167, 15),
    GET_OPERATION: Rate(2.0, 15),
    LIST_OPERATION: Rate(0.0222, 10),
    GET_DOCUMENT_OPERATION: Rate(0.0167, 15),
})
# A step after Amazon's operation, at an address of its storage.
DOWNLOAD_STEP = 'downloadReportDocument'
SIZES[DOWNLOAD_STEP] = documents.MAX_SIZE

DONE = 'DONE'
# A report that is cancelled by nobody is one without data; what is FATAL may have a document.
FINAL_STATUSES = {DONE, 'CANCELLED', 'FATAL'}
USABLE_STATUSES = (DONE, 'IN_PROGRESS', 'IN_QUEUE')
PAGE_SIZE = 100


@dataclass(frozen=True)
class Report:
    """How far Amazon is with a report."""

    report_id: str
    type: str
    status: str  # IN_QUEUE, IN_PROGRESS, one of FINAL_STATUSES, or newer than this code
    document_id: str  # empty as long as there is none
    created_at: datetime | None  # UTC, aware
    marketplace_ids: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether Amazon will do no more about it."""
        return self.status in FINAL_STATUSES


def create_report(
    client: Client,
    report_type: str,
    marketplace_ids: Iterable[str],
    options: Mapping[str, str],
) -> str:
    """Let Amazon write a report.

    Source: `createReport`.

    :param report_type: Amazon's name for what the report is about.
    :param options: What the type takes, empty if nothing.
    :return: The id of the report.
    :raise AmazonError: As :meth:`Client.call`.
    """
    payload = client.call(
        CREATE_OPERATION,
        Reports.create_report,
        reportType=report_type,
        marketplaceIds=list(marketplace_ids),
        reportOptions=dict(options) or None,
    )
    return Node(payload, '', CREATE_OPERATION).text('reportId', required=True)


def fetch_report(client: Client, report_id: str) -> Report:
    """Ask Amazon how far it is with a report.

    Source: `getReport`.

    :raise AmazonError: As :meth:`Client.call`.
    """
    payload = client.call(GET_OPERATION, Reports.get_report, report_id)
    return _parse_report(Node(payload, '', GET_OPERATION))


def fetch_recent_reports(
    client: Client,
    report_type: str,
    marketplace_ids: Iterable[str],
    since: datetime,
    statuses: Iterable[str] = USABLE_STATUSES,
) -> list[Report]:
    """Return the reports of a type that were created lately, whoever has asked for them.

    Source: `getReports`, its first page. What cannot be read of it is left out.

    :param since: The earliest time of creation, aware.
    :return: The newest first.
    :raise AmazonError: As :meth:`Client.call`.
    """
    payload = client.call(
        LIST_OPERATION,
        Reports.get_reports,
        reportTypes=[report_type],
        marketplaceIds=list(marketplace_ids),
        processingStatuses=list(statuses),
        createdSince=_format_time(since),
        pageSize=PAGE_SIZE,
    )
    oldest = datetime.min.replace(tzinfo=timezone.utc)
    reports, _next_token = _parse_page(payload)
    return sorted(reports, key=lambda report: report.created_at or oldest, reverse=True)


def fetch_reports_page(
    client: Client,
    report_type: str,
    since: datetime,
    statuses: Iterable[str] = (DONE,),
    next_token: str = '',
) -> tuple[list[Report], str]:
    """Return reports of a type that nobody has to ask for, a page of them, of all marketplaces.

    Source: `getReports`. What cannot be read of it is left out.

    :param since: The earliest time of creation, aware; at most 90 days back.
    :param next_token: That of the page before, empty for the first one.
    :return: The reports, and the token of the next page, empty on the last one.
    :raise AmazonError: As :meth:`Client.call`.
    """
    params = {'nextToken': next_token} if next_token else {  # which Amazon wants alone
        'reportTypes': [report_type],
        'processingStatuses': list(statuses),
        'createdSince': _format_time(since),
        'pageSize': PAGE_SIZE,
    }
    return _parse_page(client.call(LIST_OPERATION, Reports.get_reports, **params))


def fetch_document(client: Client, document_id: str) -> bytes:
    """Return a document of Amazon's, unpacked.

    Source: `getReportDocument`, and the address in its answer.

    :raise AmazonError: As :meth:`Client.call` and :func:`documents.download`.
    """
    payload = client.call(GET_DOCUMENT_OPERATION, _request_document, document_id)
    document = Node(payload, '', GET_DOCUMENT_OPERATION)
    return documents.download(client, DOWNLOAD_STEP, document)


def _request_document(api: Any, document_id: str) -> Any:
    """Do what the library's own method does before it writes on the answer."""
    return api._request(fill_query_params('/reports/2021-06-30/documents/{}', document_id))


def _format_time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def _parse_page(payload: dict[str, Any]) -> tuple[list[Report], str]:
    """Return the reports in an answer of `getReports`, and the token of the next page.

    :raise Malformed: If it holds no list.
    """
    root = Node(payload, '', LIST_OPERATION)
    root.entries('reports', required=True)
    reports = [report for entry in root.peek_children('reports') if (report := _try_report(entry))]
    return reports, root.peek_text('nextToken', max_length=None)


def _parse_report(report: Node) -> Report:
    return Report(
        report_id=report.text('reportId', required=True),
        type=report.text('reportType', required=True),
        status=report.text('processingStatus', required=True),
        document_id=report.text('reportDocumentId'),
        created_at=report.peek_time('createdTime'),
        marketplace_ids=tuple(report.peek_texts('marketplaceIds')),
    )


def _try_report(report: Node) -> Report | None:
    try:
        return _parse_report(report)
    except Malformed:
        return None
