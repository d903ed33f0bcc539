"""The one place that speaks HTTP with Amazon: Login with Amazon (LWA) and the Selling Partner API.

python-amazon-sp-api knows Amazon's paths and parameters, and this module uses it for them. What the
library does to get them to Amazon is replaced: it takes an error without an `errors` list for a
success, caches tokens per process and keeps refused ones, sends a wrong host header to plain HTTP
addresses, adds marketplaces to requests, and lets the environment override what it is told.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import os
import platform
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property, partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from .errors import Malformed, NotFound, Rejected, Throttled, Unauthorized, Unavailable
from .limits import Limiter
from .payload import load_json

_logger = logging.getLogger(__name__)

USER_AGENT = (
    f'AmazonConnector/19.0 (Language=Python/{platform.python_version()};'
    f' Platform={platform.system()})'
)

LWA_OPERATION = 'refreshAccessToken'
LWA_PAUSE = timedelta(minutes=1)

TOKEN_MARGIN = timedelta(seconds=90)

MAX_MESSAGE = 200  # characters
MAX_BODY = 64 * 2**20  # bytes, unpacked; Amazon's largest answers have a few million
CHUNK_SIZE = 2**16  # bytes, still packed

CONNECT_TIMEOUT = 10.0  # seconds

_in_call: ContextVar[bool] = ContextVar('_in_call', default=False)
# urllib3, under requests, logs the address of each request, page tokens included, beside our own
# line. A logger's filter does not hold for those below it.
for _name in ('connection', 'connectionpool', 'response', 'util.retry'):
    logging.getLogger(f'urllib3.{_name}').addFilter(lambda record: not _in_call.get())


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


@dataclass(frozen=True)
class _Request:
    """What a method of python-amazon-sp-api has built."""

    verb: str
    path: str
    query: dict[str, Any]
    body: dict[str, Any] | None  # `None` where the verb has none


@dataclass(frozen=True)
class _Answer:
    """A response as this module sees it: its status, its body, and two headers."""

    operation: str
    status: int
    content: bytes = field(repr=False)
    request_id: str | None
    rate: float | None

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

    @property
    def errors(self) -> list[dict]:
        """The entries of Amazon's error list, which gateways and proxies do not send."""
        errors = (self.body or {}).get('errors')
        if not isinstance(errors, list):
            return []
        return [error for error in errors if isinstance(error, dict)]


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
    ) -> None:
        """Prepare the calls; nothing is sent yet.

        :param endpoint: The base address of the Selling Partner API, such as an entry of
                         `marketplaces.ENDPOINTS`.
        :param lwa_endpoint: The address of the token endpoint, such as `marketplaces.LWA_ENDPOINT`.
        :param limiter: The account's token buckets.
        :param token_store: The account's access token.
        :param timeout: Seconds to wait for each part of a response, and at most for a connection.
        """
        self._credentials = credentials
        self._endpoint = endpoint.rstrip('/')
        self._lwa_endpoint = lwa_endpoint
        self._limiter = limiter
        self._token_store = token_store
        self._http = _Session(timeout)

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

    def upload(self, operation: str, url: str, content: bytes, content_type: str) -> None:
        """Put a document at an address that Amazon has signed for it.

        :param operation: What the log and the errors call it, for the address is a secret.
        :param content_type: The one that the address was asked for with.
        :raise Unavailable: If the document was not taken, perhaps since the address has expired.
        :raise Malformed: If the address is not safe.
        """
        headers = {'content-type': content_type}
        self._visit(operation, 'PUT', url, data=content, headers=headers)

    def download(self, operation: str, url: str) -> bytes:
        """Return the document at an address that Amazon has signed for it.

        :param operation: What the log and the errors call it, for the address is a secret.
        :raise Unavailable: If there was none, perhaps since the address has expired.
        :raise Malformed: If the address is not safe, or the document is out of all size.
        """
        return self._visit(operation, 'GET', url).content

    def _visit(self, operation: str, verb: str, url: str, **options: Any) -> _Answer:
        """Send a request to a signed address, which wants neither token nor quota."""
        if not is_private(url):
            raise Malformed(operation, 'url', "is not an HTTPS address")
        answer = self._exchange(operation, verb, url, **options)
        if not 200 <= answer.status < 300:
            raise Unavailable(operation, f"status {answer.status}", **answer.context)
        return answer

    def _send(self, operation: str, request: _Request) -> dict[str, Any]:
        """Send a request, a second time with a new token if the stored one is refused."""
        token = self._token_store.get()
        if token and token.is_fresh(_now()):
            answer = self._attempt(operation, request, token)
            if answer.status not in (401, 403):
                return _read_payload(answer)
            self._token_store.evict()
        answer = self._attempt(operation, request, self._fetch_token())
        if answer.status in (401, 403):
            self._token_store.evict()
        return _read_payload(answer)

    def _attempt(self, operation: str, request: _Request, token: AccessToken) -> _Answer:
        """Send a request within the rate limit.

        :raise Throttled: If the quota is used up, known beforehand or told by Amazon.
        """
        self._limiter.reserve(operation)
        answer = self._exchange(
            operation,
            request.verb,
            self._endpoint + request.path,
            params=request.query,
            json=request.body,
            headers={
                'x-amz-access-token': token.value,
                'x-amz-date': f'{_now():%Y%m%dT%H%M%SZ}',
            },
        )
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

    def _exchange(self, operation: str, verb: str, url: str, **options: Any) -> _Answer:
        """Send one HTTP request and log one line.

        :raise Unavailable: If there is no response.
        :raise Malformed: If it is out of all size.
        """
        started = time.monotonic()
        outcome: int | str = 'interrupted'
        request_id = None
        in_call = _in_call.set(True)
        try:
            with self._http.request(verb, url, stream=True, **options) as response:
                outcome = response.status_code
                request_id = response.headers.get('x-amzn-requestid')
                content = _read_content(operation, response)
        # The second are urllib3's own: all while reading, some that requests forgets while sending.
        except (requests.RequestException, HTTPError) as error:
            outcome = _name_failure(error)
            # The original holds the request, and with it the token.
            raise Unavailable(operation, f"no response ({outcome})") from None
        finally:
            _in_call.reset(in_call)
            milliseconds = (time.monotonic() - started) * 1000
            _logger.info(
                "%s: %s, request %s, %.0f ms", operation, outcome, request_id, milliseconds
            )
        return _Answer(operation, outcome, content, request_id, _parse_rate(response))


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
        return self._send(_Request(verb, path, query, body or None))


