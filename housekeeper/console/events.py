"""Live updates: one look for all browsers, and a server-sent event to each when something changed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator

from aiohttp import web

from broker.jobs import JobStore
from broker.jobs.overview_sql import FINGERPRINT
from runtime.errors import HallmarkError
from runtime.pulse import Pulse

#: Seconds between two looks at the database, while somebody looks at the console.
LOOK_SECONDS = 1.0
#: Seconds after which a silent stream gets a comment, so that nothing in between closes it.
KEEP_SECONDS = 15.0
#: Browsers at a time that are told.
MAX_STREAMS = 64


class Events:
    """The streams of a console."""

    def __init__(self, store: JobStore, pulse: Pulse) -> None:
        self._store, self._pulse = store, pulse
        self._changed = asyncio.Condition()
        self._state = ""
        self._streams = 0

    async def watch(self, _: web.Application) -> AsyncIterator[None]:
        """Look while the application is served."""
        task = asyncio.create_task(self._look())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Tell one browser."""
        if self._streams >= MAX_STREAMS:
            raise web.HTTPServiceUnavailable(text="Too many pages are open.")
        self._streams += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            last = self._state
            await response.write(b"retry: 3000\n\n")
            while True:
                state = await self._next(last)
                text = ": still here\n\n" if state == last else f"event: change\ndata: {state}\n\n"
                await response.write(text.encode())
                last = state
        except ConnectionError:
            return response
        finally:
            self._streams -= 1

    async def _next(self, last: str) -> str:
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(lambda: self._state != last), KEEP_SECONDS)
            return self._state

    async def _look(self) -> None:
        while True:
            self._pulse.beat("look")
            if self._streams:
                with contextlib.suppress(HallmarkError):
                    state = await asyncio.to_thread(self._read)
                    async with self._changed:
                        self._state = state
                        self._changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)

    def _read(self) -> str:
        rows = self._store.database.read(FINGERPRINT)
        return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()[:16]
