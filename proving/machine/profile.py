"""Cycles by call path and by marker."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.machine.executor import SLICE, STOP_CYCLE_LIMIT, LoadedProgram, Outcome, code_range
from proving.machine.traps import MachineMemoryError

if TYPE_CHECKING:
    from proving.machine.symbols import Symbols

#: Name of code that no symbol covers.
UNNAMED = "?"

_new = native.function("hm_profile_new", native.POINTER, [native.POINTER, native.POINTER])
_free = native.function("hm_profile_free", None, [native.POINTER])
_run = native.function("hm_profile_run", native.INT, [native.POINTER, native.UNSIGNED, native.POINTER])
_nodes = native.function("hm_profile_nodes", native.SIZE, [native.POINTER])
_read = native.function("hm_profile_read", None, [native.POINTER, native.POINTER])


@dataclass
class FunctionCycles:
    """A function in a profile.

    Attributes
    ----------
    own
        Cycles in the function itself.
    total
        Cycles in it and in what it calls; a recursive call is counted once.
    calls
        How often it was entered.
    """

    name: str
    own: int = 0
    total: int = 0
    calls: int = 0


@dataclass
class MarkerCycles:
    """What ran between the program's markers of one name: times, and cycles in all."""

    times: int = 0
    cycles: int = 0


@dataclass
class Markers:
    """The cycle markers of a run: begin and end of the same name are a pair, and pairs may nest."""

    closed: dict[str, MarkerCycles] = field(default_factory=lambda: defaultdict(MarkerCycles))
    #: Name and cycle of what has begun and not ended.
    open: list[tuple[str, int]] = field(default_factory=list)
    #: Names that ended without having begun.
    unmatched: set[str] = field(default_factory=set)

    def begin(self, name: str, cycle: int) -> None:
        """Note that a marker is passed."""
        self.open.append((name, cycle))

    def end(self, name: str, cycle: int) -> None:
        """Note the end of the last marker of the name."""
        for index in range(len(self.open) - 1, -1, -1):
            if self.open[index][0] == name:
                counted = self.closed[name]
                counted.times += 1
                counted.cycles += cycle - self.open.pop(index)[1]
                return
        self.unmatched.add(name)


class Profile:
    """Cycles by call path.

    Parameters
    ----------
    nodes
        ``(paths, 4) uint64``: parent, function, cycles, calls; parents come first. Row 0 is the parent of all.
    names
        Of the functions, by number.
    """

    def __init__(self, nodes: NDArray[np.uint64], names: list[str]) -> None:
        self._nodes = nodes
        self._names = names

    @property
    def cycles(self) -> int:
        """Cycles of the whole run."""
        return int(self._nodes[:, 2].sum())

    def stacks(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Yield every call path, outermost function first, with the cycles spent at its end."""
        paths: list[tuple[str, ...]] = [()]
        for parent, function, cycles, _ in self._nodes[1:].tolist():
            paths.append((*paths[parent], self._names[function]))
            if cycles:
                yield paths[-1], cycles

    def functions(self) -> list[FunctionCycles]:
        """Return every function that ran, the most expensive first."""
        found: dict[str, FunctionCycles] = {}
        for path, cycles in self.stacks():
            for name in set(path):
                found.setdefault(name, FunctionCycles(name)).total += cycles
            found[path[-1]].own += cycles
        for _, function, _, calls in self._nodes[1:].tolist():
            name = self._names[function]
            found.setdefault(name, FunctionCycles(name)).calls += calls
        return sorted(found.values(), key=lambda item: (-item.own, item.name))


class Profiler:
    """A profile while it is made; use `profiling` to make one, which frees it."""

    def __init__(self, handle: int, machine: LoadedProgram, names: list[str]) -> None:
        self._handle = handle
        self._machine = machine
        self._names = names

    def run(self, cycle_limit: int) -> Outcome:
        """Run until the machine halts; raise what stops it otherwise."""
        outcome = Outcome()
        done = 0
        while True:
            done = min(done + SLICE, cycle_limit)
            if not _run(self._handle, done, ctypes.addressof(outcome)):
                raise MachineMemoryError
            if outcome.stop != STOP_CYCLE_LIMIT or outcome.cycles >= cycle_limit:
                break
        outcome.check()
        return outcome

    def result(self) -> Profile:
        """Return what has been counted until now."""
        nodes = np.empty((_nodes(self._handle), 4), dtype=np.uint64)
        _read(self._handle, nodes.ctypes.data)
        return Profile(nodes, self._names)


@contextmanager
def profiling(machine: LoadedProgram, symbols: Symbols) -> Iterator[Profiler]:
    """Prepare to profile a loaded program from its entry."""
    base, count = code_range(machine.program)
    names = [UNNAMED]
    numbers = np.zeros(count, dtype=np.uint32)
    for index, function in enumerate(symbols.functions):
        following = symbols.functions[index + 1].address if index + 1 < len(symbols.functions) else base + 4 * count
        end = function.end if function.end > function.address else following
        low, high = (function.address - base) // 4, -(-(end - base) // 4)
        if high > 0 and low < count:
            numbers[max(low, 0) : high] = len(names)
            names.append(function.name)
    handle = _new(machine.handle, numbers.ctypes.data)
    if not handle:
        raise MachineMemoryError
    try:
        yield Profiler(handle, machine, names)
    finally:
        _free(handle)
