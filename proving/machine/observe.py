"""Execution that listens to the program: what it prints, its cycle markers, why it gave up, and where it trapped.

The program calls functions of the guest kit that return at once; the host finds them by their symbols and acts when
they are reached. Nothing of this changes what is executed: cycles, output and final state are those of `execute`.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.machine.executor import (
    DEFAULT_CYCLE_LIMIT,
    DEFAULT_MEMORY_LIMIT,
    Execution,
    LoadedProgram,
    as_advice,
    loaded,
)
from proving.machine.guest_text import counted_string, formatted
from proving.machine.profile import Markers, Profile, profiling
from proving.machine.program import Program
from proving.machine.symbols import Symbols
from proving.machine.traps import EnvironmentCall, GuestPanic, Trap
from proving.machine.written import written_output

_PANIC = "hallmark_panic_bytes"
_RA = 1

_Observer = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint64)
_set_observer = native.function("hm_machine_set_observer", None, [native.POINTER, _Observer])
_observe = native.function("hm_machine_observe", native.INT, [native.POINTER, ctypes.c_uint32])

#: Called with a text that the program prints.
Printed = Callable[[str], object]


@dataclass(frozen=True)
class Observed:
    """A run that halted, and what was seen of it.

    Attributes
    ----------
    written
        What the program wrote when its output is the hash of it, else None.
    profile
        None unless it was asked for.
    seconds
        What the run itself took.
    """

    execution: Execution
    written: bytes | None
    markers: Markers
    profile: Profile | None
    seconds: float


def observe(
    program: Program,
    symbols: Symbols,
    advice: bytes | NDArray[np.uint32] = b"",
    *,
    printed: Printed,
    cycle_limit: int = DEFAULT_CYCLE_LIMIT,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    profile: bool = False,
) -> Observed:
    """Run a program until it halts, and pass on what it reports.

    Parameters
    ----------
    profile
        Count cycles by call path; the run takes several times as long.

    Raises
    ------
    Trap
        As `execute` does, with function and line where the file names them; `GuestPanic` with the program's reason.
    """
    markers = Markers()
    with loaded(program, as_advice(advice), memory_limit) as machine:
        try:
            with _listening(machine, symbols, printed, markers):
                start = time.perf_counter()
                if profile:
                    with profiling(machine, symbols) as profiler:
                        outcome = profiler.run(cycle_limit)
                        counted = profiler.result()
                else:
                    outcome, counted = machine.run(cycle_limit), None
                seconds = time.perf_counter() - start
        except Trap as trap:
            raise _explained(trap, machine, symbols) from None
        execution = machine.execution(outcome)
        return Observed(execution, written_output(machine, execution.output), markers, counted, seconds)


@contextmanager
def _listening(machine: LoadedProgram, symbols: Symbols, printed: Printed, markers: Markers) -> Iterator[None]:
    calls: dict[str, Callable[[int], object]] = {
        "hallmark_print_bytes": lambda cycle: printed(counted_string(machine)),
        "hallmark_printf": lambda cycle: printed(formatted(machine)),
        "hallmark_cycles_begin_bytes": lambda cycle: markers.begin(counted_string(machine), cycle),
        "hallmark_cycles_end_bytes": lambda cycle: markers.end(counted_string(machine), cycle),
    }
    handlers = {address: call for name, call in calls.items() if (address := symbols.address_of(name)) is not None}
    failures: list[BaseException] = []

    def reached(pc: int, cycles: int) -> None:
        # An exception cannot pass through native code.
        try:
            if not failures:
                handlers[pc](machine.cycles + cycles)
        except BaseException as error:
            failures.append(error)

    observer = _Observer(reached)
    _set_observer(machine.handle, observer)
    for address in list(handlers):
        if not _observe(machine.handle, address):
            del handlers[address]
    yield
    if failures:
        raise failures[0]


def _explained(trap: Trap, machine: LoadedProgram, symbols: Symbols) -> Trap:
    if isinstance(trap, EnvironmentCall) and trap.pc == symbols.address_of(_PANIC):
        caller = symbols.describe((int(machine.registers()[_RA]) - 4) % (1 << 32))
        # An error is one line, also where the reason is several.
        reason = " ".join(counted_string(machine).split())
        return GuestPanic(pc=trap.pc, instruction=trap.instruction, cycle=trap.cycle, place=caller, reason=reason)
    return trap.placed(symbols.describe(trap.pc))
