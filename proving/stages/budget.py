"""Choosing a segment's size class from a memory budget, before any work is done."""

from __future__ import annotations

import functools
import sys

from proving import keys
from proving.machine.main_vm.shape import MAX_SIZE_CLASS, MIN_SIZE_CLASS, max_log_heights
from proving.stark.memory import estimate
from runtime import limits
from runtime.errors import InvalidInput, OutOfMemory

#: What a proving process takes beside the proof itself: interpreter, libraries, key, execution records.
OVERHEAD_BYTES = 400 << 20
#: The classes that are chosen from: smaller ones waste time on the tables of fixed height, and the largest of these is
#: what one laptop holds.
CLASSES = (16, 17, 18, 19, 20)
#: The largest class that is chosen without being asked for: a larger one takes twice the memory, holds the first
#: result back twice as long, and proves no faster.
LARGEST = 18


@functools.cache
def peak_bytes(name: int) -> int:
    """Return the peak memory of proving a segment of a size class whose every table is full, in bytes."""
    layout = keys.key(keys.MAIN_VM).layout
    bounds = max_log_heights(name)
    shape = layout.shape(
        tuple(bounds.get(table.name, bound) for table, bound in zip(layout.tables, layout.max_log_heights, strict=True))
    )
    return estimate(shape).peak + OVERHEAD_BYTES


def size_class(memory: int, *, asked: int = 0) -> int:
    """Return the size class to cut segments for.

    Parameters
    ----------
    memory
        Budget of one proving process in bytes; 0 takes three quarters of what is free now in
        machine and container.
    asked
        A class that the operator insists on, or 0.

    Raises
    ------
    OutOfMemory
        The budget does not hold the class that was asked for, or the smallest one.
    """
    budget = memory or limits.memory().available * 3 // 4
    fitting = [name for name in CLASSES if peak_bytes(name) <= budget]
    if asked:
        if not MIN_SIZE_CLASS <= asked <= MAX_SIZE_CLASS:
            known = f"{MIN_SIZE_CLASS} to {MAX_SIZE_CLASS}"
            raise InvalidInput(f"There is no size class {asked}.", remedy=f"Size classes are {known}.")
        if memory and peak_bytes(asked) > budget:
            raise _too_small(budget, asked)
        return asked
    if not fitting:
        raise _too_small(budget, min(CLASSES))
    return min(max(fitting), LARGEST)


def check(memory: int, asked: int) -> None:
    """Refuse a budget that was set and holds no segment; what is free at the moment is not looked at.

    Raises
    ------
    OutOfMemory, InvalidInput
        As :func:`size_class`.
    """
    if memory or asked:
        size_class(memory or sys.maxsize, asked=asked)


def _too_small(budget: int, wanted: int) -> OutOfMemory:
    return OutOfMemory(
        f"Proving at size class {wanted} takes up to {peak_bytes(wanted) / 2**30:.1f} GiB; the budget is "
        f"{budget / 2**30:.1f} GiB.",
        remedy="Give more with --memory or HALLMARK_MEMORY, or choose a smaller size class.",
    )
