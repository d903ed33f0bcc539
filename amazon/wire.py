"""An HTTP exchange with somebody who may be up to anything: within a time and within a size.

urllib3, under requests, waits for each part of an answer anew and reads a line of any length. So
its connections get sockets that are read and written against bounds of the whole exchange.
"""

from __future__ import annotations

import http.client
import io
import logging
import os
import time
import zlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

CHUNK_SIZE = 2**16  # bytes, still packed
PIECE_SIZE = 2**14  # bytes of what is sent: at most one record of TLS
MAX_FRAME = 2**20  # bytes of headers, and of what is around the chunks of a body
CONNECT_TIMEOUT = 10.0  # seconds

# The last three leave requests and urllib3 when an odd value has got past them.
FAILURES = (
    requests.RequestException, HTTPError, http.client.HTTPException, OSError, UnicodeError,
)


class TooLarge(Exception):
    """More arrives than there may be."""


class Overdue(TimeoutError):
    """The whole exchange takes longer than it may."""


@dataclass
class _Bounds:
    """What an exchange may still take."""

    ends_at: float  # by the clock of `time.monotonic`
    timeout: float  # seconds to wait for each part
    size: int  # bytes that may still arrive

    def get_timeout(self) -> float:
        """Return how long to wait for the next part.

        :raise Overdue: If there is no time left.
        """
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise Overdue
        return min(left, self.timeout)

    def count(self, size: int) -> None:
        """Count what has arrived.

        :raise TooLarge: If it is more than may arrive.
        """
        self.size -= size
        if self.size < 0:
            raise TooLarge


_bounds: ContextVar[_Bounds | None] = ContextVar('_bounds', default=None)
# urllib3 logs the address of each request, page tokens included, beside our own line. A logger's
# filter does not hold for those below it.
for _name in ('connection', 'connectionpool', 'response', 'util.retry'):
    logging.getLogger(f'urllib3.{_name}').addFilter(lambda _record: _bounds.get() is None)


@dataclass
class Exchange:
    """What became of a request. It raises nothing: an exception would hold what was sent."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)  # names in lower case
    content: bytes = field(default=b'', repr=False)  # unpacked
    failure: str = ''  # the class of what went wrong, if anything did
    is_too_large: bool = False


class Session(requests.Session):
    """What requests does, without what it does unasked."""

    def __init__(self, user_agent: str, timeout: float) -> None:
        """Prepare the session.

        :param timeout: Seconds to wait for each part of an answer, and at most for a connection.
        """
        super().__init__()
        self.headers.update({
            'user-agent': user_agent, 'accept': 'application/json', 'accept-encoding': 'gzip',
        })
        self._timeout = timeout
        # Without, requests looks for a password in ~/.netrc.
        self.auth = _leave_alone
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Python's own variables, after those of requests.
        self.verify = os.environ.get('SSL_CERT_FILE') or os.environ.get('SSL_CERT_DIR') or True
        for scheme in ('https://', 'http://'):
            self.mount(scheme, _Adapter(self.verify))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find no redirect anywhere: one that it need not follow, requests reads without bounds."""

    def exchange(
        self, verb: str, url: str, *, seconds: float, limit: int, **options: Any
    ) -> Exchange:
        """Send a request and return what became of it.

        :param seconds: What all of it may take.
        :param limit: How many bytes the answer may have, packed and unpacked.
        :param options: As those of :meth:`requests.Session.request`.
        """
        exchange = Exchange()
        bounds = _Bounds(time.monotonic() + seconds, self._timeout, limit + MAX_FRAME)
        token = _bounds.set(bounds)
        try:
            with self.request(verb, url, stream=True, **options) as response:
                exchange.status = response.status_code
                exchange.headers = {key.lower(): text for key, text in response.headers.items()}
                exchange.content = _read_content(response, limit)
        except TooLarge:
            exchange.is_too_large = True
        except FAILURES as error:
            exchange.failure = _name_failure(error)
        finally:
            _bounds.reset(token)
        return exchange


