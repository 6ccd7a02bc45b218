"""Core's one HTTP server: JSON-RPC for wallets, the proof data handler for provers, health for operators.

Beside it three loops run: one seals batches that are due, one takes sealed batches to the proof data handler, one
removes files that are no longer needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from core.batch_file import batch_file
from core.errors import BatchUnknown
from core.ethereum_api import EthereumApi
from core.http_errors import bearer, small_body, typed_errors
from core.json_rpc import respond
from core.metrics import exposition
from core.node import Node
from core.offers import find_batch
from runtime.errors import HallmarkError
from runtime.logging import get_logger

#: Bytes of one JSON-RPC request.
MAX_RPC_BYTES = 4 << 20

#: Seconds between two looks at the mempool and at half-finished batches.
TICK_SECONDS = 0.1

#: Seconds between two looks for files that are no longer needed.
CLEAN_SECONDS = 60.0

#: Seconds before a loop that failed tries again.
RECOVERY_SECONDS = 5.0

log = get_logger(__name__)


class Server:
    """The aiohttp application around a node.

    Parameters
    ----------
    node
        Core's parts.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._methods = EthereumApi(node.store, node.sequencer, node.settings.chain_id, node.genesis.base_fee).methods()
        self._last_progress = time.time()
        self._failures: dict[str, str] = {}

    def application(self) -> web.Application:
        """Return the application; its loops run while it is served."""
        token = self._node.settings.token.get_secret_value()
        app = web.Application(middlewares=[typed_errors, bearer(token)], client_max_size=MAX_RPC_BYTES)
        app.add_routes(
            [
                web.post("/", self._rpc),
                web.get("/batches/{batch}", self._batch),
                web.get("/health", self._health),
                web.get("/ready", self._ready),
                web.get("/metrics", self._metrics),
                *self._node.proof_data_handler.routes(),
            ]
        )
        app.cleanup_ctx.append(self._loops)
        return app

    async def _loops(self, _: web.Application) -> AsyncIterator[None]:
        steps = ((self._seal_when_due, TICK_SECONDS), (self._settle, TICK_SECONDS), (self._clean, CLEAN_SECONDS))
        tasks = [asyncio.create_task(self._repeat(step, seconds)) for step, seconds in steps]
        yield
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _repeat(self, step: Callable[[], bool], seconds: float) -> None:
        """Run one step for ever; a step that fails is told in ``/ready`` and tried again."""
        while True:
            try:
                moved = await asyncio.to_thread(step)
            except Exception as error:
                text = error.line() if isinstance(error, HallmarkError) else f"{type(error).__name__}: {error}"
                self._failures[step.__name__] = text
                log.exception("core.step_failed", step=step.__name__)
                await asyncio.sleep(RECOVERY_SECONDS)
                continue
            self._failures.pop(step.__name__, None)
            if moved:
                self._last_progress = time.time()
            else:
                await asyncio.sleep(seconds)

    def _seal_when_due(self) -> bool:
        return self._node.sequencer.due() and self._node.sequencer.seal() is not None

    def _settle(self) -> bool:
        return self._node.settlement.advance() > 0

    def _clean(self) -> bool:
        return self._node.retention.remove_old() > 0

    async def _rpc(self, request: web.Request) -> web.Response:
        answer = await respond(await small_body(request, MAX_RPC_BYTES), self._methods)
        if answer is None:
            return web.Response(status=204)
        return web.Response(body=answer, content_type="application/json")

    async def _batch(self, request: web.Request) -> web.Response:
        text = request.match_info["batch"]
        if not (text.isascii() and text.isdecimal()) or len(text) > 18:
            raise BatchUnknown()

        def read() -> bytes:
            with self._node.store.session():
                return batch_file(find_batch(int(text)), self._node.identity)

        return web.Response(body=await asyncio.to_thread(read), content_type="application/json")

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "up", "process": "core"})

    async def _ready(self, _: web.Request) -> web.Response:
        def check() -> dict[str, object]:
            with self._node.store.session():
                self._node.store.ping()
            return {"waiting_transactions": self._node.sequencer.waiting()}

        identity = self._node.identity
        body: dict[str, object] = {
            "process": "core",
            "last_progress": self._last_progress,
            "failure": "; ".join(self._failures.values()),
            "chain_id": identity.chain_id,
            "protocol_version": identity.protocol_version,
            "key_digest": identity.key_digest,
            "program_commitment": identity.program_commitment,
        }
        try:
            body |= await asyncio.to_thread(check)
        except Exception as error:
            body["failure"] = f"the store does not answer: {type(error).__name__}"
        return web.json_response(body, status=503 if body["failure"] else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        content = await asyncio.to_thread(exposition, self._node.store, self._node.settings.cluster)
        return web.Response(body=content, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
