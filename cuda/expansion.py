"""Expansion on a device, whatever the circuit."""

from __future__ import annotations

from cuda.arrays import DeviceArray, Memory
from cuda.circuits import expand_recursion, expand_requests
from cuda.segment import expand_segment
from proving.backend.expansion import Expansion, RecursionExpansion, RequestExpansion, SegmentExpansion


def expand(memory: Memory, expansion: Expansion) -> dict[str, DeviceArray]:
    """Return the traces by table.

    Raises
    ------
    ExpansionRefused
        An instruction of a segment was not decoded, or is none.
    """
    match expansion:
        case SegmentExpansion():
            return expand_segment(memory, expansion)
        case RequestExpansion():
            return expand_requests(memory, expansion)
        case RecursionExpansion():
            return expand_recursion(memory, expansion)
        case _:
            raise TypeError(f"there is no expansion of {type(expansion).__name__}")
