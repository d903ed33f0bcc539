"""Reports v2021-06-30: what Amazon writes down for a seller who asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from ..api import Call, Operation
from ..desk import JOB_STATUSES
from ..errors import ApiError, json_response
from ..inputs import (
    query_choices,
    query_flag,
    query_marketplaces,
    query_moment,
    query_size,
    query_text,
    read_list,
    read_moment,
    read_object,
    read_text,
)
from ..reports import REPORT_TYPES, REQUESTED_TYPES, SETTLEMENTS, Report

REPORTS_SHOWN_FOR = timedelta(days=90)
MAX_REPORT_MARKETPLACES = 25
MAX_FILTER_VALUES = 10
DEFAULT_REPORTS = 10
MAX_REPORTS = 100


def _create_report(call: Call) -> Response:
    payload = read_object(call.body)
    report_type = read_text(payload, 'reportType')
    if report_type not in REPORT_TYPES:
        raise ApiError.invalid(f'reportType is not valid: {report_type}')
    _check_roles(call, [report_type])
    if report_type not in REQUESTED_TYPES:
        raise ApiError.invalid(f'reportType {report_type} cannot be requested or scheduled.')
    report = call.world.reports.queue(
        call.seller, report_type, _read_marketplaces(call, payload), _read_options(payload),
        data_from=_read_past(call, payload, 'dataStartTime'),
        data_until=_read_past(call, payload, 'dataEndTime'),
    )
    return json_response({'reportId': report.job_id}, 202)


def _check_roles(call: Call, report_types: Iterable[str]) -> None:
    if not call.seller.roles.issuperset(REPORT_TYPES[it] for it in report_types):
        raise ApiError.unauthorized('')


def _read_marketplaces(call: Call, payload: Mapping[str, Any]) -> list[str]:
    marketplace_ids = read_list(payload, 'marketplaceIds', str)
    if len(marketplace_ids) > MAX_REPORT_MARKETPLACES:
        raise ApiError.invalid(f'marketplaceIds has more than {MAX_REPORT_MARKETPLACES} values.')
    foreign = set(marketplace_ids).difference(call.seller.marketplace_ids)
    if foreign:
        raise ApiError.invalid(f"marketplaceIds are not the seller's: {', '.join(sorted(foreign))}")
    if len(marketplace_ids) > 1:
        raise ApiError.invalid('marketplaceIds: a report of this type is about one store.')
    return marketplace_ids


def _read_options(payload: Mapping[str, Any]) -> dict[str, str]:
    options = payload.get('reportOptions', {})
    if not isinstance(options, dict) or not all(isinstance(it, str) for it in options.values()):
        raise ApiError.invalid('reportOptions is not an object of texts.')
    return options


def _read_past(call: Call, payload: Mapping[str, Any], name: str) -> datetime | None:
    if name not in payload:
        return None
    moment = read_moment(name, read_text(payload, name))
    if moment > call.world.clock.now():
        raise ApiError.invalid(f'{name} is in the future.')
    return moment


def _get_report(call: Call) -> Response:
    report = call.world.reports.find(call.seller, call.path['report_id'])
    _check_roles(call, [report.kind])
    if call.world.clock.now() > report.created + REPORTS_SHOWN_FOR:
        raise ApiError.not_found()
    response = json_response(report.as_json())
    call.world.reports.count_poll(report)
    return response


def _cancel_report(call: Call) -> Response:
    call.world.reports.cancel(call.world.reports.find(call.seller, call.path['report_id']))
    return Response(status=200)


def _get_reports(call: Call) -> Response:
    desk = call.world.reports
    token = query_text(call.query, 'nextToken')
    if token is None:
        found = _search_reports(call)
        size = query_size(call.query, 'pageSize', MAX_REPORTS, DEFAULT_REPORTS)
    elif len(call.query) > 1:
        raise ApiError.invalid('nextToken must be the only parameter.')
    else:
        rest = desk.rests.resume(call.seller, token)
        found, size = rest.entries, rest.about
    payload: dict[str, Any] = {'reports': [report.as_json() for report in found[:size]]}
    if found[size:]:
        payload['nextToken'] = desk.rests.suspend(call.seller, found[size:], size)
    return json_response(payload)


def _search_reports(call: Call) -> list[Report]:
    """Return the reports that a first page of `getReports` asks for, the newest first."""
    types = query_choices(call.query, 'reportTypes', REPORT_TYPES)
    if not types:
        raise ApiError.invalid('Either reportTypes or nextToken is required.')
    _check_roles(call, types)
    statuses = query_choices(call.query, 'processingStatuses', JOB_STATUSES)
    marketplaces = query_marketplaces(call.query)
    if len(marketplaces) > MAX_FILTER_VALUES:
        raise ApiError.invalid(f'marketplaceIds has more than {MAX_FILTER_VALUES} values.')
    now = call.world.clock.now()
    oldest = now - REPORTS_SHOWN_FOR
    since = max(query_moment(call.query, 'createdSince') or oldest, oldest)
    until = query_moment(call.query, 'createdUntil') or now
    return [
        report for report in call.world.reports.of(call.seller)
        if report.kind in types
        and (not statuses or report.status in statuses)
        and (
            not marketplaces
            # Amazon shows all of these, whichever marketplace is asked for.
            or report.kind == SETTLEMENTS
            or marketplaces.intersection(report.marketplace_ids)
        )
        and since <= report.created <= until
    ]


def _get_report_document(call: Call) -> Response:
    storage = call.world.reports.storage
    document = storage.find(call.seller, call.path['document_id'], REPORTS_SHOWN_FOR)
    encoding = document.compression.lower()
    if not query_flag(call.query, 'enableContentEncodingUrlHeader'):
        encoding = ''
    payload = {
        'reportDocumentId': document.document_id,
        'url': call.host_url + storage.presign(document, 'GET', encoding),
    }
    if document.compression:
        payload['compressionAlgorithm'] = document.compression
    return json_response(payload)


OPERATIONS = (
    Operation('createReport', 'POST', '/reports/2021-06-30/reports', 0.0167, 15, _create_report),
    Operation('getReports', 'GET', '/reports/2021-06-30/reports', 0.0222, 10, _get_reports),
    Operation('getReport', 'GET', '/reports/2021-06-30/reports/<report_id>', 2, 15, _get_report),
    Operation(
        'cancelReport', 'DELETE', '/reports/2021-06-30/reports/<report_id>',
        0.0222, 10, _cancel_report,
    ),
    Operation(
        'getReportDocument', 'GET', '/reports/2021-06-30/documents/<document_id>',
        0.0167, 15, _get_report_document,
    ),
)
