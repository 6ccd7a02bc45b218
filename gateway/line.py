"""The gateway's line to one core: three loops that ask for work, renew offers and return proofs.

A line ends without loss: its question, which core may just be answering with a batch, is waited for; and where nobody
takes its place, it renews and hands back until no batch of its chain is open.

Lines share the two stores and nothing else: each has its own connections, pauses and failures, so that a core that is
slow, wrong or silent delays no batch of another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

from broker.artifacts import ArtifactStore
from broker.jobs import JobStore
from gateway.core_client import CoreClient, CoreRefusal
from gateway.cores import Core
from gateway.handback import Handback
from gateway.in_state import running
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.process import Process
from runtime.urls import mask_url
from runtime.wire import ProofDataRequest

#: Longest pause of a loop that keeps failing, in seconds.
MAX_BACKOFF_SECONDS = 30.0

#: Seconds between two looks of a line that ends for what is left to do.
LEFT_SECONDS = 1.0

#: Answers of core to a request for work that stay what they are until somebody changes one of the two sides.
FINAL_REFUSALS = frozenset({"key_mismatch", "protocol_mismatch", "unauthorized", "certificate_missing"})

log = get_logger(__name__)


class Line:
    """What the gateway does for one core.

    Parameters
    ----------
    core
        Which one.
    chains
        Returns the chains of all cores of this gateway, for the limit of their batches together.
    process, own
        What serves the gateway; its own settings.
    jobs, artifacts
        The prover's stores.
    key_identity
        What core must verify with, ``profile:hex``.
    metrics
        Where it counts.
    wake
        Called after jobs were created, so that the outbox is relayed at once.
    """

    def __init__(
        self,
        core: Core,
        chains: Callable[[], Collection[int]],
        process: Process,
        own: GatewaySettings,
        jobs: JobStore,
        artifacts: ArtifactStore,
        key_identity: str,
        metrics: Metrics,
        *,
        wake: Callable[[], None],
    ) -> None:
        self.core = core
        #: Of the files that its connections were made with.
        self.files_digest = core.files_digest()
        self._chains, self._own, self._pulse, self._metrics = chains, own, process.pulse, metrics
        self._jobs = jobs.of_chain(core.chain_id)
        self.client = CoreClient(
            core.url,
            token=core.token.get_secret_value(),
            request_seconds=own.gateway_request_seconds,
            tls=core.tls(),
        )
        self._request = ProofDataRequest(
            prover=own.gateway_name, protocol_version=process.settings.protocol_version, key_digest=key_identity
        )
        self._intake = Intake(
            self.client,
            self._jobs,
            artifacts,
            witness_limit=own.gateway_witness_limit,
            key_identity=key_identity,
            wake=wake,
        )
        self._handback = Handback(self.client, self._jobs, artifacts)
        #: Loop -> code and text of the failure that it is in.
        self.failures: dict[str, tuple[str, str]] = {}
        #: Whether it ends once no batch of its chain is open, in place of at once.
        self.drains = False
        #: Whether it asks for batches, or has a question at core that may still be answered with one.
        self.asks = False
        self._ends = asyncio.Event()
        self._last_poll = 0.0
        self._wait = min(own.gateway_wait_seconds, own.gateway_request_seconds / 2)

    async def poll(self) -> bool:
        """Ask core for a batch and take it in; return whether there was one.

        The limits are looked at before the question: of several cores that are asked at the same time each may lend
        one more. A place kept for a core that does not answer would be missing to the others.
        """
        found = await asyncio.to_thread(running, self._jobs, self._chains())
        most = self.core.max_batches or self._own.gateway_max_batches
        if found.get(self.core.chain_id, 0) >= most or sum(found.values()) >= self._own.gateway_max_batches:
            return False
        if self._ends.is_set():
            return False
        # Core is asked to wait once it is known to answer: what is wrong with it shows at once.
        wait = self._wait if self._last_poll and "poll" not in self.failures else 0.0
        offer = await self.client.ask(self._request, wait=wait)
        self._last_poll = time.time()
        self._metrics.polled(self.core.chain_id, self._last_poll)
        if offer is None:
            return False
        await self._intake.take(offer)
        self._metrics.taken(self.core.chain_id)
        return True

    async def hand_back(self) -> bool:
        """Submit what is finished; return whether core judged something."""
        judged = await self._handback.submit_finished()
        self._metrics.judged(self.core.chain_id, judged)
        return judged > 0

    async def renew(self) -> bool:
        """Renew the offers held."""
        await self._handback.renew_offers()
        return False

    def end(self, *, drain: bool = False) -> None:
        """Ask no further question, and do nothing else either; with `drain` once no batch of the chain is open."""
        self.drains = drain
        self._ends.set()

    async def work(self) -> None:
        """Run the loops until this is cancelled, or has nothing left to do after :meth:`end`."""
        async with self.client:
            asking = asyncio.create_task(self._repeat("poll", self.poll, self._own.gateway_poll_seconds, self._ends))
            others = [
                asyncio.create_task(self._repeat("hand_back", self.hand_back, self._own.gateway_hand_back_seconds)),
                asyncio.create_task(self._repeat("renew", self.renew, self._own.gateway_renew_seconds)),
            ]
            self.asks = True
            asking.add_done_callback(self._asks_no_more)
            try:
                await self._ends.wait()
                while self.drains and (not asking.done() or await self._left()):
                    await asyncio.sleep(LEFT_SECONDS)
                await self._stop(others)
                await asking
            finally:
                await self._stop([asking, *others])
                if self.drains:
                    self._metrics.forget(self.core.chain_id)
                    self._pulse.forget([f"{name} {self.core.chain_id}" for name in ("poll", "hand_back", "renew")])

    def trouble(self) -> str:
        """Return why this line is not as it should be; empty when it is."""
        failures = "; ".join(f"{name}: {text}" for name, (_, text) in sorted(self.failures.items()))
        return failures or ("" if self._last_poll else "core has not answered yet")

    def facts(self) -> dict[str, object]:
        """Return what ``/ready`` shows of this line."""
        return {
            "chain_id": self.core.chain_id,
            "url": mask_url(self.core.url),
            "reason": self.trouble(),
            "last_poll": self._last_poll,
            "refused": self.refused(),
            "asks": self.asks,
            "drains": self.drains,
        }

    def refused(self) -> str:
        """Return why core gives no work at all until somebody changes something; empty when it does."""
        return next((text for code, text in self.failures.values() if code in FINAL_REFUSALS), "")

    def _asks_no_more(self, asking: asyncio.Task[None]) -> None:
        self.asks = False

    async def _left(self) -> bool:
        try:
            return await self._handback.left()
        except HallmarkError:
            # Nobody knows while the job store is away.
            return True

    async def _stop(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._handback.close()

    async def _repeat(
        self, name: str, step: Callable[[], Awaitable[bool]], seconds: float, ends: asyncio.Event | None = None
    ) -> None:
        """Run one loop until it `ends`, at most every `seconds`; it backs off while it fails, which never ends it."""
        ends, backoff = ends or asyncio.Event(), seconds
        while not ends.is_set():
            began = time.monotonic()
            self._pulse.beat(f"{name} {self.core.chain_id}")
            try:
                moved = await step()
            except Exception as error:
                backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
                self._failed(name, error)
                await _pause(ends, backoff)
                continue
            if self.failures.pop(name, None) is not None:
                log.info("gateway.loop_recovered", loop=name, chain_id=self.core.chain_id)
            backoff = seconds
            if not moved:
                await _pause(ends, max(0.0, began + seconds - time.monotonic()))

    def _failed(self, name: str, error: Exception) -> None:
        code, text = _cause(error)
        if self.failures.get(name) != (code, text):
            log.warning(
                "gateway.loop_failed",
                loop=name,
                chain_id=self.core.chain_id,
                code=code,
                error=text,
                exc_info=error if code == "internal" else None,
            )
        self.failures[name] = code, text
        self._metrics.failed(self.core.chain_id, name, code)


async def _pause(ends: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(ends.wait(), seconds)


def _cause(error: Exception) -> tuple[str, str]:
    if isinstance(error, CoreRefusal):
        return error.refusal, error.line()
    if isinstance(error, HallmarkError):
        return error.code, error.line()
    return "internal", f"{type(error).__name__}: {error}"
