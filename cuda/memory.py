"""Device memory: a pool under a budget that reuses pieces and gives them back.

A piece that is no longer referenced goes to the pool, which hands it out again for a request of the same size. When a
request would pass the budget, or the device has nothing left, unused pieces are given back to the device first; only
then the request is refused, with the figures.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from cuda.device import Device
from cuda.errors import DeviceOutOfMemory


class Piece:
    """Memory in use; returns to its pool when nothing refers to it."""

    __slots__ = ("_returned", "after", "pointer", "size")

    def __init__(self, pointer: int, size: int, after: Any, returned: deque[tuple[int, int]]) -> None:
        self.pointer = pointer
        self.size = size
        #: Token of the work that may still use the memory under its last owner.
        self.after = after
        self._returned = returned

    def __del__(self) -> None:
        # Runs in whatever thread and moment: only an atomic append; the pool looks later.
        self._returned.append((self.pointer, self.size))


class Pool:
    """The memory of one device.

    Parameters
    ----------
    budget
        Bytes that the pool never exceeds.
    keep
        Whether unused pieces are kept for reuse; without, every piece is given back at once.
    """

    def __init__(self, device: Device, budget: int, *, keep: bool = True) -> None:
        self.budget = budget
        #: Bytes handed out and bytes held from the device, now; and the most ever handed out.
        self.used = 0
        self.held = 0
        self.peak = 0
        self._device = device
        self._keep = keep
        self._returned: deque[tuple[int, int]] = deque()
        self._unused: dict[int, list[tuple[int, Any]]] = {}

    def allocate(self, size: int) -> Piece:
        """Return a piece of at least ``size`` bytes of undefined content.

        Raises
        ------
        DeviceOutOfMemory
            The budget or the device cannot give so much.
        """
        unit = self._device.granularity
        rounded = max(1, -(-size // unit)) * unit
        self._collect()
        pieces = self._unused.get(rounded)
        if pieces:
            pointer, after = pieces.pop()
        else:
            pointer, after = self._fresh(rounded), None
        self.used += rounded
        self.peak = max(self.peak, self.used)
        return Piece(pointer, rounded, after, self._returned)

    def give_back(self) -> None:
        """Give every unused piece back to the device."""
        self._collect()
        if any(self._unused.values()):
            self._device.synchronize()
        for size, pieces in self._unused.items():
            for pointer, _ in pieces:
                self._device.free(pointer)
                self.held -= size
        self._unused.clear()

    def _fresh(self, size: int) -> int:
        if self.held + size > self.budget:
            self.give_back()
        if self.held + size > self.budget:
            raise self._refusal(size, "the budget is spent")
        try:
            pointer = self._device.allocate(size)
        except DeviceOutOfMemory:
            self.give_back()
            try:
                pointer = self._device.allocate(size)
            except DeviceOutOfMemory as error:
                raise self._refusal(size, "the device has no more") from error
        self.held += size
        return pointer

    def _collect(self) -> None:
        mark: Any = None
        while self._returned:
            pointer, size = self._returned.popleft()
            self.used -= size
            if self._keep:
                mark = mark or self._device.mark()
                self._unused.setdefault(size, []).append((pointer, mark))
            else:
                self._device.synchronize()
                self._device.free(pointer)
                self.held -= size

    def _refusal(self, size: int, why: str) -> DeviceOutOfMemory:
        return DeviceOutOfMemory(
            f"{size / 2**20:.1f} MiB more were asked of {self._device.name} and {why}: "
            f"{self.used / 2**20:.1f} MiB are in use, the budget is {self.budget / 2**20:.1f} MiB.",
            requested=size,
            used=self.used,
            budget=self.budget,
        )
