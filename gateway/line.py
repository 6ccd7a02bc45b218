"""The gateway's line to one core: three loops that ask for work, renew offers and return proofs.

Lines share the two stores and nothing else: each has its own connections, pauses and failures, so that a core that is
slow, wrong or silent delays no batch of another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

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
        The chains of all cores of this gateway, for the limit of their batches together.
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
        chains: frozenset[int],
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
        self._last_poll = 0.0
        self._wait = min(own.gateway_wait_seconds, own.gateway_request_seconds / 2)

    async def poll(self) -> bool:
        """Ask core for a batch and take it in; return whether there was one.

        The limits are looked at before the question: of several cores that are asked at the same time each may lend
        one more. A place kept for a core that does not answer would be missing to the others.
        """
        found = await asyncio.to_thread(running, self._jobs, self._chains)
        most = self.core.max_batches or self._own.gateway_max_batches
        if found.get(self.core.chain_id, 0) >= most or sum(found.values()) >= self._own.gateway_max_batches:
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

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the loops while the block runs."""
        loops = (
            ("poll", self.poll, self._own.gateway_poll_seconds),
            ("hand_back", self.hand_back, self._own.gateway_hand_back_seconds),
            ("renew", self.renew, self._own.gateway_renew_seconds),
        )
        async with self.client:
            tasks = [asyncio.create_task(self._repeat(*each)) for each in loops]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                for task in tasks:
                    with suppress(asyncio.CancelledError):
                        await task
                await self._handback.close()

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
        }

    def refused(self) -> str:
        """Return why core gives no work at all until somebody changes something; empty when it does."""
        return next((text for code, text in self.failures.values() if code in FINAL_REFUSALS), "")

    async def _repeat(self, name: str, step: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Run one loop for ever, at most every `seconds`; it backs off while it fails and never ends the process."""
        backoff = seconds
        while True:
            began = time.monotonic()
            self._pulse.beat(f"{name} {self.core.chain_id}")
            try:
                moved = await step()
            except Exception as error:
                backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
                self._failed(name, error)
                await asyncio.sleep(backoff)
                continue
            if self.failures.pop(name, None) is not None:
                log.info("gateway.loop_recovered", loop=name, chain_id=self.core.chain_id)
            backoff = seconds
            if not moved:
                await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))

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


def _cause(error: Exception) -> tuple[str, str]:
    if isinstance(error, CoreRefusal):
        return error.refusal, error.line()
    if isinstance(error, HallmarkError):
        return error.code, error.line()
    return "internal", f"{type(error).__name__}: {error}"