class _Session(requests.Session):
    """What requests does, without what it does unasked."""

    def __init__(self, timeout: float) -> None:
        """Prepare the session.

        :param timeout: As that of :class:`Client`.
        """
        super().__init__()
        self.headers.update({
            'user-agent': USER_AGENT, 'accept': 'application/json', 'accept-encoding': 'gzip',
        })
        # Without, requests looks for a password in ~/.netrc.
        self.auth = _leave_alone
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Python's own variables, after those of requests.
        self.verify = os.environ.get('SSL_CERT_FILE') or os.environ.get('SSL_CERT_DIR') or True
        for scheme in ('https://', 'http://'):
            self.mount(scheme, _Adapter(timeout))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find no redirect anywhere: one that it need not follow, requests reads without bounds."""


class _Adapter(HTTPAdapter):
    """Sends requests within time limits, and those to the machine itself without a proxy.

    The limits are not given to the session, where Odoo's tests would not take two of them.
    """

    def __init__(self, timeout: float) -> None:
        """Prepare the adapter.

        :param timeout: As that of :class:`Client`.
        """
        self._timeout = (min(timeout, CONNECT_TIMEOUT), timeout)
        super().__init__()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, whatever the time limit and the proxies of the session."""
        options['timeout'] = self._timeout
        if request.url.startswith('http://'):
            options['proxies'] = {}
        return super().send(request, **options)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate a request in no way."""
    return request


# === ADDRESSES === #

def is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent to an address.

    That is any HTTPS host, or plain HTTP to the machine itself.
    """
    if not url.isprintable():
        return False
    try:
        # Not everybody finds the same host in an odd address; here counts whom requests would call.
        address = urlsplit(requests.Request('GET', url).prepare().url)
    except (requests.RequestException, ValueError):
        return False
    if not address.hostname:
        return False
    return address.scheme == 'https' or (
        address.scheme == 'http' and _is_loopback(address.hostname)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


# === RESPONSES === #

def _read_content(operation: str, response: requests.Response) -> bytes:
    """Return the body of a response that is being received, unpacked.

    :raise Malformed: If it is out of all size.
    """
    raw = response.raw
    # Before its second version, urllib3 takes an answer that breaks off for a whole one.
    raw.enforce_content_length = True
    chunks = raw.stream(CHUNK_SIZE, decode_content=False)
    if response.headers.get('content-encoding', '').lower() in ('gzip', 'x-gzip'):
        chunks = _unpack(chunks)
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_BODY:
            raise Malformed(operation, 'body', f"has more than {MAX_BODY} bytes")
    raw.release_conn()
    return bytes(content)


def _unpack(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzipped chunks hold, each at most a thousand times its size.

    urllib3 would do it, but takes a quarter of a minute for what is out of all size.

    :raise ContentDecodingError: If they are not gzipped.
    """
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
    try:
        for chunk in chunks:
            if not unpacker.eof:
                yield unpacker.decompress(chunk)
    except zlib.error:
        raise ContentDecodingError from None


def _name_failure(error: BaseException) -> str:
    """Return the class of what went wrong, instead of the one that requests has for nearly all."""
    wrappers = (requests.ConnectionError, MaxRetryError, ProtocolError)
    while type(error) in wrappers and error.__context__:
        error = error.__context__
    return type(error).__name__


def _read_payload(answer: _Answer) -> dict[str, Any]:
    """Return the payload of a response of the Selling Partner API.

    :raise AmazonError: If it is not a success in Amazon's form.
    """
    if answer.status == 204:
        return {}
    if 200 <= answer.status < 300 and answer.body is not None and not answer.errors:
        return answer.body
    codes = [str(error.get('code')) for error in answer.errors]
    context = {'codes': codes, 'details': _join_details(answer), **answer.context}
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
    is_token = isinstance(value, str) and _is_header(value) and isinstance(lifetime, int)
    if answer.status == 200 and is_token:
        return AccessToken(value, _now() + timedelta(seconds=min(lifetime, 86400)))
    if answer.status == 429:
        raise Throttled(answer.operation, _now() + LWA_PAUSE, **answer.context)
    if 400 <= answer.status < 500 and isinstance(refusal, str):
        raise Unauthorized(answer.operation, refusal, codes=[refusal], **answer.context)
    raise Unavailable(answer.operation, _summarize(answer), **answer.context)


def _is_header(value: str) -> bool:
    """Tell whether a text can be sent as a header."""
    return value.isascii() and value.isprintable()


def _summarize(answer: _Answer) -> str:
    """Say what Amazon answered, in its own codes and messages if it sent some."""
    if not answer.errors:
        return f"status {answer.status} without a usable body"
    summary = '; '.join(f'{error.get("code")}: {error.get("message")}' for error in answer.errors)
    return summary[:MAX_MESSAGE]


def _join_details(answer: _Answer) -> str:
    """Return what Amazon adds to its messages."""
    details = (error.get('details') for error in answer.errors)
    return '; '.join(text for text in details if isinstance(text, str) and text)[:MAX_MESSAGE]


def _parse_rate(response: requests.Response) -> float | None:
    """Return the calls per second that Amazon announces, `None` if it announces nothing usable."""
    try:
        rate = float(response.headers['x-amzn-ratelimit-limit'])
    except (KeyError, ValueError):
        return None
    return rate if math.isfinite(rate) and rate > 1e-6 else None


def _now() -> datetime:
    return datetime.now(timezone.utc)
