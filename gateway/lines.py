"""The lines of a gateway: one to each core that it serves, and those that end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from gateway.cores import Core
from gateway.line import Line
from runtime.logging import get_logger

log = get_logger(__name__)


class Lines:
    """Keeps a line to each core that is to be served, and lets the others end without loss.

    Parameters
    ----------
    make
        Makes the line to a core.
    """

    def __init__(self, make: Callable[[Core], Line]) -> None:
        self._make = make
        #: Chain -> its line, in the order of the cores.
        self.serving: dict[int, Line] = {}
        self._tasks: dict[Line, asyncio.Task[None]] | None = None

    @property
    def draining(self) -> list[Line]:
        """Lines to cores that are served no more and have batches here."""
        return [line for line in self._tasks or () if line.drains]

    def chains(self) -> frozenset[int]:
        """Return the chains that batches of this gateway may be of."""
        return frozenset(line.core.chain_id for line in (*self.serving.values(), *self.draining))

    def serve(self, cores: Sequence[Core]) -> None:
        """Serve these cores from now on; the line to one that stays as it is goes on undisturbed.

        Raises
        ------
        ConfigurationError
            A certificate cannot be used; nothing has changed then.
        """
        before = self.serving
        after = {core.chain_id: self._kept(core) or self._make(core) for core in cores}
        for line in self.draining:
            if line.core.chain_id in after:
                line.end()
        for chain, line in before.items():
            if after.get(chain) is not line:
                line.end(drain=chain not in after)
        self.serving = after
        begun = [line for chain, line in after.items() if before.get(chain) is not line]
        if self._tasks is not None:
            for line in begun:
                self._begin(self._tasks, line)
            if begun or before.keys() - after.keys():
                log.info(
                    "gateway.cores_taken",
                    added=sorted(after.keys() - before.keys()),
                    changed=sorted(line.core.chain_id for line in begun if line.core.chain_id in before),
                    removed=sorted(before.keys() - after.keys()),
                )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the lines while the block runs."""
        tasks: dict[Line, asyncio.Task[None]] = {}
        self._tasks = tasks
        for line in self.serving.values():
            self._begin(tasks, line)
        try:
            yield
        finally:
            self._tasks = None
            running = list(tasks.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _kept(self, core: Core) -> Line | None:
        line = self.serving.get(core.chain_id)
        same = line is not None and line.core == core and line.files_digest == core.files_digest()
        return line if same else None

    def _begin(self, tasks: dict[Line, asyncio.Task[None]], line: Line) -> None:
        tasks[line] = task = asyncio.create_task(line.work())

        def ended(task: asyncio.Task[None]) -> None:
            tasks.pop(line)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                log.error("gateway.line_failed", chain_id=line.core.chain_id, exc_info=error)
            elif line.drains and not task.cancelled():
                log.info("gateway.line_ended", chain_id=line.core.chain_id)

        task.add_done_callback(ended)