class _Adapter(HTTPAdapter):
    """Sends requests within bounds, and those to the machine itself without a proxy.

    The time limits are not given to the session, where Odoo's tests would not take two of them.
    """

    def __init__(self, authorities: str | bool) -> None:
        """Prepare the adapter.

        :param authorities: Who vouches for the other end, as requests takes it for `verify`.
        """
        self._authorities = authorities
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Override of requests to connect within bounds."""
        super().init_poolmanager(*args, **options)
        _bind_all(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> PoolManager:
        """Override of requests to connect within bounds to proxies, too."""
        manager = super().proxy_manager_for(*args, **options)
        _bind_all(manager)
        return manager

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, whatever the session has for time limit, proxies and authorities."""
        timeout = _bounds.get().get_timeout()
        options['timeout'] = (min(timeout, CONNECT_TIMEOUT), timeout)
        # Before 2.28, requests trusts everybody where a variable is there and empty.
        options['verify'] = options.get('verify') or self._authorities
        if request.url.startswith('http://'):
            options['proxies'] = {}
        return super().send(request, **options)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate a request in no way."""
    return request


# === CONNECTIONS WITHIN BOUNDS === #

def _bind_all(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _bind(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@lru_cache
def _bind(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a class of connection pools whose connections keep to the bounds of an exchange."""
    connection = pool.ConnectionCls
    if issubclass(connection, _BoundConnection):
        return pool
    bound = type(connection.__name__, (_BoundConnection, connection), {})
    return type(pool.__name__, (pool,), {'ConnectionCls': bound})


class _BoundResponse(http.client.HTTPResponse):
    """An answer, or that of a proxy, read within the bounds of the exchange."""

    def __init__(self, sock: _Socket, *args: Any, **options: Any) -> None:
        super().__init__(_BoundSocket(sock), *args, **options)


class _BoundConnection:
    """What a connection of urllib3 does otherwise."""

    response_class = _BoundResponse

    def send(self, data: bytes) -> None:
        """Send something to a server that may be slow to read it."""
        data = memoryview(data)
        for start in range(0, len(data), PIECE_SIZE):
            timeout = _bounds.get().get_timeout()
            if self.sock:
                self.sock.settimeout(timeout)
            super().send(data[start:start + PIECE_SIZE])


class _Socket(Protocol):
    """What is used of a socket."""

    def makefile(self, mode: str, buffering: int = ...) -> io.IOBase: ...

    def settimeout(self, value: float) -> None: ...


class _BoundSocket:
    """A socket as far as `http.client` uses it to read an answer."""

    def __init__(self, sock: _Socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what the answer is read from."""
        return io.BufferedReader(_BoundReader(self._sock))


class _BoundReader(io.RawIOBase):
    """Reads what has arrived at a socket."""

    def __init__(self, sock: _Socket) -> None:
        super().__init__()
        self._sock = sock
        self._raw = sock.makefile('rb', buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        bounds = _bounds.get()
        self._sock.settimeout(bounds.get_timeout())
        size = self._raw.readinto(buffer)
        bounds.count(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


# === ANSWERS === #

def _read_content(response: requests.Response, limit: int) -> bytes:
    """Return the body of a response that is being received, unpacked.

    :raise TooLarge: If it is out of all size.
    """
    raw = response.raw
    # Before its second version, urllib3 takes an answer that breaks off for a whole one.
    raw.enforce_content_length = True
    content = bytearray()
    for chunk in raw.stream(CHUNK_SIZE, decode_content=False):
        content += chunk
        if len(content) > limit:
            raise TooLarge
    raw.release_conn()
    if response.headers.get('content-encoding', '').lower() in ('gzip', 'x-gzip'):
        return _unpack(bytes(content), limit)
    return bytes(content)


def _unpack(content: bytes, limit: int) -> bytes:
    """Return what gzipped bytes hold. What is packed twice stays packed once.

    :raise TooLarge: If that is out of all size.
    :raise ContentDecodingError: If they are not gzipped.
    """
    if not content:
        return content
    unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
    try:
        unpacked = unpacker.decompress(content, limit + 1)
    except zlib.error:
        raise ContentDecodingError from None
    if len(unpacked) > limit:
        raise TooLarge
    if not unpacker.eof:
        raise ContentDecodingError
    return unpacked


def _name_failure(error: BaseException) -> str:
    """Return the class of what went wrong, instead of the one that requests has for nearly all."""
    wrappers = (requests.ConnectionError, MaxRetryError, ProtocolError)
    while type(error) in wrappers and error.__context__:
        error = error.__context__
    return type(error).__name__
