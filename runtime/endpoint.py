"""The small HTTP server of every process: ``/health``, ``/ready`` with last progress, ``/metrics``."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Info, generate_latest
from prometheus_client.registry import CollectorRegistry

from runtime.pulse import Pulse
from runtime.settings import Settings

#: A process that has shown no sign of life for this many seconds is not ready.
READY_SECONDS = 60.0
#: A connection that says nothing for this many seconds is closed; it holds a thread.
REQUEST_SECONDS = 10.0

BUILD = Info("hallmark_build", "Release and protocol version of this process.")


class Endpoint:
    """Serves health and metrics on a thread of its own.

    Parameters
    ----------
    process
        Name of the process; also names its file under ``state_dir/run``, which tells the port.
    port
        0 or a port that is taken means: any free one.
    ready
        Extra condition; returns a reason when the process is not ready, else an empty string.
    """

    def __init__(
        self,
        settings: Settings,
        process: str,
        pulse: Pulse,
        *,
        port: int,
        ready: Callable[[], str] = lambda: "",
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._settings, self.process, self._pulse, self._ready = settings, process, pulse, ready
        self._registry = registry
        BUILD.info({"protocol_version": settings.protocol_version, "cluster": settings.cluster, "zone": settings.zone})
        handler = self._handler()
        try:
            self._server = ThreadingHTTPServer((settings.metrics_host, port), handler)
        except OSError:
            self._server = ThreadingHTTPServer((settings.metrics_host, 0), handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._file = settings.state_dir / "run" / f"{process}.json"
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoint", daemon=True)

    def start(self) -> Endpoint:
        """Serve, write the run file, and return the endpoint."""
        self._thread.start()
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        entry = {
            "process": self.process,
            "pid": os.getpid(),
            "host": self._settings.metrics_host,
            "port": self.port,
            "started": time.time(),
        }
        _replace(self._file, json.dumps(entry))
        return self

    def stop(self) -> None:
        """Stop serving and remove the run file."""
        self._server.shutdown()
        self._server.server_close()
        with contextlib.suppress(OSError):
            self._file.unlink()

    def state(self) -> tuple[int, dict[str, object]]:
        """Return the status code and the body of ``/ready``."""
        reason = self._ready()
        if not reason and self._pulse.age() > READY_SECONDS:
            reason = f"no progress for {self._pulse.age():.0f} s"
        body: dict[str, object] = {
            "process": self.process,
            "ready": not reason,
            "reason": reason,
            "busy": self._pulse.busy,
            "seconds_since": self._pulse.ages(),
        }
        return (503 if reason else 200), body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_SECONDS

            def do_GET(self) -> None:
                if not endpoint._allowed(self.headers.get("Authorization", "")):
                    self._answer(401, "application/json", b'{"error": {"code": "unauthorized"}}')
                elif self.path == "/health":
                    self._answer(200, "application/json", b'{"healthy": true}')
                elif self.path == "/ready":
                    status, body = endpoint.state()
                    self._answer(status, "application/json", json.dumps(body).encode())
                elif self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(endpoint._registry))
                else:
                    self._answer(404, "application/json", b'{"error": {"code": "not_found"}}')

            def log_message(self, format: str, *args: object) -> None:
                """Keep the log for what matters."""

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler

    def _allowed(self, authorization: str) -> bool:
        token = self._settings.token.get_secret_value()
        return not token or hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
