"""The one place that speaks HTTP with Amazon: Login with Amazon (LWA) and the Selling Partner API.

python-amazon-sp-api knows Amazon's paths and parameters, and this module uses it for them. What the
library does to get them to Amazon is replaced: it takes an error without an `errors` list for a
success, caches tokens per process and keeps refused ones, sends a wrong host header to plain HTTP
addresses, adds marketplaces to requests, and lets the environment override what it is told.
"""

from __future__ import annotations

import logging
import math
import platform
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import Any, Protocol

from .endpoints import is_amazons, is_private, is_storage
from .errors import Malformed, NotFound, Rejected, Throttled, Unauthorized, Unavailable
from .limits import DEFAULT_SIZE, SIZES, Limiter
from .payload import load_json
from .texts import clean_values
from .wire import Exchange, Session

_logger = logging.getLogger(__name__)

USER_AGENT = (
    f'AmazonConnector/19.0 (Language=Python/{platform.python_version()};'
    f' Platform={platform.system()})'
)

LWA_OPERATION = 'refreshAccessToken'
LWA_CODE_OPERATION = 'exchangeAuthorizationCode'
LWA_PAUSE = timedelta(minutes=1)

TOKEN_MARGIN = timedelta(seconds=90)

MAX_MESSAGE = 200  # characters
MAX_ERRORS = 20  # of an answer
MAX_REQUEST_ID = 100  # characters
MAX_TOKEN = 4096  # characters; Amazon promises at most half of them
# Tokens and secrets as Amazon writes them, whosever they are.
SECRETS = re.compile(r'(Atz[a-z]\||amzn1\.oa2-cs\.)[\w.|/+=-]+', re.ASCII)
MIN_SECRET = 6  # characters; a shorter text would be found in what is none

DOCUMENT_PATIENCE = 5  # times that of a call


@dataclass(frozen=True)
class Credentials:
    """What Login with Amazon wants to see for one seller and application."""

    lwa_client_id: str
    lwa_client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class AccessToken:
    """A token for the Selling Partner API and the time (UTC, aware) at which it expires."""

    value: str = field(repr=False)
    expires_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether the token outlives a call that starts at `now`."""
        return now + TOKEN_MARGIN < self.expires_at


class TokenStore(Protocol):
    """Keeps the access token of one authorization, shared by everybody who calls Amazon for it."""

    def get(self) -> AccessToken | None:
        """Return the token put last, expired or not, unless it was evicted."""

    def put(self, token: AccessToken) -> None:
        """Keep the token in place of any other."""

    def evict(self) -> None:
        """Forget the token, which Amazon has refused."""

    def exclusively(self) -> AbstractContextManager[None]:
        """Let nobody else fetch a token meanwhile."""


@dataclass(frozen=True)
class _Request:
    """What a method of python-amazon-sp-api has built."""

    verb: str
    path: str
    query: dict[str, Any] = field(repr=False)
    body: dict[str, Any] | None = field(repr=False)  # `None` where the verb has none


@dataclass(frozen=True)
class _Refusal:
    """An entry of Amazon's error list."""

    code: str
    message: str
    details: str  # may be empty


@dataclass(frozen=True)
class _Answer:
    """A response as this module sees it: its status, its body, and three headers."""

    operation: str
    status: int
    content: bytes = field(repr=False)
    request_id: str | None
    rate: float | None
    date: datetime | None = None  # by the sender's clock; UTC, aware
    secrets: tuple[str, ...] = field(default=(), repr=False)  # what was sent, and is not to be told

    @cached_property
    def body(self) -> dict[str, Any] | None:
        """The JSON object in the body, `None` if it holds anything else."""
        try:
            body = load_json(self.content)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    @property
    def context(self) -> dict[str, Any]:
        """The keyword arguments that every error takes."""
        return {'status': self.status, 'request_id': self.request_id}

    @cached_property
    def errors(self) -> list[_Refusal]:
        """The first entries of Amazon's error list, which gateways and proxies do not send."""
        errors = (self.body or {}).get('errors')
        if not isinstance(errors, list):
            return []
        return [
            _Refusal(
                self.hide(str(error.get('code'))),
                self.hide(str(error.get('message'))),
                self.hide(details) if isinstance(details := error.get('details'), str) else '',
            )
            for error in errors[:MAX_ERRORS] if isinstance(error, dict)
        ]

    def hide(self, text: str) -> str:
        """Return a text of Amazon's without the secrets that it may quote."""
        for secret in self.secrets:
            if len(secret) >= MIN_SECRET:
                text = text.replace(secret, '***')
        return SECRETS.sub('***', text)


