"""Things that go wrong at Amazon, to be armed by a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Response

from .errors import ApiError, LwaError, json_response
from .oddities import ALIENS, LINE_BREAKS, MARKUP

HTML_UNAVAILABLE = (
    '<html><head><title>503 Service Temporarily Unavailable</title></head>'
    '<body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>'
)


def _html(status: int, body: str) -> Response:
    return Response(body, status, content_type='text/html')


# Answered instead of the real thing.
ANSWERS: dict[str, Callable[[], Response]] = {
    'throttled': lambda: Response(status=429),
    'quota_exceeded': lambda: ApiError.quota_exceeded().response(),
    'internal_error': lambda: ApiError(
        500, 'InternalFailure', 'We encountered an internal error. Please try again.',
    ).response(),
    'internal_message': lambda: json_response({'message': 'Internal Server Error'}, 500),
    'unavailable': lambda: _html(503, HTML_UNAVAILABLE),
    'forbidden': lambda: json_response({'message': 'Forbidden'}, 403),
    'expired_token': lambda: ApiError.unauthorized(
        'The access token you provided has expired.',
    ).response(),
    'revoked_token': lambda: ApiError.unauthorized(
        'The access token you provided is revoked, malformed or invalid.',
    ).response(),
    'invalid_input': lambda: ApiError.invalid('The request is not valid.').response(),
    'not_found': lambda: ApiError.not_found().response(),
    'expired_page_token': lambda: ApiError.invalid(
        'The paginationToken has expired.',
    ).response(),
    'fulfillment_refused': lambda: ApiError.invalid(
        'The includedData value FULFILLMENT is not valid.',
    ).response(),
    # In words that no database takes as they are, and no page should show as they are.
    'garbled_login': lambda: LwaError(
        400, 'invalid_\x00grant', f'{ALIENS} {MARKUP}{LINE_BREAKS}',
    ).response(),
    'garbled_refusal': lambda: ApiError(
        400, 'Invalid\x00Input', f'No.{ALIENS} {MARKUP}{LINE_BREAKS}', f'{ALIENS} {MARKUP}',
    ).response(),
    'not_json': lambda: _html(200, '<html><body>Please wait.</body></html>'),
    'empty': lambda: Response(status=200, content_type='application/json'),
}
# Other ways of giving the real answer; `drop_before` does not even process the request.
MANNERS = ('delay', 'drop_before', 'drop_after', 'truncated_json')
# What becomes of a feed, and of its processing report.
FEED_MANNERS = (
    'feed_cancelled',
    'feed_fatal',
    'feed_breaks_off',
    'feed_skips_last',
    'feed_half',
    'report_missing',
    'report_incomplete',
    'report_gzip',
    'report_gzip_unmarked',
    'report_bom',
    'report_not_json',
)
# What becomes of a report, and of its document; several go together.
REPORT_MANNERS = (
    'report_fatal',
    'report_cancelled',
    'report_no_document',
    'report_localised',
    'report_shuffled_columns',
    'report_broken_line',
    'report_headers_only',
    'report_doubled',
    'report_cut_off',
    'report_no_bom',
    'report_cp1252',
    'report_shift_jis',
    'report_html',
    'report_empty',
    'report_uncompressed',
    'report_cut_gzip',
)
KINDS = (*ANSWERS, *MANNERS, *FEED_MANNERS, *REPORT_MANNERS, 'custom')

LWA = 'lwa'
CONSENT = 'consent'
UPLOAD = 'uploadFeedDocument'
DOWNLOAD = 'downloadFeedDocument'
DOWNLOAD_REPORT = 'downloadReportDocument'
# Requests that no operation of SP-API answers.
OUTSIDE = (LWA, CONSENT, UPLOAD, DOWNLOAD, DOWNLOAD_REPORT)


@dataclass(frozen=True)
class Occasion:
    """A request, as far as faults look at it; or a feed or report whose processing begins.

    :param operation: Amazon's name of the operation, one of `OUTSIDE`, or the type of the feed or
        report
    :param page: number of the page asked for, from 1
    """
    operation: str
    seller_id: str = ''
    page: int = 1
    order_id: str = ''
    sku: str = ''
    included_data: str = ''
    is_feed: bool = False
    is_report: bool = False


@dataclass
class Fault:
    """One armed fault.

    :param kind: one of `KINDS`
    :param operation: Amazon's name of the operation ('searchOrders', 'confirmShipment', …), 'lwa',
        'consent', 'uploadFeedDocument', 'downloadFeedDocument' or 'downloadReportDocument'; every
        operation of SP-API when empty;
        for what becomes of a feed or a report, its type, or empty
    :param times: how often it happens, None for until it is disarmed
    :param skip: how many matching calls pass unharmed first
    :param page: number of the page it happens on, from 1 (`searchOrders`, `searchListingsItems`)
    :param order_id: the order it happens for (`getOrder`, `confirmShipment`)
    :param sku: the listing it happens for (`getListingsItem`, `patchListingsItem`)
    :param seller_id: the seller it happens to, every one when empty
    :param seconds: of real time, for 'delay'
    :param status: for 'custom', as are `body` and `content_type`
    """
    kind: str
    operation: str = ''
    times: int | None = 1
    skip: int = 0
    page: int | None = None
    order_id: str = ''
    sku: str = ''
    seller_id: str = ''
    seconds: float = 1.0
    status: int = 200
    body: str = ''
    content_type: str = 'application/json'
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'Unknown fault {self.kind}')

    @property
    def is_spent(self) -> bool:
        """Tell whether the fault has happened as often as it should."""
        return self.times is not None and self.hits >= self.times

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether the fault is meant for a request."""
        if occasion.is_feed != (self.kind in FEED_MANNERS):
            return False
        if occasion.is_report != (self.kind in REPORT_MANNERS):
            return False
        if self.kind == 'expired_page_token' and occasion.page == 1:
            return False
        if self.kind == 'fulfillment_refused' and 'FULFILLMENT' not in (
            occasion.included_data.split(',')
        ):
            return False
        if not self.operation and occasion.operation in OUTSIDE:
            return False
        return (
            self.operation in ('', occasion.operation)
            and self.seller_id in ('', occasion.seller_id)
            and self.page in (None, occasion.page)
            and self.order_id in ('', occasion.order_id)
            and self.sku in ('', occasion.sku)
        )

    def answer(self) -> Response | None:
        """Return what is answered instead of the real thing, if anything."""
        if self.kind == 'custom':
            return Response(self.body, self.status, content_type=self.content_type)
        make_answer = ANSWERS.get(self.kind)
        return make_answer() if make_answer else None


class Faults:
    """The armed faults, in the order of arming."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> Fault:
        """Arm a fault and return it."""
        self._armed.append(fault)
        return fault

    def disarm(self, fault: Fault | None = None) -> None:
        """Disarm a fault, or all of them."""
        self._armed = [armed for armed in self._armed if fault is not None and armed is not fault]

    def strike(self, occasion: Occasion) -> list[Fault]:
        """Return the faults that happen to a request, counting them."""
        striking = []
        for fault in self._armed:
            if not fault.matches(occasion):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            striking.append(fault)
        self._armed = [fault for fault in self._armed if not fault.is_spent]
        return striking


def truncated(response: Response) -> Response:
    """Return a response that ends in the middle."""
    body = response.get_data()
    return Response(
        body[: len(body) // 2], response.status_code, content_type=response.content_type,
    )
