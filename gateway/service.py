"""The gateway: a line to each core, and its health and metrics server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from broker.artifacts import ArtifactStore
from broker.jobs import JobStore
from gateway import cores_file
from gateway.cores import Core
from gateway.cores_file import CoresFile
from gateway.line import Line
from gateway.lines import Lines
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings
from runtime.errors import HallmarkError
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
        Whose batches it fetches; with a file of cores, those that this names as long as it says nothing else.
    jobs, artifacts
        The prover's stores.
    key_identity
        What every core must verify with, ``profile:hex``.
    wake
        Called after jobs were created, so that the outbox is relayed at once.
    file
        Where the cores are listed; read again when it changes, and at SIGHUP.
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
        file: CoresFile | None = None,
    ) -> None:
        self._key_identity, self._file, self._pulse = key_identity, file, process.pulse
        self._metrics = metrics = Metrics(process.settings.cluster)

        def line(core: Core) -> Line:
            return Line(core, self._lines.chains, process, own, jobs, artifacts, key_identity, metrics, wake=wake)

        self._lines = Lines(line)
        self._lines.serve(cores)
        self._threads: ThreadPoolExecutor | None = None
        self.pages = Pages(process, check=self._check, facts=self._facts, metrics=metrics.text)

    @property
    def lines(self) -> list[Line]:
        """The lines to the cores that are served."""
        return list(self._lines.serving.values())

    def application(self) -> web.Application:
        """Return the application; the loops run while it is served."""
        app = web.Application()
        app.add_routes(page_routes(self.pages))
        app.cleanup_ctx.append(self._loops)
        return app

    async def _loops(self, _: web.Application) -> AsyncIterator[None]:
        self._set_threads()
        async with self._lines.working(), self._watched():
            yield

    def _set_threads(self) -> None:
        """Have as many threads as the cores need; those at work in the pool before end with their work."""
        threads = ThreadPoolExecutor(THREADS + THREADS_OF_A_CORE * len(self.lines), thread_name_prefix="gateway")
        asyncio.get_running_loop().set_default_executor(threads)
        if self._threads is not None:
            self._threads.shutdown(wait=False)
        self._threads = threads

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Look at the file of cores, where there is one, while the block runs."""
        if self._file is None:
            yield
            return
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, told.set)
        watch = asyncio.create_task(self._watch(self._file, told))
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, file: CoresFile, told: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), cores_file.LOOK_SECONDS)
            at_once = told.is_set()
            told.clear()
            self._pulse.beat("cores")
            if (found := await asyncio.to_thread(file.look, at_once=at_once)) is not None:
                try:
                    self._lines.serve(found)
                    self._set_threads()
                except HallmarkError as error:
                    file.refuse(error)
            self._metrics.refused(bool(file.fault))

    def _check(self) -> str:
        troubles = [(line, trouble) for line in self.lines if (trouble := line.trouble())]
        return "; ".join(self._of(line, trouble) for line, trouble in troubles)

    def _facts(self) -> dict[str, object]:
        refused = [self._of(line, text) for line in self.lines if (text := line.refused())]
        return {
            "key_digest": self._key_identity,
            "refused": "; ".join(refused),
            "cores": [line.facts() for line in (*self.lines, *self._lines.draining)],
            **({} if self._file is None else {"cores_file": self._file.facts()}),
        }

    def _of(self, line: Line, text: str) -> str:
        """Say which chain a text is about, where there are several."""
        return text if len(self.lines) == 1 else f"chain {line.core.chain_id}: {text}"
