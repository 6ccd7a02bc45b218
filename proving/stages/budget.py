"""Choosing a segment's size class from a memory budget, and holding segments against it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping

from proving import keys
from proving.machine.main_vm.shape import MAX_SIZE_CLASS, MIN_SIZE_CLASS, capacities, log_heights
from proving.machine.witness import TABLES
from proving.stark.memory import estimate
from runtime import limits
from runtime.errors import InvalidInput, OutOfMemory

#: What a proving process takes beside the proof itself: interpreter, libraries, key, execution records.
OVERHEAD_BYTES = 192 << 20
#: The classes that are chosen from while the budget holds their largest segment: smaller ones waste time on the tables
#: of fixed height, and the largest of these is what one laptop holds.
CLASSES = (16, 17, 18, 19, 20)
#: The largest class that is chosen without being asked for: a larger one takes twice the memory, holds the first
#: result back twice as long, and proves no faster.
LARGEST = 18


def segment_bytes(records: Mapping[str, int]) -> int:
    """Return the peak memory of proving a segment with these records, in bytes.

    Parameters
    ----------
    records
        Of each of `proving.machine.witness.TABLES`; more than are used makes the estimate larger.
    """
    layout = keys.key(keys.MAIN_VM).layout
    heights = log_heights({table: records[table] for table in TABLES})
    return estimate(layout.shape(tuple(heights[table.name] for table in layout.tables))).peak + OVERHEAD_BYTES


@functools.cache
def peak_bytes(name: int) -> int:
    """Return the peak memory of proving a segment of a size class whose every table is full, in bytes."""
    return segment_bytes(capacities(name))


def classes(memory: int, *, asked: int = 0) -> tuple[int, ...]:
    """Return the size classes to try, in order: the first whose segments all fit the budget is taken.

    How high a segment's tables are depends on the program. Only the segments of a class that the budget holds whatever
    the program is need not be looked at.

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
        The budget does not hold any segment.
    InvalidInput
        There is no such class.
    """
    budget = memory_budget(memory)
    least = segment_bytes(dict.fromkeys(TABLES, 1))
    if budget < least:
        raise OutOfMemory(
            f"Proving the smallest segment takes {_gib(least)}; the budget is {_gib(budget)}.",
            remedy="Give more with --memory or HALLMARK_MEMORY.",
        )
    if asked:
        if not MIN_SIZE_CLASS <= asked <= MAX_SIZE_CLASS:
            known = f"{MIN_SIZE_CLASS} to {MAX_SIZE_CLASS}"
            raise InvalidInput(f"There is no size class {asked}.", remedy=f"Size classes are {known}.")
        return (asked,)
    fitting = [name for name in CLASSES if peak_bytes(name) <= budget]
    if fitting:
        return (min(max(fitting), LARGEST),)
    return tuple(range(min(CLASSES), MIN_SIZE_CLASS - 1, -1))


def memory_budget(memory: int) -> int:
    """Return a budget in bytes; 0 stands for three quarters of what is free now in machine and container."""
    return memory or limits.memory().available * 3 // 4


def size_class(memory: int, *, asked: int = 0) -> int:
    """Return the size class to cut the segments of any program for; parameters are those of :func:`classes`.

    Raises
    ------
    OutOfMemory
        The budget does not hold the largest segment of the class that was asked for, or of any.
    InvalidInput
        There is no such class.
    """
    budget = memory_budget(memory)
    tried = classes(memory, asked=asked)
    if asked and not memory:
        return asked
    for name in tried:
        if peak_bytes(name) <= budget:
            return name
    raise OutOfMemory(
        f"Proving at size class {tried[-1]} takes up to {_gib(peak_bytes(tried[-1]))}; the budget is {_gib(budget)}.",
        remedy="Give more with --memory or HALLMARK_MEMORY, or choose a smaller size class.",
    )


def check(memory: int, asked: int) -> None:
    """Refuse a budget that was set and holds no segment; what is free at the moment is not looked at.

    Raises
    ------
    OutOfMemory, InvalidInput
        As :func:`size_class`.
    """
    if memory or asked:
        size_class(memory or sys.maxsize, asked=asked)


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
