"""Places for proofs on their way in: so many under one offer, so many in all; who stalls makes room for who comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import Busy

#: A sender whose last byte is this many seconds old loses its place to the next one that asks for it.
STALL_SECONDS = 0.5


@dataclass(eq=False)
class Arrival:
    """One proof on its way in."""

    group: str
    task: asyncio.Task[object]
    last: float = field(default_factory=time.monotonic)
    whole: bool = False
    displaced: bool = False

    def progressed(self) -> None:
        """Note that bytes arrived."""
        self.last = time.monotonic()

    def arrived(self) -> None:
        """Note that all of it is there: it waits for core now, and keeps its place."""
        self.whole = True


class Arrivals:
    """The places of one server. Belongs to one event loop.

    Parameters
    ----------
    per_group, total
        Proofs at a time under one offer, and in all.
    """

    def __init__(self, per_group: int, total: int) -> None:
        self._per_group = per_group
        self._total = total
        self._open: list[Arrival] = []

    @contextmanager
    def place(self, group: str) -> Iterator[Arrival]:
        """Hold a place for the calling task, which is cancelled when it stalls and another asks for the place.

        Raises
        ------
        Busy
            None is free, and nobody stalls.
        """
        task = asyncio.current_task()
        assert task is not None
        of_group = [each for each in self._open if each.group == group]
        if len(of_group) >= self._per_group:
            self._make_room(of_group)
        elif len(self._open) >= self._total:
            self._make_room(self._open)
        arrival = Arrival(group, task)
        self._open.append(arrival)
        try:
            yield arrival
        finally:
            if arrival in self._open:
                self._open.remove(arrival)

    def _make_room(self, among: list[Arrival]) -> None:
        stalled = min((each for each in among if not each.whole), key=lambda each: each.last, default=None)
        if stalled is None or time.monotonic() - stalled.last < STALL_SECONDS:
            raise Busy()
        stalled.displaced = True
        self._open.remove(stalled)
        stalled.task.cancel()
