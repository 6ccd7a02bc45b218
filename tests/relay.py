"""A way through which a test's processes reach a server, and which it cuts as a network does: without a word.

While the way is cut, nothing arrives on either side and no connection is closed; a new one is taken and not answered.
Afterwards what was sent meanwhile arrives, late, as by TCP's retransmission; or, behind a firewall that forgot the
connections, they stay silent for ever and only new ones are passed on.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Relay:
    """Passes TCP connections to an address of this host on to a port of its loopback; a context manager."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self._target = target
        self._listening = socket.create_server((host, 0), backlog=64)
        self.address = f"{host}:{self._listening.getsockname()[1]}"
        self._passes = _passing()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            for each in (self._listening, *self._open):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def cut(self) -> None:
        """Let nothing through from now on."""
        self._passes.clear()

    def heal(self, *, forgotten: bool = False) -> None:
        """Let new connections through again, and the old ones unless they were forgotten."""
        old, self._passes = self._passes, _passing()
        if not forgotten:
            old.set()

    def through(self, url: str) -> str:
        """Return a URL of the target with this way's address in its place."""
        assert f"127.0.0.1:{self._target}" in url, url
        return url.replace(f"127.0.0.1:{self._target}", self.address)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                self._keep(here)
                self._start(self._connect, here, self._passes)

    def _connect(self, here: socket.socket, passes: threading.Event) -> None:
        passes.wait()
        try:
            there = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            here.close()
            return
        self._keep(there)
        self._start(self._pass_on, there, here, passes)
        self._pass_on(here, there, passes)

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.append(connection)

    def _pass_on(self, source: socket.socket, sink: socket.socket, passes: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                passes.wait()
                sink.sendall(data)
        passes.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    @staticmethod
    def _start(work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()


def _passing() -> threading.Event:
    event = threading.Event()
    event.set()
    return event
