"""The gateway's loops: ask for work, renew offers, return proofs; and its health and metrics server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from broker.artifacts import ArtifactStore
from broker.jobs import BatchState, JobStore
from gateway.core_client import CoreClient, CoreRefusal
from gateway.handback import Handback
from gateway.in_state import batches_in
from gateway.intake import Intake
from gateway.settings import GatewaySettings
from runtime.errors import HallmarkError
from runtime.http_server import page_routes
from runtime.logging import get_logger
from runtime.pages import Pages
from runtime.process import Process
from runtime.wire import ProofDataRequest

#: Longest pause of a loop that keeps failing, in seconds.
MAX_BACKOFF_SECONDS = 30.0

#: Answers of core to a request for work that stay what they are until somebody changes one of the two sides.
FINAL_REFUSALS = frozenset({"key_mismatch", "protocol_mismatch", "unauthorized", "certificate_missing"})

log = get_logger(__name__)


class Gateway:
    """One gateway between one core and one job store.

    Parameters
    ----------
    process, own
        What serves it, with the settings of the installation; the gateway's own settings.
    jobs, artifacts
        The prover's stores.
    key_identity
        What core must verify with, ``profile:hex``.
    wake
        Called after jobs were created, so that the outbox is relayed at once.
    """

    def __init__(
        self,
        process: Process,
        own: GatewaySettings,
        jobs: JobStore,
        artifacts: ArtifactStore,
        key_identity: str,
        *,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        settings = process.settings
        self._settings, self._pulse = settings, process.pulse
        self._own = own
        self._jobs = jobs
        self._client = CoreClient(
            settings.core_url,
            token=settings.token.get_secret_value(),
            request_seconds=own.gateway_request_seconds,
            tls=own.tls(),
        )
        self._request = ProofDataRequest(
            prover=own.gateway_name, protocol_version=settings.protocol_version, key_digest=key_identity
        )
        self._intake = Intake(
            self._client,
            jobs,
            artifacts,
            witness_limit=own.gateway_witness_limit,
            key_identity=key_identity,
            wake=wake,
        )
        self._handback = Handback(self._client, jobs, artifacts)
        self._failures: dict[str, tuple[str, str]] = {}
        self._last_poll = 0.0
        self._registry = CollectorRegistry()
        labels = ["cluster"]
        self._taken = Counter("hallmark_gateway_batches_taken", "Offers taken.", labels, registry=self._registry)
        self._judged = Counter("hallmark_gateway_proofs_judged", "Proofs judged.", labels, registry=self._registry)
        self._failed = Counter(
            "hallmark_gateway_failures",
            "Failed rounds of a loop.",
            ["loop", "code", "cluster"],
            registry=self._registry,
        )
        self._polled = Gauge(
            "hallmark_gateway_last_poll_seconds", "When core last answered a question.", labels, registry=self._registry
        )
        self.pages = Pages(
            process, check=self._check, facts=self._facts, metrics=lambda: generate_latest(self._registry)
        )

    def application(self) -> web.Application:
        """Return the application; the loops run while it is served."""
        app = web.Application()
        app.add_routes(page_routes(self.pages))
        app.cleanup_ctx.append(self._loops)
        return app

    async def poll(self) -> bool:
        """Ask core for a batch and take it in; return whether there was one."""
        running = len(await asyncio.to_thread(batches_in, self._jobs, BatchState.IN_PROGRESS))
        if running >= self._own.gateway_max_batches:
            return False
        offer = await self._client.ask(self._request)
        self._last_poll = time.time()
        self._polled.labels(self._settings.cluster).set(self._last_poll)
        if offer is None:
            return False
        await self._intake.take(offer)
        self._taken.labels(self._settings.cluster).inc()
        return True

    async def hand_back(self) -> bool:
        """Submit what is finished; return whether core judged something."""
        judged = await self._handback.submit_finished()
        self._judged.labels(self._settings.cluster).inc(judged)
        return judged > 0

    async def renew(self) -> bool:
        """Renew the offers held."""
        await self._handback.renew_offers()
        return False

    async def _loops(self, _: web.Application) -> AsyncIterator[None]:
        async with self._client:
            tasks = [
                asyncio.create_task(self._repeat("poll", self.poll, self._own.gateway_poll_seconds)),
                asyncio.create_task(self._repeat("hand_back", self.hand_back, self._own.gateway_hand_back_seconds)),
                asyncio.create_task(self._repeat("renew", self.renew, self._own.gateway_renew_seconds)),
            ]
            yield
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._handback.close()

    async def _repeat(self, name: str, step: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Run one loop for ever; it backs off while it fails and never ends the process."""
        backoff = seconds
        while True:
            self._pulse.beat(name)
            try:
                moved = await step()
            except Exception as error:
                code, text = _cause(error)
                if self._failures.get(name) != (code, text):
                    log.warning("gateway.loop_failed", loop=name, code=code, error=text, exc_info=code == "internal")
                self._failures[name] = code, text
                self._failed.labels(name, code, self._settings.cluster).inc()
                backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
                await asyncio.sleep(backoff)
                continue
            if self._failures.pop(name, None) is not None:
                log.info("gateway.loop_recovered", loop=name)
            backoff = seconds
            if not moved:
                await asyncio.sleep(seconds)

    def _check(self) -> str:
        failures = "; ".join(f"{name}: {text}" for name, (_, text) in sorted(self._failures.items()))
        return failures or ("" if self._last_poll else "core has not answered yet")

    def _facts(self) -> dict[str, object]:
        return {
            "last_poll": self._last_poll,
            "key_digest": self._request.key_digest,
            "refused": next((text for code, text in self._failures.values() if code in FINAL_REFUSALS), ""),
        }


def _cause(error: Exception) -> tuple[str, str]:
    if isinstance(error, CoreRefusal):
        return error.refusal, error.line()
    if isinstance(error, HallmarkError):
        return error.code, error.line()
    return "internal", f"{type(error).__name__}: {error}"
