"""An HTTP proxy before a real object store that answers some requests wrongly, as networks and servers do."""

from __future__ import annotations

import http.client
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

#: Headers that belong to one connection.
_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class FaultyProxy:
    """Passes requests on to a port of this host; each fault is used up by one request of its method.

    Faults: ``503`` (nothing is passed on), ``truncated`` (half of the body), ``wrong`` (a byte is changed), ``lost``
    (the request is passed on, its answer is not).
    """

    def __init__(self, port: int) -> None:
        self.target = port
        #: Seconds that every request waits, as on a way to another region.
        self.delay = 0.0
        self.faults: dict[str, deque[str]] = {}
        self.seen: list[tuple[str, str]] = []
        #: Answered with 503 while set, whatever it is.
        self.down = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.serve(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fault(self, method: str, *faults: str) -> None:
        """Let the next requests of a method meet these faults, one each."""
        self.faults.setdefault(method, deque()).extend(faults)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        method = handler.command
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.seen.append((method, handler.path))
        time.sleep(self.delay)
        waiting = self.faults.get(method)
        fault = "503" if self.down.is_set() else waiting.popleft() if waiting else ""
        if fault == "503":
            self._answer(handler, 503, {}, b"<Error><Code>SlowDown</Code></Error>")
            return
        status, headers, answer = self._pass_on(handler, body)
        if fault == "lost":
            handler.close_connection = True
            return
        if fault == "wrong":
            middle = len(answer) // 2
            answer = answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :]
        if fault == "truncated":
            headers["Content-Length"] = str(len(answer))
            answer = answer[: len(answer) // 2]
            handler.close_connection = True
        self._answer(handler, status, headers, answer)

    def _pass_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            connection.request(handler.command, handler.path, body, dict(handler.headers.items()))
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            length = answer.getheader("Content-Length")
            if handler.command == "HEAD" and length:
                headers["Content-Length"] = length
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def _answer(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if "Content-Length" not in headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
