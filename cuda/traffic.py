"""Bytes between host and device, by phase of the proof: what crosses the bus is counted, not assumed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Crossing:
    """Bytes of one phase.

    Attributes
    ----------
    arrays_in, arrays_out
        Execution records and whole columns: traces, constraint values, the final polynomial.
    small_in, small_out
        Addresses, challenges and indices; caps, opened rows, sums and nonces.
    """

    arrays_in: int = 0
    arrays_out: int = 0
    small_in: int = 0
    small_out: int = 0


class Traffic:
    """Counts by phase; :meth:`begin` can serve as the prover's progress callback."""

    def __init__(self) -> None:
        self.phases: dict[str, Crossing] = {}
        self._now = self.phases.setdefault("", Crossing())

    def begin(self, fraction: float, phase: str) -> None:
        """Count under this phase from now on."""
        self._now = self.phases.setdefault(phase, Crossing())

    def count_in(self, size: int, *, small: bool) -> None:
        """Count bytes that go to the device."""
        if small:
            self._now.small_in += size
        else:
            self._now.arrays_in += size

    def count_out(self, size: int, *, small: bool) -> None:
        """Count bytes that come from the device."""
        if small:
            self._now.small_out += size
        else:
            self._now.arrays_out += size
