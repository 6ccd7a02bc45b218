"""Choosing a segment's size class from a memory budget, before any work is done."""

from __future__ import annotations

import re

import psutil

from runtime.errors import InvalidInput, OutOfMemory

#: Peak bytes of proving one segment of each size class with every table at its capacity, measured by `make bench`
#: (`main_vm.memory`) and rounded up; the key and the interpreter are included.
PEAK_BYTES = {16: 1 << 30, 17: 3 << 29, 18: 5 << 29, 19: 5 << 30, 20: 19 << 29}
#: The largest class that is chosen unless a caller asks for a larger one.
LARGEST = 20

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"^(\d+)([KMGT]?)(?:iB|B)?$", re.IGNORECASE)


def parse(text: str) -> int:
    """Return a budget such as `8G` in bytes; 0 for an empty text.

    Raises
    ------
    InvalidInput
        Not a size.
    """
    if not text:
        return 0
    match = _SIZE.match(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is not a size.", remedy="Write it as 8G, 512M or a number of bytes.")
    return int(match[1]) * _UNITS[match[2].upper()]


def size_class(memory: int, *, asked: int = 0) -> int:
    """Return the size class to cut segments for.

    Parameters
    ----------
    memory
        Budget of one proving process in bytes; 0 takes three quarters of what is free now.
    asked
        A class that the operator insists on, or 0.

    Raises
    ------
    OutOfMemory
        The budget does not hold the class that was asked for, or the smallest one.
    """
    budget = memory or psutil.virtual_memory().available * 3 // 4
    fitting = [name for name, peak in PEAK_BYTES.items() if peak <= budget]
    if asked:
        if asked not in PEAK_BYTES:
            known = f"{min(PEAK_BYTES)} to {max(PEAK_BYTES)}"
            raise InvalidInput(f"There is no size class {asked}.", remedy=f"Size classes are {known}.")
        if memory and asked not in fitting:
            raise _too_small(budget, asked)
        return asked
    if not fitting:
        raise _too_small(budget, min(PEAK_BYTES))
    return min(max(fitting), LARGEST)


def _too_small(budget: int, wanted: int) -> OutOfMemory:
    return OutOfMemory(
        f"Proving at size class {wanted} takes up to {PEAK_BYTES[wanted] / 2**30:.1f} GiB; the budget is "
        f"{budget / 2**30:.1f} GiB.",
        remedy="Give more with --memory or HALLMARK_MEMORY, or choose a smaller size class.",
    )
