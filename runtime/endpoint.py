"""The small HTTP server of workers, housekeeper and clock: the three pages and nothing else."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from runtime import limits, run_files
from runtime.addresses import PortTaken, bound
from runtime.os_errors import resource_error
from runtime.pages import Pages
from runtime.troubles import TROUBLES

#: A connection that says nothing for this many seconds is closed; it holds a thread.
REQUEST_SECONDS = 10.0
#: Connections at a time; for more, the one that has waited longest for a request makes room.
MAX_CONNECTIONS = 32
#: Longest wait for the place of a connection that was told to make room, in seconds.
ROOM_SECONDS = 1.0
#: Pause after a connection that could not be taken, in seconds: it would be tried again at once.
REFUSED_PAUSE = 0.2


class Endpoint:
    """Serves the pages on threads of its own.

    Parameters
    ----------
    port
        0 or a port that is taken means: any free one. The process's file under ``state_dir/run`` tells it.

    Raises
    ------
    ConfigurationError
        ``HALLMARK_METRICS_HOST`` is no address of this machine.
    """

    def __init__(self, pages: Pages, *, port: int) -> None:
        self._process = pages.process
        host = self._process.settings.metrics_host
        try:
            sockets = bound(host, port, prefix="HALLMARK_METRICS")
        except PortTaken:
            sockets = bound(host, 0, prefix="HALLMARK_METRICS")
        self.port = int(sockets[0].getsockname()[1])
        self._servers = [_Server(listening, pages) for listening in sockets]

    def __enter__(self) -> Endpoint:
        """Serve, and write the run file."""
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="endpoint", daemon=True).start()
        self._file = self._written()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and remove the run file."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        run_files.remove(self._file)

    def ready(self) -> None:
        """Note that the process's start is over."""
        self._process.ready()
        self._written()

    def _written(self) -> Path:
        return run_files.write(self._process, self._process.settings.metrics_host, self.port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, pages: Pages) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.pages = listening, pages
        self._free = threading.BoundedSemaphore(limits.connections(MAX_CONNECTIONS))
        #: Connections whose request has not arrived, the oldest first.
        self._waiting: dict[socket.socket, None] = {}
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        """Take a connection; without a descriptor for it, say so once and wait a moment."""
        try:
            return super().get_request()
        except OSError as error:
            if spent := resource_error(error):
                TROUBLES.note(spent)
                time.sleep(REFUSED_PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection on a thread; where too many are open, the one that has waited longest makes room."""
        if not self._free.acquire(blocking=False) and not (
            self._drop_oldest() and self._free.acquire(timeout=ROOM_SECONDS)
        ):
            self.shutdown_request(request)
            return
        with self._lock:
            self._waiting[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.arrived(request)
            self._free.release()

    def arrived(self, request: socket.socket) -> None:
        """Note that a connection's request is there, or that it is over: it is not dropped for another one."""
        with self._lock:
            self._waiting.pop(request, None)

    def _drop_oldest(self) -> bool:
        with self._lock:
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                return False
            del self._waiting[oldest]
            # Its thread, which reads from it, finds its end and frees the place.
            with contextlib.suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        return True

    def handle_error(self, request: object, client_address: object) -> None:
        """Drop a connection whose client went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_SECONDS
    server_version, sys_version = "hallmark", ""

    def do_GET(self) -> None:
        """Answer with a page."""
        self.server.arrived(self.connection)
        headers = self.headers
        status, kind, body = self.server.pages.answer(
            self.path, headers.get("Authorization", ""), headers.get("Accept", "")
        )
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log for what matters."""
