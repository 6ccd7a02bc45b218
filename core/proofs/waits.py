"""Questions for a batch that wait until one is ready, so that it is lent at once and nobody asks ten times a second.

A wait promises nothing: whoever is told that a batch is ready asks for it like everybody else, and may find it gone.
Waits hold no thread and no database connection. One task looks for all of them; they have places of their own, and
whoever finds none is answered at once, as if it had not asked to wait.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from runtime.logging import get_logger

#: Seconds that one question may wait; proxies give an answer up after 60.
MAX_WAIT_SECONDS = 30.0

#: Questions that wait at a time, and of one address.
MAX_WAITING, MAX_WAITING_OF_ADDRESS = 64, 16

#: Time between two looks for a ready batch while somebody waits.
LOOK_SECONDS = 0.05

log = get_logger(__name__)


class Waits:
    """The waiting questions of one server.

    Parameters
    ----------
    ready
        Returns how many batches could be lent now, at most as many as asked.
    """

    def __init__(self, ready: Callable[[int], Awaitable[int]]) -> None:
        self._ready = ready
        #: In the order in which they came, with the address of each.
        self._waiting: dict[asyncio.Future[None], str] = {}
        self._of_address: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def until_ready(self, address: str, seconds: float) -> bool:
        """Return whether a batch may be ready: False after `seconds`, or at once when there is no place to wait."""
        full = len(self._waiting) >= MAX_WAITING or self._of_address[address] >= MAX_WAITING_OF_ADDRESS
        if self._closed or full:
            return False
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[told] = address
        self._of_address[address] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await told
        except TimeoutError:
            return False
        finally:
            del self._waiting[told]
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]
        return not self._closed

    async def close(self, _: object = None) -> None:
        """Answer everybody and let nobody wait any more: the server stops."""
        self._closed = True
        self._tell(len(self._waiting))

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                found = await self._ready(len(self._waiting))
            except Exception as error:
                # Whoever waits asks again itself, and is told what is wrong.
                log.debug("waits.look_failed", error=type(error).__name__)
                found = len(self._waiting)
            self._tell(found)

    def _tell(self, number: int) -> None:
        for told in [each for each in self._waiting if not each.done()][:number]:
            told.set_result(None)
