"""Core's one HTTP server: JSON-RPC for wallets, the proof data handler for provers, health for operators.

Beside it three loops run: one seals batches that are due, one takes sealed batches to the proof data handler, one
removes files that are no longer needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import sys
from collections.abc import AsyncIterator, Callable
from importlib import metadata

from aiohttp import web

from core.api.bridge_api import BridgeApi, Terms
from core.api.ethereum_api import EthereumApi
from core.api.json_rpc import respond
from core.api.objects import Constants
from core.api.origins import name_origin, origins
from core.api.state_proofs import StateProofs
from core.api.subscriptions import Subscriptions
from core.errors import BatchUnknown
from core.http.errors import bearer, certified, small_body, typed_errors
from core.http.pools import Pool, name_client
from core.process.metrics import exposition
from core.process.node import Node
from core.proofs.batch_file import batch_file
from core.proofs.offers import find_batch
from core.proofs.proof_data_handler import ProofDataHandler
from core.sequencer import GasEstimate
from core.state import versions
from runtime.errors import HallmarkError
from runtime.http_server import page_routes
from runtime.logging import get_logger
from runtime.os_errors import resource_error
from runtime.pages import Pages
from runtime.process import Process

#: Bytes of one JSON-RPC request.
MAX_RPC_BYTES = 4 << 20

#: Seconds between two looks at the mempool and at half-finished batches.
TICK_SECONDS = 0.1

#: Seconds between two looks for files that are no longer needed.
CLEAN_SECONDS = 60.0

#: Seconds between two looks at L1's price: those between two of its blocks.
PRICE_SECONDS = 12.0

#: Seconds before a loop that failed tries again.
RECOVERY_SECONDS = 5.0

log = get_logger(__name__)


def ethereum_api(node: Node) -> EthereumApi:
    """Return the methods of Ethereum's JSON-RPC over a node."""
    genesis, chain_id = node.genesis, node.settings.chain_id
    estimate = GasEstimate(node.program, genesis, chain_id, int(node.settings.protocol_version))
    constants = Constants(chain_id, genesis.base_fee, genesis.gas_limit, genesis.fee_recipient)
    version = f"Hallmark/v{metadata.version('hallmark')}/{platform.system().lower()}/python"
    terms = Terms(node.core_settings.core_l1_executor, node.core_settings.core_l1_confirmations)
    return EthereumApi(node.store, node.sequencer, estimate, constants, version, BridgeApi(node.store, terms))


