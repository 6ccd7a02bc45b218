"""The aiohttp server of core and gateway: listening, the common pages, limits on connections, stopping.

A connection that waits for a request costs a descriptor. They are limited well below the process's limit, where the one
that has waited longest makes room for a new one, and closed after a while. One whose request is being answered is left
alone, however long that takes, unless all are and most of them are of one address: then that makes room for others.
A quarter of the places is out of reach for any one address, so that another one finds room at once.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from runtime import limits, run_files
from runtime.addresses import BACKLOG, bound, joined
from runtime.errors import ResourceError
from runtime.pages import PATHS, Pages
from runtime.process import Process
from runtime.troubles import TROUBLES

#: A connection that waits this many seconds for a request is closed.
IDLE_SECONDS = 75.0
#: A client that reads its answer this slowly is given up, in seconds.
READING_SECONDS = 600.0
#: A client that has not agreed on TLS by then is given up, in seconds.
HANDSHAKE_SECONDS = 10.0
#: Connections at a time, where descriptors allow more.
MAX_CONNECTIONS = 4096
#: Connections taken in one go: their sockets are open before any limit is looked at.
ACCEPTED_AT_ONCE = 4

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TooManyConnections(ResourceError):
    """All connections that the limit of descriptors allows are open; those that wait longest are closed."""

    code = "too_many_connections"
    default_remedy = "Raise the limit of descriptors (`ulimit -n`, LimitNOFILE=), or look who holds connections open."


class TooManyOfAddress(ResourceError):
    """One address has all the connections that one may have; others find room."""

    code = "too_many_connections_of_address"
    default_remedy = "Look who holds connections open there, or raise the limit of descriptors if it is a proxy."

    def __init__(self, address: str, limit: int) -> None:
        super().__init__(f"{address or 'One address'} has {limit} connections open, and no address may have more.")


def serve(
    process: Process,
    application: web.Application,
    pages: Pages,
    *,
    host: str,
    port: int,
    prefix: str,
    started: Callable[[Sequence[str]], None],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until the process is told to stop.

    Parameters
    ----------
    prefix
        Of the settings that name host and port, such as ``HALLMARK_CORE``.
    started
        Called with the addresses once connections are taken.
    tls
        Speak TLS in this way.

    Raises
    ------
    ConfigurationError
        The port is taken, or the host is no address of this machine.
    """
    asyncio.run(_serve(process, application, pages, host, port, prefix, started, tls))


def page_routes(pages: Pages) -> list[web.RouteDef]:
    """Return the routes of the common pages."""

    async def show(request: web.Request) -> web.Response:
        given = (request.headers.get(name, "") for name in ("Authorization", "Accept"))
        found = await asyncio.to_thread(pages.answer, request.path, *given)
        return web.Response(status=found.status, body=found.body, headers={"Content-Type": found.content_type})

    return [web.get(path, show) for path in PATHS]


async def _serve(
    process: Process,
    application: web.Application,
    pages: Pages,
    host: str,
    port: int,
    prefix: str,
    started: Callable[[Sequence[str]], None],
    tls: ssl.SSLContext | None,
) -> None:
    connections = Connections(limits.connections(MAX_CONNECTIONS), IDLE_SECONDS)
    application.middlewares.insert(0, connections.middleware)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=process.settings.drain_seconds)
    sockets = bound(host, port, prefix=prefix)
    await runner.setup()
    assert runner.server is not None
    factory = connections.guarded(runner.server)
    loop = asyncio.get_running_loop()
    handshake = None if tls is None else HANDSHAKE_SECONDS
    servers = [
        await loop.create_server(factory, sock=each, backlog=ACCEPTED_AT_ONCE, ssl=tls, ssl_handshake_timeout=handshake)
        for each in sockets
    ]
    for each in sockets:
        each.listen(BACKLOG)
    addresses = [joined(*each.getsockname()[:2]) for each in sockets]
    process.ready()
    file = run_files.write(process, host, sockets[0].getsockname()[1])
    try:
        async with connections.swept():
            started(addresses)
            await _told(process.stopping)
    finally:
        run_files.remove(file)
        for server in servers:
            server.close()
        await runner.cleanup()