class Client:
    """Calls Amazon for one authorization. Serves one job in one thread; close it afterwards.

    Connections stay open between the calls. The proxy and the certificate authorities that the
    environment names (`HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`) are
    honoured, for they belong to the machine's way into the internet; a plain HTTP request, which
    only ever goes to the machine itself, is never given to a proxy.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoint: str,
        lwa_endpoint: str,
        limiter: Limiter,
        token_store: TokenStore,
        timeout: float = 30.0,
        patience: float = 60.0,
    ) -> None:
        """Prepare the calls; nothing is sent yet.

        :param endpoint: The base address of the Selling Partner API, such as an entry of
                         `endpoints.ENDPOINTS`.
        :param lwa_endpoint: The address of the token endpoint, such as `endpoints.LWA_ENDPOINT`.
        :param limiter: The account's token buckets.
        :param token_store: The account's access token.
        :param timeout: Seconds to wait for each part of a response, and at most for a connection.
        :param patience: Seconds that a whole call may take; a document may take some times as many.
        """
        self._credentials = credentials
        self._endpoint = endpoint.rstrip('/')
        self._lwa_endpoint = lwa_endpoint
        self._limiter = limiter
        self._token_store = token_store
        self._patience = patience
        self._http = Session(USER_AGENT, timeout)
        # By how much the clock of this machine is ahead of Amazon's, which writes no fractions of
        # seconds; `None` as long as no answer has told.
        self.clock_lead: timedelta | None = None
        # Whether a call that is refused is sent again with another token. Who has just seen that
        # the token is good need not: the refusal is one of the operation.
        self.renews_refused = True

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # === CALLS === #

    def call(
        self, operation: str, method: Callable[..., Any], *args: Any, **params: Any
    ) -> dict[str, Any]:
        """Call an operation of the Selling Partner API.

        :param operation: Amazon's name of the operation, a key of `limits.RATES`.
        :param method: The operation in python-amazon-sp-api, of the class of one version, such as
                       `OrdersV20260101.search_orders`.
        :param args: What the method takes by position, mostly the parts of the path.
        :param params: The query or the body, in Amazon's spelling; those that are `None` are left
                       out.
        :return: The payload as Amazon sent it, empty if the answer is a 204.
        :raise Throttled: If the quota is used up, known beforehand or told by Amazon.
        :raise Unauthorized: If Amazon refuses the credentials, or a token fresh from them.
        :raise NotFound: If Amazon does not have what was asked for.
        :raise Rejected: If Amazon refuses the request for another reason.
        :raise Unavailable: If there is no response, or none in Amazon's form. Whether Amazon has
                            acted is then unknown.
        :raise Malformed: If the response is out of all size.
        """
        given = {name: value for name, value in params.items() if value is not None}
        return method(_Courier(partial(self._send, operation)), *args, **given)

    def exchange_code(self, code: str, redirect_uri: str) -> str:
        """Exchange the code of a seller's consent for a refresh token.

        Source: Login with Amazon, grant type `authorization_code`.

        :param code: It is good for five minutes, and once.
        :param redirect_uri: The address that Amazon was asked to return to.
        :return: The refresh token.
        :raise Throttled: If there were too many requests.
        :raise Unauthorized: If the client or the code is refused.
        :raise Unavailable: If the response is neither a token nor a refusal.
        :raise Malformed: If it is out of all size.
        """
        answer = self._exchange(
            LWA_CODE_OPERATION,
            'POST',
            self._lwa_endpoint,
            secrets=(code,),
            data={
                'grant_type': 'authorization_code',
                'code': code,
                'redirect_uri': redirect_uri,
                'client_id': self._credentials.lwa_client_id,
                'client_secret': self._credentials.lwa_client_secret,
            },
        )
        _read_token(answer)
        token = answer.body.get('refresh_token')
        if not isinstance(token, str) or not _is_header(token):
            raise Unavailable(answer.operation, "no refresh token came", **answer.context)
        return token

    def upload(self, operation: str, url: str, content: bytes, content_type: str) -> None:
        """Put a document at an address that Amazon has signed for it.

        :param operation: What the log and the errors call it, for the address is a secret.
        :param content_type: The one that the address was asked for with.
        :raise Unavailable: If the document was not taken, perhaps since the address has expired.
        :raise Malformed: If the address is not safe, or not one of Amazon's.
        """
        headers = {'content-type': content_type}
        self._visit(operation, 'PUT', url, data=content, headers=headers)

    def download(self, operation: str, url: str) -> bytes:
        """Return the document at an address that Amazon has signed for it.

        :param operation: What the log and the errors call it, for the address is a secret.
        :raise Unavailable: If there was none, perhaps since the address has expired.
        :raise Malformed: If the address is not safe or not one of Amazon's, or the document is out
                          of all size.
        """
        return self._visit(operation, 'GET', url).content

    def _visit(self, operation: str, verb: str, url: str, **options: Any) -> _Answer:
        """Send a request to a signed address, which wants neither token nor quota."""
        if not is_private(url):
            raise Malformed(operation, 'url', "is not an HTTPS address")
        if is_amazons(self._endpoint) and not is_storage(url):
            raise Malformed(operation, 'url', "is not an address of Amazon's storage")
        seconds = self._patience * DOCUMENT_PATIENCE
        answer = self._exchange(operation, verb, url, seconds=seconds, **options)
        if not 200 <= answer.status < 300:
            raise Unavailable(operation, f"status {answer.status}", **answer.context)
        return answer

    def _send(self, operation: str, request: _Request) -> dict[str, Any]:
        """Send a request, a second time with another token if the stored one is refused."""
        token = self._token_store.get()
        if _is_usable(token):
            answer = self._attempt(operation, request, token)
            if answer.status not in (401, 403) or not self.renews_refused:
                return _read_payload(answer)
        token = self._renew_token(token)
        answer = self._attempt(operation, request, token)
        if answer.status in (401, 403):
            with self._token_store.exclusively():
                self._forget(token)
        return _read_payload(answer)

    def _renew_token(self, useless: AccessToken | None) -> AccessToken:
        """Return another token: one that was stored meanwhile, or else a new one.

        :param useless: The one that is refused or too old, if there was any.
        """
        with self._token_store.exclusively():
            token = self._token_store.get()
            if _is_usable(token) and not (useless and token.value == useless.value):
                return token
            self._forget(useless)
            return self._fetch_token()

    def _forget(self, token: AccessToken | None) -> None:
        """Evict a token, unless another one is stored by now. Nobody else may fetch one."""
        stored = self._token_store.get()
        if token and stored and stored.value == token.value:
            self._token_store.evict()

    def _attempt(self, operation: str, request: _Request, token: AccessToken) -> _Answer:
        """Send a request within the rate limit.

        :raise Throttled: If the quota is used up, known beforehand or told by Amazon.
        """
        self._limiter.reserve(operation)
        answer = self._exchange(
            operation,
            request.verb,
            self._endpoint + request.path,
            secrets=(token.value,),
            params=request.query,
            json=request.body,
            headers={
                'x-amz-access-token': token.value,
                'x-amz-date': f'{_now():%Y%m%dT%H%M%SZ}',
            },
        )
        if answer.date:
            self.clock_lead = _now() - answer.date
        throttled = answer.status == 429
        retry_at = self._limiter.observe(operation, answer.rate, throttled)
        if throttled:
            raise Throttled(operation, retry_at, **answer.context)
        return answer

    def _fetch_token(self) -> AccessToken:
        """Exchange the refresh token for an access token, and store that.

        Source: Login with Amazon, grant type `refresh_token`.
        """
        answer = self._exchange(
            LWA_OPERATION,
            'POST',
            self._lwa_endpoint,
            data={
                'grant_type': 'refresh_token',
                'refresh_token': self._credentials.refresh_token,
                'client_id': self._credentials.lwa_client_id,
                'client_secret': self._credentials.lwa_client_secret,
            },
        )
        token = _read_token(answer)
        self._token_store.put(token)
        return token

    def _exchange(
        self,
        operation: str,
        verb: str,
        url: str,
        *,
        seconds: float | None = None,
        secrets: tuple[str, ...] = (),
        **options: Any,
    ) -> _Answer:
        """Send one HTTP request and log one line.

        :param seconds: What it may take, if not what a call may.
        :param secrets: What is sent and may not come back in an error, beside the credentials.
        :raise Unavailable: If there is no response in time.
        :raise Malformed: If it is out of all size.
        """
        secrets += (self._credentials.lwa_client_secret, self._credentials.refresh_token)
        limit = SIZES.get(operation, DEFAULT_SIZE)
        started = time.monotonic()
        exchange = Exchange(failure='interrupted')
        try:
            exchange = self._http.exchange(
                verb, url, seconds=seconds or self._patience, limit=limit, **options,
            )
        finally:
            answer = _make_answer(operation, exchange, secrets)
            milliseconds = (time.monotonic() - started) * 1000
            _logger.info(
                "%s: %s, request %s, %.0f ms",
                operation, exchange.failure or answer.status, answer.request_id, milliseconds,
            )
        # Nothing is being handled here: what goes wrong under requests holds the request.
        if exchange.failure:
            raise Unavailable(operation, f"no response ({exchange.failure})")
        if exchange.is_too_large:
            raise Malformed(operation, 'body', f"has more than {limit} bytes")
        return answer


class _Courier:
    """Takes the place of python-amazon-sp-api's client under the methods of its API classes.

    They build path and parameters and ask their instance to `_request` them. It has nothing else
    to offer, so that the library's own ways to the network fail loudly.
    """

    def __init__(self, send: Callable[[_Request], dict[str, Any]]) -> None:
        self._send = send

    def _request(
        self,
        path: str,
        *,
        params: dict | None = None,
        data: dict | None = None,
        add_marketplace: bool = False,
        res_no_data: bool = False,
    ) -> dict[str, Any]:
        """Send what a method of the library has built.

        :param data: The body, in which the library leaves its own `method` and mostly its `path`.
        :param add_marketplace: Ignored: the library would add its marketplace in four spellings.
        :param res_no_data: Ignored: the status tells whether there is anything to read.
        """
        query, body = dict(params or {}), dict(data or {})
        verb = body.pop('method', None) or query.pop('method', 'GET')
        body.pop('path', None)
        return self._send(_Request(verb, path, clean_values(query), clean_values(body) or None))


# === RESPONSES === #

def _make_answer(operation: str, exchange: Exchange, secrets: tuple[str, ...]) -> _Answer:
    """Return what an exchange has brought, as far as it has come."""
    answer = _Answer(
        operation,
        exchange.status,
        exchange.content,
        exchange.headers.get('x-amzn-requestid'),
        _parse_rate(exchange.headers.get('x-amzn-ratelimit-limit')),
        _parse_date(exchange.headers.get('date')),
        secrets,
    )
    return replace(answer, request_id=_parse_request_id(answer))


def _read_payload(answer: _Answer) -> dict[str, Any]:
    """Return the payload of a response of the Selling Partner API.

    :raise AmazonError: If it is not a success in Amazon's form.
    """
    if answer.status == 204:
        return {}
    if 200 <= answer.status < 300 and answer.body is not None and not answer.errors:
        return answer.body
    codes = [error.code for error in answer.errors]
    details = '; '.join(error.details for error in answer.errors if error.details)
    context = {'codes': codes, 'details': details[:MAX_MESSAGE], **answer.context}
    message = _summarize(answer)
    if answer.status in (401, 403):
        raise Unauthorized(answer.operation, message, **context)
    if answer.status >= 500 or not codes:
        raise Unavailable(answer.operation, message, **context)
    if answer.status == 404:
        raise NotFound(answer.operation, message, **context)
    raise Rejected(answer.operation, message, **context)


def _read_token(answer: _Answer) -> AccessToken:
    """Return the access token that Login with Amazon has issued.

    :raise Throttled: If there were too many requests.
    :raise Unauthorized: If the client or the refresh token is refused.
    :raise Unavailable: If the response is neither a token nor a refusal.
    """
    body = answer.body or {}
    value, lifetime, refusal = map(body.get, ('access_token', 'expires_in', 'error'))
    is_token = isinstance(value, str) and _is_header(value)
    if answer.status == 200 and is_token and isinstance(lifetime, int) and lifetime > 0:
        return AccessToken(value, _now() + timedelta(seconds=min(lifetime, 86400)))
    if answer.status == 429:
        raise Throttled(answer.operation, _now() + LWA_PAUSE, **answer.context)
    if 400 <= answer.status < 500 and isinstance(refusal, str):
        refusal = answer.hide(refusal)
        message = refusal[:MAX_MESSAGE]
        raise Unauthorized(answer.operation, message, codes=[refusal], **answer.context)
    raise Unavailable(answer.operation, _summarize(answer), **answer.context)


def _is_usable(token: AccessToken | None) -> bool:
    """Tell whether there is a token that can be sent, and outlives a call that starts now."""
    return bool(token) and token.is_fresh(_now()) and _is_header(token.value)


def _is_header(value: str) -> bool:
    """Tell whether a text can be sent as a header."""
    return value.isascii() and value.isprintable() and len(value) <= MAX_TOKEN


def _summarize(answer: _Answer) -> str:
    """Say what Amazon answered, in its own codes and messages if it sent some."""
    if not answer.errors:
        return f"status {answer.status} without a usable body"
    return '; '.join(f'{error.code}: {error.message}' for error in answer.errors)[:MAX_MESSAGE]


def _parse_request_id(answer: _Answer) -> str | None:
    """Return Amazon's id of a request, `None` if it is none that can be logged."""
    request_id = answer.request_id or ''
    is_id = request_id.isascii() and request_id.isprintable() and len(request_id) <= MAX_REQUEST_ID
    return answer.hide(request_id) if request_id and is_id else None


def _parse_rate(text: str | None) -> float | None:
    """Return the calls per second that Amazon announces, `None` if it announces nothing usable."""
    try:
        rate = float(text or '')
    except ValueError:
        return None
    return rate if math.isfinite(rate) and rate > 1e-6 else None


def _parse_date(text: str | None) -> datetime | None:
    """Return the time at which an answer was written, `None` if it does not tell."""
    try:
        date = parsedate_to_datetime(text or '')
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or timezone.utc)


def _now() -> datetime:
    return datetime.now(timezone.utc)
