"""Takes transactions from many requests together: whoever comes while a group is being written is in the next one.

One run of the program and one durable write serve a whole group, so each costs little, and no request waits for more
than the group before its own. Clients take turns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from core.errors import Busy
from core.http.pools import CLIENT, Pool
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
        #: What waits, by client; the client at the front is the next one.
        self._queues: dict[str, deque[Place]] = {}
        self._count = self._bytes = 0
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, raw: bytes) -> bytes:
        """Return the hash of a transaction once it is durably in the mempool.

        Raises
        ------
        Busy
            Too many wait already.
        UnreadableTransaction, Refused, Known, Underpriced, MempoolFull
        """
        if self._count >= WAITING_TRANSACTIONS or self._bytes + len(raw) > WAITING_BYTES:
            raise Busy(f"{self._count} transactions are being taken already.")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(CLIENT.get(), deque()).append((raw, answer))
        self._count, self._bytes = self._count + 1, self._bytes + len(raw)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._count:
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
        """Take a group from what waits, one transaction of each client in turn."""
        group: list[Place] = []
        size = 0
        while self._queues and len(group) < GROUP_TRANSACTIONS:
            client, queue = next(iter(self._queues.items()))
            if group and size + len(queue[0][0]) > GROUP_BYTES:
                break
            del self._queues[client]
            group.append(queue.popleft())
            size += len(group[-1][0])
            if queue:
                self._queues[client] = queue  # behind the others
        self._count, self._bytes = self._count - len(group), self._bytes - size
        return group