async def _told(stopping: threading.Event) -> None:
    """Return when the event is set; a thread of its own waits, because the pool's threads have work."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def wait() -> None:
        stopping.wait()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(told.set)

    threading.Thread(target=wait, name="stopping", daemon=True).start()
    await told.wait()


class Connections:
    """The open connections of a server, and since when each waits for a request.

    Parameters
    ----------
    limit
        Connections at a time.
    idle_seconds
        Longest wait for a request.
    """

    def __init__(self, limit: int, idle_seconds: float) -> None:
        self._limit, self._idle_seconds = limit, idle_seconds
        self._limit_of_address = limit - limit // 4
        #: With the peer's address, in the order in which they came.
        self._open: dict[asyncio.Transport, str] = {}
        self._of_address: Counter[str] = Counter()
        #: In the order in which they began to wait.
        self._waiting: dict[asyncio.Transport, float] = {}

    def guarded(self, server: Callable[[], Any]) -> Callable[[], asyncio.Protocol]:
        """Return a factory of connections that are counted and otherwise the server's."""
        return lambda: _Guarded(server(), self)

    @property
    def middleware(self) -> Any:
        """Marks a connection as busy while its request is answered; the outermost middleware."""

        @web.middleware
        async def mark(request: web.Request, handler: Handler) -> web.StreamResponse:
            transport: Any = request.transport
            self._waiting.pop(transport, None)
            try:
                return await handler(request)
            finally:
                if transport in self._open:
                    self._waiting[transport] = time.monotonic()

        return mark

    @asynccontextmanager
    async def swept(self) -> AsyncIterator[None]:
        """Close idle connections while the block runs."""

        async def sweep() -> None:
            while True:
                await asyncio.sleep(min(1.0, self._idle_seconds / 2))
                self.close_idle()

        task = asyncio.create_task(sweep())
        try:
            yield
        finally:
            task.cancel()

    def close_idle(self) -> None:
        """Close the connections that have waited too long."""
        now = time.monotonic()
        for transport, since in list(self._waiting.items()):
            allowed = READING_SECONDS if transport.get_write_buffer_size() else self._idle_seconds
            if now - since > allowed:
                self._drop(transport)

    def opened(self, transport: asyncio.Transport) -> None:
        """Count a new connection, and make room for it or drop it when there is none."""
        address = _peer(transport)
        if len(self._open) >= self._limit:
            TROUBLES.note(TooManyConnections())
            self._drop(next(iter(self._waiting), None) or self._one_of_many(transport))
        elif self._of_address[address] >= self._limit_of_address:
            TROUBLES.note(TooManyOfAddress(address, self._limit_of_address), harmful=False)
            self._drop(next((each for each in self._waiting if self._open[each] == address), transport))
        if not transport.is_closing():
            self._open[transport] = address
            self._of_address[address] += 1
            self._waiting[transport] = time.monotonic()

    def closed(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        address = self._open.pop(transport, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]
        self._waiting.pop(transport, None)

    def _one_of_many(self, newcomer: asyncio.Transport) -> asyncio.Transport:
        """Return the oldest connection of the address that has most, or the newcomer when that is of no other."""
        [(address, count)] = self._of_address.most_common(1)
        if count <= self._of_address[_peer(newcomer)] + 1:
            return newcomer
        return next(each for each, known in self._open.items() if known == address)

    def _drop(self, transport: asyncio.Transport) -> None:
        self.closed(transport)
        transport.abort()


def _peer(transport: asyncio.Transport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]) if name else ""


class _Guarded(asyncio.Protocol):
    """A connection of the server that reports when it opens and closes."""

    def __init__(self, inner: Any, connections: Connections) -> None:
        self._inner, self._connections = inner, connections
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner.connection_made(transport)
        self._connections.opened(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.closed(self._transport)
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        answer: bool | None = self._inner.eof_received()
        return answer

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
