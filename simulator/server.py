"""The simulator as a server on loopback."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .app import LWA_PATH, App
from .world import World

HOST = '127.0.0.1'
POLL_SECONDS = 0.05


class _Handler(WSGIRequestHandler):
    """Leave logging to the application, and really drop what it drops."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        self.close_connection = True

    def send_response(self, code: int, message: str | None = None) -> None:
        # Not as the base class does, which adds a date to the application's own.
        self.send_response_only(code, message)
        self.send_header('Server', self.version_string())

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Simulator(World):
    """Another Amazon, over real HTTP on 127.0.0.1; also a context manager.

    :param port: a free one when 0
    :param options: see `World`
    """

    def __init__(self, port: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self._port = port
        self._stopping = threading.Event()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the base address of SP-API; there must be a running server."""
        return f'http://{HOST}:{self._server.server_port}'

    @property
    def lwa_url(self) -> str:
        """Return the address of the token endpoint; there must be a running server."""
        return f'{self.url}{LWA_PATH}'

    def start(self) -> Simulator:
        """Listen, and serve in threads of their own."""
        self._stopping.clear()
        self._server = make_server(
            HOST, self._port, App(self, self._stopping),
            threaded=True, request_handler=_Handler,
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name='simulator', daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self) -> None:
        """Block until the server stops."""
        self._thread.join()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
