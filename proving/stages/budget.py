"""Choosing a size class from a memory budget, and of its shapes those that the budget holds."""

from __future__ import annotations

import functools
import sys

from proving import keys
from proving.backend.expansion import Expansion
from proving.backend.interface import Backend
from proving.circuits.served import SERVED
from proving.machine.main_vm import shapes
from proving.machine.main_vm.shapes import MAX_SIZE_CLASS, MIN_SIZE_CLASS
from proving.stark.memory import estimate, estimate_streamed
from proving.stark.shape import Shape
from runtime import limits
from runtime.errors import InvalidInput, OutOfMemory

#: What a proving process takes beside the proof itself: interpreter, libraries, key, execution records.
OVERHEAD_BYTES = 192 << 20
#: What lies free between arrays of many sizes where polynomials are kept, as measured (12) with some room, in percent.
SCATTERED = 15
#: What a process takes that proves every round of a small run, as measured (0.93 GB) with some room: no budget can be
#: smaller, whatever the segments take.
ROUNDS_BYTES = 1 << 30
#: What a process takes that makes SNARKs, as measured (2.0 GB) with some room.
COMPRESSION_BYTES = 5 << 29
#: The largest class that is chosen for a CPU without being asked for: a larger one takes three times the memory, holds
#: the first result back four times as long, and proves no faster.
LARGEST = 18
#: That for a device that holds it: a quarter of the segments is a quarter of the leaves and nodes above them.
LARGEST_ON_DEVICE = 20


def backend_for(backend: Backend, name: str, expansion: Expansion) -> Backend:
    """Return what proves an expansion of a circuit: the backend, or one that keeps less where memory is short."""
    layout = keys.key(name).layout
    heights = {table: height.bit_length() - 1 for table, (_, height) in expansion.shapes.items()}
    shape = layout.shape(tuple(heights[table.name] for table in layout.tables))
    return backend.within(estimate(shape).peak + OVERHEAD_BYTES)


@functools.cache
def shape_bytes(number: int) -> int:
    """Return the least memory that proves a segment of a shape, in bytes: what is needed where it is short."""
    streamed = estimate_streamed(_shape(number)).peak * (100 + SCATTERED) // 100
    return min(streamed + OVERHEAD_BYTES, kept_bytes(number))


@functools.cache
def kept_bytes(number: int) -> int:
    """Return the memory of proving a segment of a shape where all extended columns are kept, in bytes."""
    return estimate(_shape(number)).peak + OVERHEAD_BYTES


def _shape(number: int) -> Shape:
    return keys.key(keys.MAIN_VM).layout.shape(tuple(shapes.SHAPES[number].values()))


@functools.cache
def requests_bytes(name: str, number: int) -> int:
    """Return the memory of proving requests in a shape of their circuit, all extended columns kept, in bytes."""
    layout, shape = keys.key(name).layout, SERVED[name].shapes[number]
    return estimate(layout.shape(tuple(shape[table.name] for table in layout.tables))).peak + OVERHEAD_BYTES


def requests_within(name: str, memory: int) -> int:
    """Return how many requests of a type are proven at a time where proving one segment may take so many bytes.

    The smallest shape is always within: it takes less than what joining proofs does.
    """
    capacities = SERVED[name].capacities
    held = [count for number, count in enumerate(capacities) if requests_bytes(name, number) <= memory]
    return max(held, default=capacities[0])


def peak_bytes(name: int) -> int:
    """Return the least memory that proves the largest segment of a size class, in bytes."""
    return max(map(shape_bytes, _within(name)))


def kept_peak_bytes(name: int) -> int:
    """Return the memory of proving it where all extended columns are kept, as on a device, in bytes."""
    return max(map(kept_bytes, _within(name)))


def fitting(name: int, memory: int) -> tuple[int, ...]:
    """Return the numbers of the shapes of a size class that a budget holds.

    Parameters
    ----------
    memory
        Budget of one proving process in bytes; 0 for any number.

    Raises
    ------
    OutOfMemory
        It holds none.
    InvalidInput
        There is no such class.
    """
    numbers = _within(name)
    found = tuple(number for number in numbers if not memory or shape_bytes(number) <= memory)
    if not found:
        raise OutOfMemory(
            f"Proving the smallest segment takes {_gib(shape_bytes(numbers[0]))}; the budget is {_gib(memory)}.",
            remedy="Give more with --memory or HALLMARK_MEMORY.",
        )
    return found


def largest(device: int = 0) -> int:
    """Return the largest class that is chosen without being asked for.

    Parameters
    ----------
    device
        Bytes that a proof may take on a device; 0 on a CPU.
    """
    return LARGEST_ON_DEVICE if kept_peak_bytes(LARGEST_ON_DEVICE) <= device else LARGEST


def memory_budget(memory: int) -> int:
    """Return a budget in bytes; 0 stands for three quarters of what is free now in machine and container."""
    return memory or limits.memory().available * 3 // 4


def check_rounds(memory: int) -> None:
    """Refuse a budget (bytes, 0 for any number) that does not hold the proofs which join the segments'.

    Raises
    ------
    OutOfMemory
    """
    if 0 < memory < ROUNDS_BYTES:
        raise OutOfMemory(
            f"Joining the proofs of segments takes {_gib(ROUNDS_BYTES)}; the budget is {_gib(memory)}.",
            remedy="Give more with --memory or HALLMARK_MEMORY.",
        )


def check_compression(memory: int) -> None:
    """Refuse a budget (bytes, 0 for any number) that does not hold the making of a SNARK.

    Raises
    ------
    OutOfMemory
    """
    if 0 < memory < COMPRESSION_BYTES:
        raise OutOfMemory(
            f"Making a SNARK takes {_gib(COMPRESSION_BYTES)}; the budget is {_gib(memory)}.",
            remedy="Give more with --memory or HALLMARK_MEMORY, or run no `compress` process on this machine.",
        )


def size_class(memory: int, *, asked: int = 0) -> int:
    """Return the size class to cut the segments of a run for.

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
        The budget does not hold the largest segment of the class that was asked for, or of any class.
    InvalidInput
        There is no such class.
    """
    check_rounds(memory)
    budget = memory_budget(memory)
    tried = (asked,) if asked else range(LARGEST, MIN_SIZE_CLASS - 1, -1)
    for name in tried:
        if peak_bytes(name) <= budget or (asked and not memory):
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


def _within(name: int) -> tuple[int, ...]:
    if not MIN_SIZE_CLASS <= name <= MAX_SIZE_CLASS:
        known = f"{MIN_SIZE_CLASS} to {MAX_SIZE_CLASS}"
        raise InvalidInput(f"There is no size class {name}.", remedy=f"Size classes are {known}.")
    return shapes.within(name)


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
