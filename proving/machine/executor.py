"""Plain execution of a program at full speed."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.circuits.requests import RequestType
from proving.machine.elf import Segment
from proving.machine.image import batch_compress
from proving.machine.program import Program
from proving.machine.state import State
from proving.machine.traps import ImageOverMemoryLimit, MachineMemoryError, error_of
from runtime.errors import TooLarge

#: Cycles after which a run is ended, unless the caller says otherwise.
DEFAULT_CYCLE_LIMIT: Final = 1 << 36
#: Bytes of memory that a program may write to (in pages of 4 KiB), unless the caller says otherwise.
DEFAULT_MEMORY_LIMIT: Final = 1 << 30
#: Most bytes of advice: its length must fit into its first word.
MAX_ADVICE: Final = (1 << 32) - 1

_PAGE: Final = 4096
#: Cycles between two chances for Python to handle signals.
SLICE: Final = 1 << 27
STOP_CYCLE_LIMIT: Final = 2


class Outcome(ctypes.Structure):
    """How a native run ended; the layout is that of ``hm::Outcome``."""

    _fields_ = (
        ("stop", ctypes.c_uint32),
        ("pc", ctypes.c_uint32),
        ("word", ctypes.c_uint32),
        ("address", ctypes.c_uint32),
        ("cycles", ctypes.c_uint64),
    )

    def check(self) -> bool:
        """Return whether the machine halted (else it was cut); raise when it trapped."""
        error = error_of(self.stop, pc=self.pc, instruction=self.word, cycle=self.cycles, address=self.address)
        if error is not None:
            raise error
        return bool(self.stop == 0)


_new = native.function("hm_machine_new", native.POINTER, [ctypes.c_uint32, native.SIZE, native.UNSIGNED])
_free = native.function("hm_machine_free", None, [native.POINTER])
_load_code = native.function(
    "hm_machine_load_code", None, [native.POINTER, ctypes.c_uint32, native.POINTER, native.SIZE]
)
_decode = native.function("hm_machine_decode", None, [native.POINTER, ctypes.c_uint32, native.SIZE])
_load_data = native.function(
    "hm_machine_load_data", native.INT, [native.POINTER, ctypes.c_uint32, native.POINTER, native.SIZE]
)
_set_guard = native.function("hm_machine_set_guard", None, [native.POINTER, ctypes.c_uint32, ctypes.c_uint32])
_code_stores = native.function("hm_machine_code_stores", native.UNSIGNED, [native.POINTER, native.POINTER])
_start = native.function("hm_machine_start", None, [native.POINTER, ctypes.c_uint32, native.POINTER, native.SIZE])
_run = native.function("hm_machine_run", None, [native.POINTER, ctypes.c_int64, native.POINTER])
_registers = native.function("hm_machine_registers", None, [native.POINTER, native.POINTER])
_requests = native.function("hm_machine_requests", None, [native.POINTER, native.POINTER])
_read = native.function("hm_machine_read", None, [native.POINTER, ctypes.c_uint32, native.SIZE, native.POINTER])
_memory_root = native.function("hm_machine_memory_root", native.INT, [native.POINTER, native.POINTER, native.POINTER])
_pages = native.function("hm_machine_pages", native.UNSIGNED, [native.POINTER])


@dataclass(frozen=True)
class Execution:
    """A run that halted.

    Attributes
    ----------
    output
        x10..x17, 32 bytes: the public output.
    cycles
        Executed instructions; the halting word is none.
    pc
        Address of the halting word.
    registers
        ``(32,) uint32``.
    memory_bytes
        Memory written to, in whole pages.
    code_stores
        How often code was stored to, which does not change what is fetched, and where first; None if never.
    state
        The final state; None unless it was asked for, because hashing the memory takes longer than a short run.
    """

    output: bytes
    cycles: int
    pc: int
    registers: NDArray[np.uint32]
    memory_bytes: int
    code_stores: tuple[int, int] | None = None
    state: State | None = None


class LoadedProgram:
    """A program in a native machine; use `loaded` to make one, which frees it."""

    def __init__(self, handle: int, program: Program, advice: NDArray[np.uint32]) -> None:
        self.handle = handle
        self.program = program
        self.advice = advice
        #: Cycles of the slices of a run that are over.
        self.cycles = 0

    def registers(self) -> NDArray[np.uint32]:
        """Return the registers now, ``(32,) uint32``."""
        registers = np.empty(32, dtype=np.uint32)
        _registers(self.handle, registers.ctypes.data)
        return registers

    def requests(self) -> dict[RequestType, int]:
        """Return how many requests of each type its runs have made."""
        counts = np.empty(len(RequestType), dtype=np.uint64)
        _requests(self.handle, counts.ctypes.data)
        return {kind: int(counts[kind]) for kind in RequestType}

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of data memory."""
        if address < 0 or size < 0 or address + size > 1 << 32:
            raise ValueError("the range leaves the address space")
        buffer = np.empty(size, dtype=np.uint8)
        _read(self.handle, address, size, buffer.ctypes.data)
        return buffer.tobytes()

    def run(self, cycle_limit: int) -> Outcome:
        """Run until the machine halts; raise what stops it otherwise."""
        outcome = Outcome()
        while True:
            _run(self.handle, min(cycle_limit - self.cycles, SLICE), ctypes.addressof(outcome))
            self.cycles += outcome.cycles
            if outcome.stop != STOP_CYCLE_LIMIT or self.cycles >= cycle_limit:
                break
        outcome.cycles = self.cycles
        outcome.check()
        return outcome

    def execution(self, outcome: Outcome, *, with_state: bool = False) -> Execution:
        """Return what a run that halted led to."""
        registers = self.registers()
        state = None
        if with_state:
            state = State(int(outcome.pc), True, registers, self.memory_root(), self.program.initial_state.code_root)
        output = registers[10:18].astype("<u4").tobytes()
        return Execution(
            *(output, int(outcome.cycles), int(outcome.pc), registers),
            *(self.memory_bytes(), self.code_stores(), state),
        )

    def memory_root(self) -> NDArray[np.uint64]:
        """Hash the whole memory as it is now, ``(4,) uint64``."""
        root = np.empty(4, dtype=np.uint64)
        if not _memory_root(self.handle, batch_compress(), root.ctypes.data):
            raise MachineMemoryError
        return root

    def code_stores(self) -> tuple[int, int] | None:
        """Return how often code was stored to, and where for the first time; None if never."""
        first = ctypes.c_uint32()
        count = int(_code_stores(self.handle, ctypes.addressof(first)))
        return (count, first.value) if count else None

    def memory_bytes(self) -> int:
        """Return the size of the memory written to, in whole pages."""
        return int(_pages(self.handle)) * _PAGE


