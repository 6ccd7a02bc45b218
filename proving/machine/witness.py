"""Witness generation: run a program, cut the run into segments, and write a checkpoint for each.

A segment may have one of several sizes, and ends before the first instruction with which none of them would hold it.
Records of instructions and of the decode table are counted exactly; blocks, tree nodes and Poseidon2 compressions are
reserved when a block is first touched and when it is first written, which is an upper bound (equal inputs are hashed
once). Idle words of memory are counted by epochs of half the longest gap; those of registers are bounded by the number
of cycles, as a register's gaps do not overlap.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.circuits.served import SERVED
from proving.machine.chains import advanced
from proving.machine.checkpoint import MAX_CYCLES, Checkpoint, CheckpointError
from proving.machine.executor import (
    DEFAULT_CYCLE_LIMIT,
    DEFAULT_MEMORY_LIMIT,
    LoadedProgram,
    Outcome,
    as_advice,
    loaded,
)
from proving.machine.image import batch_compress
from proving.machine.native_arrays import NativeObject
from proving.machine.program import Program
from proving.machine.state import State
from proving.machine.traps import CapacityTooSmall, MachineMemoryError
from runtime.errors import InvalidInput

#: Tables with a capacity, in the order of the native budget. A record of ``page`` is a block or a node, one of
#: ``poseidon2`` a compression, one of ``decode`` a distinct pc, one of ``idle`` a word that was not accessed for long,
#: one of the others an instruction.
TABLES: Final = (
    *("add_immediate", "add", "control", "bitwise", "mul_div", "memory_word", "memory_sub", "call", "idle"),
    *("decode", "page", "poseidon2"),
)
#: Place of the inputs of requests of type 0 among the arrays of a segment; the other types' follow.
_REQUESTS: Final = 6
#: In every segment: two register blocks, hashed at start and end.
_REGISTER_BLOCKS: Final = 2
_REGISTER_COMPRESSIONS: Final = 4
#: Registers, with the sink; timestamps of a cycle; timestamps that may lie between two accesses.
_REGISTERS, _STEPS, _LONGEST_GAP = 33, 4, 1 << 16
#: Words of memory that one instruction accesses at most.
_MOST_IDLE: Final = max(served.layout.input_words for served in SERVED.values())
#: In every segment: the root nodes of data memory and code.
_ROOTS: Final = 2
#: In every segment: R, Q and the digest at start and end.
_STATE_COMPRESSIONS: Final = 6

_new = native.function(
    "hm_witness_new",
    native.POINTER,
    [native.POINTER] + [native.POINTER, native.POINTER, native.SIZE] * 2 + [native.POINTER],
)
_free = native.function("hm_witness_free", None, [native.POINTER])
_segment = native.function(
    "hm_witness_segment",
    native.INT,
    [native.POINTER, native.POINTER, native.SIZE, native.INT, native.POINTER, native.POINTER],
)
_array = native.function("hm_witness_array", native.SIZE, [native.POINTER, native.INT, native.POINTER])
_root = native.function("hm_witness_root", None, [native.POINTER, native.POINTER])
_advice_position = native.function("hm_machine_advice_position", native.UNSIGNED, [native.POINTER])


class CapacityMissing(InvalidInput):
    """A table's capacity is not given or not positive."""

    code = "capacity_missing"


@dataclass(frozen=True)
class Segment:
    """One segment of a run.

    Attributes
    ----------
    checkpoint
        What a worker needs to prove it.
    end
        The state after it; the last segment's is halted and carries the output.
    used
        Records reserved in each of `TABLES`, and ``cycles``.
    requests
        By circuit, ``(count, input words) uint32``: inputs of its requests, in order.
    """

    checkpoint: Checkpoint
    end: State
    used: dict[str, int]
    requests: dict[str, NDArray[np.uint32]]


def witness(
    program: Program,
    advice: bytes | NDArray[np.uint32],
    capacities: Mapping[str, int] | Sequence[Mapping[str, int]],
    *,
    cycle_limit: int = DEFAULT_CYCLE_LIMIT,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
) -> Iterator[Segment]:
    """Run a program and yield its segments until it halts.

    Parameters
    ----------
    advice
        Bytes: an input file. An array ``(words,) uint32``: raw advice words.
    capacities
        Records of each of `TABLES` that a segment may have, and optionally ``cycles``; several where it may have one
        of several sizes.

    Raises
    ------
    Trap
        The subclass that says why the run ended without a result.
    CapacityMissing, CapacityTooSmall
        The capacities do not allow any segment.
    CheckpointError
        A segment lists a block that it does not touch; no proof of it would exist.
    """
    sizes = [capacities] if isinstance(capacities, Mapping) else capacities
    budgets = np.stack([_budget(size) for size in sizes])
    with loaded(program, as_advice(advice), memory_limit) as machine:
        memory, code = program.memory_image, program.code_image
        arrays = [np.ascontiguousarray(a) for a in (memory.indices, memory.words, code.indices, code.words)]
        handle = _new(
            machine.handle,
            *(arrays[0].ctypes.data, arrays[1].ctypes.data, len(arrays[0])),
            *(arrays[2].ctypes.data, arrays[3].ctypes.data, len(arrays[2])),
            batch_compress(),
        )
        if not handle:
            raise MachineMemoryError
        yield from _segments(NativeObject(handle, _free, _array), machine, budgets, cycle_limit)


