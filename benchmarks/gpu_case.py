"""A measurement of a kernel on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes
    ----------
    kernel
        The kernel, or the first of those that the work launches.
    size
        What is worked on, for people.
    work
        Launches it.
    moved, instructions
        Bytes and lane instructions of the whole work.
    threads
        Of a block.
    """

    kernel: str
    size: str
    work: Callable[[], object]
    moved: float
    instructions: float
    threads: int = 128