def _code(program: Program) -> list[Segment]:
    return [segment for segment in program.segments if segment.executable and segment.data]


def code_range(program: Program) -> tuple[int, int]:
    """Return the address where the machine's code begins and the number of instructions it has room for."""
    code = _code(program)
    base = code[0].address // 64 * 64
    end = max(segment.address + len(segment.data) for segment in code)
    return base, -(-(end - base) // 4)


@contextmanager
def loaded(program: Program, advice: NDArray[np.uint32], memory_limit: int) -> Iterator[LoadedProgram]:
    """Load a program into a native machine, ready to run from its entry.

    Parameters
    ----------
    advice
        ``(words,) uint32``.
    memory_limit
        Bytes that may be written to, the program's own image included.
    """
    advice = np.ascontiguousarray(advice, dtype=np.uint32)
    code = _code(program)
    handle = _new(*code_range(program), memory_limit // _PAGE)
    if not handle:
        raise MachineMemoryError
    try:
        for segment in program.segments:
            data = np.frombuffer(segment.data, dtype=np.uint8)
            if not _load_data(handle, segment.address, data.ctypes.data, len(data)):
                raise ImageOverMemoryLimit(pc=program.entry, instruction=0, cycle=0, address=segment.address)
        words = [np.frombuffer(s.data + bytes(-len(s.data) % 4), dtype="<u4").astype(np.uint32) for s in code]
        for segment, part in zip(code, words, strict=True):
            _load_code(handle, segment.address, part.ctypes.data, len(part))
        for segment, part in zip(code, words, strict=True):
            _decode(handle, segment.address, len(part))
        if program.guard is not None:
            _set_guard(handle, program.guard.address, program.guard.size)
        _start(handle, program.entry, advice.ctypes.data, len(advice))
        yield LoadedProgram(handle, program, advice)
    finally:
        _free(handle)


def advice_of_input(data: bytes) -> NDArray[np.uint32]:
    """Return an input file as advice: its length in bytes, then its bytes, zero-padded to words."""
    if len(data) > MAX_ADVICE:
        raise TooLarge(f"The input has {len(data)} bytes; at most {MAX_ADVICE} are accepted.")
    words = empty_advice(len(data))
    words[1:].view(np.uint8)[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    return words


def empty_advice(size: int) -> NDArray[np.uint32]:
    """Return the advice of an input file of `size` bytes whose contents are still to be filled in behind word 0."""
    words = np.empty(1 + -(-size // 4), dtype=np.uint32)
    words[0] = size
    if size % 4:
        words[-1] = 0
    return words


def as_advice(advice: bytes | NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return advice as words; bytes are an input file, an array is taken as it is."""
    if isinstance(advice, bytes | bytearray | memoryview):
        return advice_of_input(bytes(advice))
    return np.ascontiguousarray(advice, dtype=np.uint32)


def execute(
    program: Program,
    advice: bytes | NDArray[np.uint32] = b"",
    *,
    cycle_limit: int = DEFAULT_CYCLE_LIMIT,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    with_state: bool = False,
) -> Execution:
    """Run a program until it halts.

    Parameters
    ----------
    advice
        Bytes: an input file, given as `advice_of_input`. An array ``(words,) uint32``: raw advice words.
    cycle_limit
        A run that does not halt within this many cycles is ended at one of its next jumps.
    memory_limit
        Bytes that may be written to, the program's own image included, in pages of 4 KiB.
    with_state
        Also hash the final state.

    Raises
    ------
    Trap
        The subclass that says why the run ended without a result.
    """
    with loaded(program, as_advice(advice), memory_limit) as machine:
        return machine.execution(machine.run(cycle_limit), with_state=with_state)