def _budget(capacities: Mapping[str, int]) -> NDArray[np.uint64]:
    """Return what a fresh segment has room for, in the order of the native budget, ``(13,) uint64``."""
    records = {}
    for name in TABLES:
        records[name] = int(capacities.get(name, 0))
        if records[name] < 1:
            raise CapacityMissing(f"The capacity of table {name} is missing.")
    records["poseidon2"] -= _REGISTER_COMPRESSIONS + _STATE_COMPRESSIONS
    records["page"] -= _REGISTER_BLOCKS
    if records["poseidon2"] < _ROOTS or records["page"] < _ROOTS:
        raise CapacityTooSmall("The capacities do not hold the registers and roots that every segment has.")
    instructions = sum(records[name] for name in TABLES[: TABLES.index("idle")])
    records["cycles"] = min(int(capacities.get("cycles", MAX_CYCLES)), MAX_CYCLES)
    if records["cycles"] < 1:
        raise CapacityMissing("The capacity of cycles is not positive.")
    records["idle"] -= _idle_registers(min(records["cycles"], instructions))
    if records["idle"] < _MOST_IDLE:
        raise CapacityTooSmall("The capacity of idle words does not hold the registers and the words of one call.")
    return np.array([records[name] for name in (*TABLES, "cycles")], dtype=np.uint64)


def _segments(
    native_witness: NativeObject, machine: LoadedProgram, fresh: NDArray[np.uint64], cycle_limit: int
) -> Iterator[Segment]:
    state = machine.program.initial_state
    start = state.digest()
    position, cycles, index = 0, 0, 0
    while not state.halted:
        budgets = fresh.copy()
        remaining = cycle_limit - cycles
        last = remaining <= int(budgets[:, -1].min())
        budgets[:, -1] = np.minimum(budgets[:, -1], remaining)
        outcome, used = Outcome(), np.zeros_like(budgets[0])
        done = _segment(
            native_witness.handle,
            budgets.ctypes.data,
            len(budgets),
            last,
            ctypes.addressof(outcome),
            used.ctypes.data,
        )
        if done < 0:
            raise CheckpointError(f"Segment {index} lists a block of memory or code that it does not touch.")
        if not done:
            raise MachineMemoryError
        executed = int(outcome.cycles)
        outcome.cycles += cycles
        halted = outcome.check()
        root = np.empty(4, dtype=np.uint64)
        _root(native_witness.handle, root.ctypes.data)
        end_position = int(_advice_position(machine.handle))
        inputs = {
            name: native_witness.copy(_REQUESTS + served.kind, np.uint32, (-1, served.layout.input_words))
            for name, served in SERVED.items()
        }
        answered = {name: (asked, SERVED[name].answer(asked)) for name, asked in inputs.items()}
        chains = advanced(state.requests, answered)
        after = State(int(outcome.pc), halted, machine.registers(), root, state.code_root, chains)
        end = after.digest()
        checkpoint = Checkpoint(
            position=np.array([index, cycles], dtype=np.uint64),
            boundary=np.array([state.pc, after.pc, int(halted), executed], dtype=np.uint32),
            registers=state.registers,
            requests=state.requests,
            start=start,
            end=end,
            advice=machine.advice[position:end_position],
            **_touched(native_witness),
        )
        yield Segment(checkpoint, after, _used(used), inputs)
        state, start, position = after, end, end_position
        cycles, index = cycles + executed, index + 1


def _touched(native_witness: NativeObject) -> dict[str, NDArray[Any]]:
    shapes: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
        ("data_blocks", np.uint32, (-1,)),
        ("data_words", np.uint32, (-1, 16)),
        ("data_siblings", np.uint64, (-1, 4)),
        ("code_blocks", np.uint32, (-1,)),
        ("code_words", np.uint32, (-1, 16)),
        ("code_siblings", np.uint64, (-1, 4)),
    )
    return {name: native_witness.copy(i, dtype, shape) for i, (name, dtype, shape) in enumerate(shapes)}


def _idle_registers(cycles: int) -> int:
    """Return how often registers of a segment are idle at most."""
    return _REGISTERS * (_STEPS * (cycles + 1) // _LONGEST_GAP)


def _used(spent: NDArray[np.uint64]) -> dict[str, int]:
    used = {name: int(count) for name, count in zip((*TABLES, "cycles"), spent, strict=True)}
    used["page"] += _REGISTER_BLOCKS
    used["idle"] += _idle_registers(used["cycles"])
    used["poseidon2"] += _REGISTER_COMPRESSIONS + _STATE_COMPRESSIONS
    return used