class Server:
    """The aiohttp application around a node.

    Parameters
    ----------
    node
        Core's parts.
    process
        What serves it: settings, signs of life.
    send_to_l1
        One look at L1 and what follows from it; None where L1 is not configured.
    watch_l1
        One look for what L1 asks for; None as well.
    follow_price
        One look at L1's price; None where fees do not follow it.
    """

    def __init__(
        self,
        node: Node,
        process: Process,
        send_to_l1: Callable[[], bool] | None = None,
        watch_l1: Callable[[], bool] | None = None,
        follow_price: Callable[[], bool] | None = None,
    ) -> None:
        self._node = node
        self._send_to_l1 = send_to_l1
        self._watch_l1 = watch_l1
        self._follow_price = follow_price
        self._pulse = process.pulse
        self.pages = Pages(
            process,
            check=self._check,
            facts=self._facts,
            metrics=exposition(node.store, process.settings.cluster),
        )
        api = ethereum_api(node)
        self._methods = api.methods()
        self._readers = api.readers
        self._subscriptions = Subscriptions(node.store, self._methods, api.head, MAX_RPC_BYTES)
        self._failures: dict[str, str] = {}

    def application(self) -> web.Application:
        """Return the application; its loops run while it is served."""
        # Importing eth-account or py_ecc raises the recursion limit of the whole process to 100,000. With that, nested
        # brackets overflow the C stack of a JSON decoder and kill the process instead of raising.
        sys.setrecursionlimit(1000)
        tokens = self._node.settings.tokens
        allowed = self._node.core_settings.origins()
        guards = [bearer(tokens)]
        if self._node.core_settings.core_tls_clients is not None:
            guards.append(certified(ProofDataHandler.PATHS))
        app = web.Application(
            middlewares=[name_client, typed_errors, origins(allowed), *guards], client_max_size=MAX_RPC_BYTES
        )
        app.on_response_prepare.append(name_origin(allowed))
        app.on_shutdown.append(self._subscriptions.close)
        app.on_shutdown.append(self._node.proof_data_handler.close)
        app.add_routes(
            [
                web.post("/", self._rpc),
                web.get("/", self._subscriptions.serve, allow_head=False),
                web.get("/batches/{batch}", self._batch),
                *page_routes(self.pages),
                *self._node.proof_data_handler.routes(),
                *StateProofs(self._node.store, self._node.tree).routes(),
            ]
        )
        app.cleanup_ctx.append(self._loops)
        return app

    async def _loops(self, _: web.Application) -> AsyncIterator[None]:
        steps: list[tuple[Callable[[], bool], float]] = [
            (self._seal_when_due, TICK_SECONDS),
            (self._settle, TICK_SECONDS),
            (self._clean, CLEAN_SECONDS),
        ]
        if self._send_to_l1 is not None:
            steps.append((self._l1, self._node.core_settings.core_l1_poll_seconds))
        if self._watch_l1 is not None:
            steps.append((self._watch, self._node.core_settings.core_l1_poll_seconds))
        if self._follow_price is not None:
            steps.append((self._price, PRICE_SECONDS))
        tasks = [asyncio.create_task(self._repeat(step, seconds)) for step, seconds in steps]
        tasks.append(asyncio.create_task(self._announce()))
        yield
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _repeat(self, step: Callable[[], bool], seconds: float) -> None:
        """Run one step for ever, in a thread of its own; one that fails is told in ``/ready`` and tried again."""
        pool = Pool(step.__name__.strip("_"), 1, 0)
        while True:
            self._pulse.beat(step.__name__.strip("_"))
            try:
                moved = await pool.run(step)
            except Exception as error:
                known = error if isinstance(error, HallmarkError) else resource_error(error)
                self._failures[step.__name__] = known.line() if known else f"{type(error).__name__}: {error}"
                log.exception("core.step_failed", step=step.__name__)
                await asyncio.sleep(RECOVERY_SECONDS)
                continue
            self._failures.pop(step.__name__, None)
            if not moved:
                await asyncio.sleep(seconds)

    async def _announce(self) -> None:
        """Tell subscribers what is new, for ever."""
        while True:
            try:
                await self._subscriptions.announce()
            except Exception:
                log.exception("core.announcing_failed")
                await asyncio.sleep(RECOVERY_SECONDS)
            await asyncio.sleep(TICK_SECONDS)

    def _seal_when_due(self) -> bool:
        self._node.sequencer.expire()
        return self._node.sequencer.due() and self._node.sequencer.seal() is not None

    def _settle(self) -> bool:
        return self._node.settlement.advance() + self._node.skipping.skip() > 0

    def _clean(self) -> bool:
        return self._node.retention.remove_old() > 0

    def _l1(self) -> bool:
        return self._send_to_l1 is not None and self._send_to_l1()

    def _watch(self) -> bool:
        return self._watch_l1 is not None and self._watch_l1()

    def _price(self) -> bool:
        return self._follow_price is not None and self._follow_price()

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
                batch = find_batch(int(text))
                return batch_file(batch, versions.identity_of(self._node.store, batch, self._node.identity))

        return web.Response(body=await self._readers.run(read), content_type="application/json")

    def _facts(self) -> dict[str, object]:
        identity = self._node.identity
        return {
            "waiting_transactions": self._node.sequencer.waiting(),
            "chain_id": identity.chain_id,
            "key_digest": identity.key_digest,
            "program_commitment": identity.program_commitment,
            **({"least_tip_wei": self._node.sequencer.least_tip.wei} if self._follow_price is not None else {}),
            **({"warning": warning} if (warning := self._node.skipping.warning) else {}),
        }

    def _check(self) -> str:
        """Return what fails: a step, or the store."""
        try:
            with self._node.store.session():
                self._node.store.ping()
        except Exception as error:
            spent = resource_error(error)
            return spent.message if spent else f"the store does not answer: {type(error).__name__}"
        return "; ".join(self._failures.values())
