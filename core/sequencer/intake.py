"""Takes transactions from many requests together: whoever comes while a group is being written is in the next one.

One run of the program and one durable write serve a whole group, so each costs little, and no request waits for more
than the group before its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.errors import Busy
from core.http.pools import Pool
from core.sequencer.sequencer import Sequencer

#: Transactions of one group, and their bytes; a group takes some tens of milliseconds.
GROUP_TRANSACTIONS, GROUP_BYTES = 256, 1 << 20

#: Transactions that may wait for a group, and their bytes; more are refused at once.
WAITING_TRANSACTIONS, WAITING_BYTES = 8192, 1 << 26

Place = tuple[bytes, asyncio.Future[bytes]]


class Intake:
    """The way of a request's transaction into the mempool. Belongs to one event loop.

    Parameters
    ----------
    sequencer
        Takes the groups.
    """

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._pool = Pool("sending", 1, 0)
        self._waiting: list[Place] = []
        self._bytes = 0
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, raw: bytes) -> bytes:
        """Return the hash of a transaction once it is durably in the mempool.

        Raises
        ------
        Busy
            Too many wait already.
        UnreadableTransaction, Refused, Known, Underpriced, MempoolFull
        """
        if len(self._waiting) >= WAITING_TRANSACTIONS or self._bytes + len(raw) > WAITING_BYTES:
            raise Busy(f"{len(self._waiting)} transactions are being taken already.")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((raw, answer))
        self._bytes += len(raw)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            group = self._next_group()
            answers: Sequence[bytes | Exception]
            try:
                answers = await self._pool.run(self._sequencer.submit_all, [raw for raw, _ in group])
            except Exception as error:
                answers = [error] * len(group)
            for (_, future), answer in zip(group, answers, strict=True):
                if future.done():
                    continue  # its request went away
                if isinstance(answer, bytes):
                    future.set_result(answer)
                else:
                    future.set_exception(answer)

    def _next_group(self) -> list[Place]:
        count = size = 0
        for raw, _ in self._waiting[:GROUP_TRANSACTIONS]:
            if count and size + len(raw) > GROUP_BYTES:
                break
            count, size = count + 1, size + len(raw)
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._bytes -= size
        return group
