"""JSON-RPC over WebSocket, and `eth_subscribe`: new blocks and waiting transactions told as they come.

Everything that a connection is sent goes through one queue of bounded length. A client that does not read fills it; its
calls then wait, and once a notification finds no place its connection is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from core.api import objects
from core.api.encoding import parameter
from core.api.json_rpc import INVALID_PARAMS, LIMIT_EXCEEDED, Method, RpcError, respond
from core.errors import Busy
from core.http.pools import Pool
from core.state import chain
from core.store import Store, Transaction
from runtime.errors import InvalidInput

#: WebSocket connections at a time, and subscriptions of one.
MAX_CONNECTIONS = 256
MAX_SUBSCRIPTIONS = 32

#: Messages that may wait for a client to read them.
MAX_QUEUED = 1024

#: Seconds between two pings; a client that answers none is gone.
HEARTBEAT_SECONDS = 30.0

#: New transactions that are told in one go; what came on top is not told.
MAX_TOLD = 10_000

#: Closed with this code, a client knows that it may come again.
_TOO_SLOW = WSCloseCode.TRY_AGAIN_LATER


@dataclass(frozen=True)
class _News:
    """What happened since the last look."""

    heads: list[dict[str, object]]
    waiting: list[dict[str, object]]


@dataclass(eq=False)
class _Connection:
    """One client: what is to be sent to it, and what it has subscribed to, by id."""

    socket: web.WebSocketResponse
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(MAX_QUEUED))
    fresh: dict[str, str] = field(default_factory=dict)
    active: dict[str, str] = field(default_factory=dict)


class Subscriptions:
    """The WebSocket side of one chain's JSON-RPC.

    Parameters
    ----------
    store
        Core's rows.
    methods
        What can be called, beside subscribing.
    head
        Describes a block by its number, as `newHeads` shows it.
    largest_message
        Bytes of one message from a client.
    """

    def __init__(
        self,
        store: Store,
        methods: Mapping[str, Method],
        head: Callable[[int], dict[str, object] | None],
        largest_message: int,
    ) -> None:
        self._store = store
        self._methods = methods
        self._head = head
        self._largest_message = largest_message
        self._connections: set[_Connection] = set()
        self._pool = Pool("announcing", 1, 1)
        self._seen: tuple[int, int] | None = None
        self._closing: set[asyncio.Future[bool]] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one client until it goes.

        Raises
        ------
        InvalidInput
            The request asks for no WebSocket.
        Busy
            Too many are connected.
        """
        socket = web.WebSocketResponse(
            max_msg_size=self._largest_message, heartbeat=HEARTBEAT_SECONDS, compress=False, timeout=1.0
        )
        if not socket.can_prepare(request):
            raise InvalidInput("JSON-RPC is sent with POST, or over a WebSocket.")
        if len(self._connections) >= MAX_CONNECTIONS:
            raise Busy(f"{MAX_CONNECTIONS} WebSocket clients are connected already.")
        connection = _Connection(socket)
        self._connections.add(connection)
        try:
            await socket.prepare(request)
            sender = asyncio.create_task(_send(connection))
            try:
                await self._receive(connection)
            finally:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sender
        finally:
            self._connections.discard(connection)
        return socket

    async def close(self, _: web.Application | None = None) -> None:
        """Close every connection: the server stops."""
        await asyncio.gather(*(each.socket.close(code=WSCloseCode.GOING_AWAY) for each in list(self._connections)))

    async def announce(self) -> None:
        """Look once for new blocks and transactions, and tell them to whoever subscribed."""
        wanted = {kind for connection in self._connections for kind in connection.active.values()}
        news = await self._pool.run(self._look, wanted)
        for connection in list(self._connections):
            for identity, kind in list(connection.active.items()):
                for result in _told(news, kind):
                    self._notify(connection, identity, result)

    def _look(self, wanted: set[str]) -> _News:
        with self._store.session():
            before, now = self._seen, (chain.head(), chain.newest_transaction())
            self._seen = now
            if before is None or not wanted:
                return _News([], [])
            heads = range(before[0] + 1, now[0] + 1) if "newHeads" in wanted else range(0)
            rows = chain.transactions_after(before[1], now[1], MAX_TOLD) if wanted - {"newHeads"} else []
            return _News(
                [head for number in heads if (head := self._head(number)) is not None], [_waiting(row) for row in rows]
            )

    def _notify(self, connection: _Connection, identity: str, result: object) -> None:
        message = {
            "jsonrpc": "2.0",
            "method": "eth_subscription",
            "params": {"subscription": identity, "result": result},
        }
        try:
            connection.queue.put_nowait(msgspec.json.encode(message))
        except asyncio.QueueFull:
            connection.active.clear()
            closing = connection.socket.close(code=_TOO_SLOW, message=b"the client reads too slowly")
            self._closing.add(task := asyncio.ensure_future(closing))
            task.add_done_callback(self._closing.discard)

    async def _receive(self, connection: _Connection) -> None:
        async def subscribe(parameters: Sequence[Any]) -> str:
            return _subscribe(connection, parameters)

        async def unsubscribe(parameters: Sequence[Any]) -> bool:
            return connection.active.pop(str(parameter(parameters, 0, "")), None) is not None

        methods = {**self._methods, "eth_subscribe": subscribe, "eth_unsubscribe": unsubscribe}
        async for message in connection.socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            body = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            answer = await respond(body, methods)
            if answer is not None:
                await connection.queue.put(answer)
            # Nothing is told under an id before the client has been given it.
            connection.active |= connection.fresh
            connection.fresh.clear()


def _subscribe(connection: _Connection, parameters: Sequence[Any]) -> str:
    kind = parameter(parameters, 0)
    if kind not in ("newHeads", "newPendingTransactions", "logs", "syncing"):
        raise RpcError(INVALID_PARAMS, "Subscriptions are newHeads, newPendingTransactions, logs and syncing.")
    if len(connection.active) + len(connection.fresh) >= MAX_SUBSCRIPTIONS:
        raise RpcError(LIMIT_EXCEEDED, f"A connection has at most {MAX_SUBSCRIPTIONS} subscriptions.")
    if kind == "newPendingTransactions" and parameter(parameters, 1, False) is True:
        kind = "fullPendingTransactions"
    identity = "0x" + secrets.token_hex(16)
    connection.fresh[identity] = kind
    return identity


def _waiting(row: Transaction) -> dict[str, object]:
    return objects.transaction(row, chain.view(row), None)


def _told(news: _News, kind: str) -> list[Any]:
    """Return what a subscription of this kind is told; there are no logs, and core is never behind."""
    if kind == "newHeads":
        return list(news.heads)
    if kind == "fullPendingTransactions":
        return list(news.waiting)
    return [described["hash"] for described in news.waiting] if kind == "newPendingTransactions" else []


async def _send(connection: _Connection) -> None:
    while True:
        message = await connection.queue.get()
        with contextlib.suppress(ConnectionError):
            await connection.socket.send_str(message.decode())
