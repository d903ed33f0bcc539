"""The simulator's HTTP: LWA, SP-API, the consent, the storage of documents, the control API."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from .api import Call, Operation
from .consent import CONSENT_PATHS, ConsentPages
from .control import Control
from .errors import ApiError, LwaError, StorageError, json_response
from .faults import CONSENT, DOWNLOAD, DOWNLOAD_REPORT, LWA, UPLOAD, Occasion, truncated
from .operations import OPERATIONS
from .state import Seller
from .storage import FEED_DOCUMENTS, REPORT_DOCUMENTS, Storage
from .world import CallRecord, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_logger = logging.getLogger(__name__)

LWA_PATH = '/auth/o2/token'
MAX_USER_AGENT = 500
# Amazon tells the rate only with these.
STATUSES_WITH_RATE = (200, 201, 202, 204, 400, 404)


class App:
    """The WSGI application.

    :param stopping: ends slow answers when set
    """

    def __init__(self, world: World, stopping: threading.Event) -> None:
        self._world = world
        self._stopping = stopping
        self._control = Control(world)
        self._consent = ConsentPages(world)
        self._routes = Map(
            [
                Rule(operation.rule, methods=[operation.method], endpoint=operation)
                for operation in OPERATIONS
            ],
            merge_slashes=False,
        )

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse,
    ) -> Iterable[bytes]:
        request = Request(environ)
        if request.path.startswith('/control/'):
            response = self._control.answer(request)
        elif request.path == LWA_PATH:
            response = self._answer_lwa(request)
        elif request.path.startswith(CONSENT_PATHS):
            response = self._answer(Occasion(CONSENT), {}, lambda: self._consent.answer(request))
        elif request.path.startswith(FEED_DOCUMENTS):
            operation = UPLOAD if request.method == 'PUT' else DOWNLOAD
            response = self._answer_storage(self._world.feeds.storage, operation, request)
        elif request.path.startswith(REPORT_DOCUMENTS):
            response = self._answer_storage(self._world.reports.storage, DOWNLOAD_REPORT, request)
        else:
            response = self._answer_api(request)
        response.headers['x-amzn-RequestId'] = str(uuid.uuid4())
        response.date = datetime.now(timezone.utc) + timedelta(seconds=self._world.clock_skew)
        return response(environ, start_response)

    # === LOGIN WITH AMAZON === #

    def _answer_lwa(self, request: Request) -> Response:
        def exchange() -> Response:
            if request.method != 'POST' or request.mimetype != 'application/x-www-form-urlencoded':
                raise LwaError(400, 'invalid_request', 'The request is not a posted form')
            return json_response(self._world.tokens.exchange(request.form))

        return self._answer(Occasion(LWA), {}, exchange)

    # === STORAGE === #

    def _answer_storage(self, storage: Storage, operation: str, request: Request) -> Response:
        occasion = Occasion(operation, storage.holder(request))
        return self._answer(occasion, {}, lambda: storage.answer(request))

    # === SELLING PARTNER API === #

    def _answer_api(self, request: Request) -> Response:
        query = request.args.to_dict()
        try:
            operation, path = self._match(request)
        except HTTPException:
            return self._answer(Occasion(request.path), query, self._refuse_path)
        occasion = Occasion(
            operation.name,
            self._world.tokens.holder(_access_token(request)),
            self._world.page_tokens.number(query.get('paginationToken', query.get('pageToken'))),
            path.get('order_id', ''),
            path.get('sku', ''),
            query.get('includedData', ''),
        )
        response = self._answer(occasion, query, lambda: self._operate(operation, path, request))
        if response.status_code in STATUSES_WITH_RATE:
            rate = self._world.throttle.rate(operation.rate)
            response.headers['x-amzn-RateLimit-Limit'] = f'{rate:g}'
        return response

    def _match(self, request: Request) -> tuple[Operation, dict[str, str]]:
        """Return the operation that a path names, and what the path's parts say.

        :raise HTTPException: there is none
        """
        # As it was sent: a part may hold a slash that is percent-encoded.
        raw_path = request.environ['RAW_URI'].partition('?')[0]
        operation, path = self._routes.bind_to_environ(request.environ).match(raw_path)
        return operation, {name: unquote(part) for name, part in path.items()}

    def _operate(
        self, operation: Operation, path: Mapping[str, str], request: Request,
    ) -> Response:
        """Answer as Amazon does when nothing is wrong with Amazon.

        :raise ApiError: the request is refused
        """
        seller = self._world.tokens.identify(_access_token(request))
        self._check_user_agent(request)
        if operation.role and operation.role not in seller.roles:
            raise ApiError.unauthorized('')
        if not self._take_token(operation, seller):
            if self._world.throttle.has_body:
                raise ApiError.quota_exceeded()
            return Response(status=429)
        if operation.lags:
            self._world.show_newest_change(seller)
        self._world.feeds.work()
        self._world.reports.work()
        return operation.perform(Call(
            seller, request.args, path, request.get_data(), request.host_url.rstrip('/'),
            self._world,
        ))

    def _refuse_path(self) -> Response:
        raise ApiError(403, 'MissingAuthenticationToken', 'Missing Authentication Token')

    def _check_user_agent(self, request: Request) -> None:
        if not 0 < len(request.headers.get('User-Agent', '')) <= MAX_USER_AGENT:
            raise ApiError.invalid('The user-agent header is missing or too long.')

    def _take_token(self, operation: Operation, seller: Seller) -> bool:
        key = (seller.profile.seller_id, seller.profile.client_id, operation.name)
        return self._world.throttle.take(key, operation.rate, operation.burst)

    # === ANSWERS === #

    def _answer(
        self,
        occasion: Occasion,
        query: dict[str, str],
        perform: Callable[[], Response],
    ) -> Response:
        """Answer a request as well as the armed faults let it, and write it down.

        :raise ConnectionAbortedError: the connection is to be dropped
        """
        with self._world.lock:
            faults = self._world.faults.strike(occasion)
        manners = {fault.kind for fault in faults}
        for fault in faults:
            if fault.kind == 'delay':
                self._stopping.wait(fault.seconds)
        if 'drop_before' in manners:
            self._drop(occasion, query)
        answers = [answer for fault in faults if (answer := fault.answer())]
        response = answers[0] if answers else self._perform(perform)
        if 'truncated_json' in manners:
            response = truncated(response)
        if 'drop_after' in manners:
            self._drop(occasion, query)
        self._record(occasion, response.status_code, query)
        return response

    def _perform(self, perform: Callable[[], Response]) -> Response:
        with self._world.lock:
            try:
                return perform()
            except (ApiError, LwaError, StorageError) as error:
                return error.response()

    def _drop(self, occasion: Occasion, query: dict[str, str]) -> None:
        self._record(occasion, None, query)
        raise ConnectionAbortedError

    def _record(self, occasion: Occasion, status: int | None, query: dict[str, str]) -> None:
        _logger.info('%s: %s', occasion.operation, status or 'connection dropped')
        self._world.calls.append(CallRecord(
            occasion.operation, status, self._world.clock.now(), query, occasion.seller_id,
        ))


def _access_token(request: Request) -> str:
    return request.headers.get('x-amz-access-token', '')
