"""The gateway: a line to each core, and its health and metrics server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from aiohttp import web

from broker.artifacts import ArtifactStore
from broker.jobs import JobStore
from gateway.cores import Core
from gateway.line import Line
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings
from runtime.http_server import page_routes
from runtime.pages import Pages
from runtime.process import Process

#: Threads for looks into the stores and for host names; each core may have some that hang while a name is looked up.
THREADS, THREADS_OF_A_CORE = 8, 6


class Gateway:
    """One gateway between some cores and one job store.

    Parameters
    ----------
    process, own
        What serves it, with the settings of the installation; the gateway's own settings.
    cores
        Whose batches it fetches.
    jobs, artifacts
        The prover's stores.
    key_identity
        What every core must verify with, ``profile:hex``.
    wake
        Called after jobs were created, so that the outbox is relayed at once.
    """

    def __init__(
        self,
        process: Process,
        own: GatewaySettings,
        cores: Sequence[Core],
        jobs: JobStore,
        artifacts: ArtifactStore,
        key_identity: str,
        *,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._key_identity = key_identity
        metrics = Metrics(process.settings.cluster)
        chains = frozenset(core.chain_id for core in cores)
        self.lines = [
            Line(core, chains, process, own, jobs, artifacts, key_identity, metrics, wake=wake) for core in cores
        ]
        self.pages = Pages(process, check=self._check, facts=self._facts, metrics=metrics.text)

    def application(self) -> web.Application:
        """Return the application; the loops run while it is served."""
        app = web.Application()
        app.add_routes(page_routes(self.pages))
        app.cleanup_ctx.append(self._loops)
        return app

    async def _loops(self, _: web.Application) -> AsyncIterator[None]:
        threads = ThreadPoolExecutor(THREADS + THREADS_OF_A_CORE * len(self.lines), thread_name_prefix="gateway")
        asyncio.get_running_loop().set_default_executor(threads)
        async with AsyncExitStack() as stack:
            for line in self.lines:
                await stack.enter_async_context(line.working())
            yield

    def _check(self) -> str:
        troubles = [(line, trouble) for line in self.lines if (trouble := line.trouble())]
        return "; ".join(self._of(line, trouble) for line, trouble in troubles)

    def _facts(self) -> dict[str, object]:
        refused = [self._of(line, text) for line in self.lines if (text := line.refused())]
        return {
            "key_digest": self._key_identity,
            "refused": "; ".join(refused),
            "cores": [line.facts() for line in self.lines],
        }

    def _of(self, line: Line, text: str) -> str:
        """Say which chain a text is about, where there are several."""
        return text if len(self.lines) == 1 else f"chain {line.core.chain_id}: {text}"
