"""The stage `basic_witness`: run a program and cut the run into segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.circuits.served import SERVED
from proving.machine.executor import DEFAULT_CYCLE_LIMIT, DEFAULT_MEMORY_LIMIT
from proving.machine.main_vm import shape, shapes
from proving.machine.program import Program
from proving.machine.state import State
from proving.machine.witness import witness
from proving.stages import budget
from proving.stages.requests import parts
from proving.stages.statement import Statement
from runtime.progress import Progress
from runtime.words import count


@dataclass(frozen=True)
class Cut:
    """One segment of a run.

    Attributes
    ----------
    checkpoint
        The artifact that it is proven from.
    cycles
        Executed instructions.
    end
        ``(4,) uint64``: digest of the state after it.
    state
        The state after it; the last segment's is halted.
    requests
        By circuit, inputs ``(count, input words) uint32`` of what it requests.
    peak
        Bytes of memory that proving it takes at most: those of the smallest shape that holds what was reserved.
    """

    checkpoint: bytes
    cycles: int
    end: NDArray[np.uint64]
    state: State
    requests: Mapping[str, NDArray[np.uint32]]
    peak: int


@dataclass(frozen=True)
class BasicWitness:
    """A run cut into segments.

    Attributes
    ----------
    checkpoints
        One artifact per segment, in order.
    statement
        Bytes of the `Statement` that the proofs of all segments show together.
    cycles
        Executed instructions.
    requests
        By circuit, an artifact for each part of the run's requests, in order; types that do not occur are not there.
    """

    checkpoints: list[bytes]
    statement: bytes
    cycles: int
    requests: Mapping[str, list[bytes]]


def cut(
    program: Program,
    advice: bytes | NDArray[np.uint32],
    *,
    size_class: int,
    memory: int = 0,
    cycle_limit: int = DEFAULT_CYCLE_LIMIT,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
) -> Iterator[Cut]:
    """Run a program on its input and yield its segments until it halts.

    Parameters
    ----------
    advice
        The input file, or its words as `proving.machine.executor.advice_of_input` makes them.
    size_class
        log2 of the rows that the largest table of a segment may have, see `proving.stages.budget`.
    memory
        Bytes that proving a segment may take; 0 for any number. Only the shapes of the class that they hold are used.
    cycle_limit, memory_limit
        Cycles, and bytes of memory written to, after which the run is ended.

    Raises
    ------
    Trap
        The run ends without a result.
    OutOfMemory
        `memory` does not hold the smallest segment.
    """
    sizes = shape.capacities(budget.fitting(size_class, memory))
    for segment in witness(program, advice, sizes, cycle_limit=cycle_limit, memory_limit=memory_limit):
        made = segment.checkpoint
        peak = budget.shape_bytes(shapes.smallest(shape.rows_of(segment.used)))
        yield Cut(made.to_bytes(), made.cycles, made.end, segment.end, segment.requests, peak)


def statement_of(program: Program, ends: Sequence[NDArray[np.uint64]], final: State) -> bytes:
    """Return the bytes of the `Statement` of a run with these segment ends and this final state."""
    return Statement(program.commitment, np.stack(ends), final).encode()


def request_parts(cuts: Sequence[Mapping[str, NDArray[np.uint32]]], most: int) -> dict[str, list[bytes]]:
    """Return, by circuit, the artifacts of the parts of all requests of a run; see `Cut.requests`.

    Parameters
    ----------
    most
        Bytes that proving a segment takes at most: proving a part takes no more, if it can.
    """
    found = {}
    for name, served in SERVED.items():
        made = parts(served, [cut[name] for cut in cuts], budget.requests_within(name, most))
        if made:
            found[name] = [part.to_bytes() for part in made]
    return found


def basic_witness(
    program: bytes,
    advice: bytes,
    *,
    size_class: int,
    cycle_limit: int = DEFAULT_CYCLE_LIMIT,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    progress: Progress | None = None,
) -> BasicWitness:
    """Run a program on its input, cut the run into segments, and write a checkpoint for each.

    Parameters
    ----------
    program
        An ELF file.
    advice, size_class, cycle_limit, memory_limit
        As for `cut`.

    Raises
    ------
    ElfError, Trap
        The program cannot be loaded, or its run ends without a result.
    """
    loaded = Program.from_elf(program)
    checkpoints: list[bytes] = []
    ends: list[NDArray[np.uint64]] = []
    requests: list[Mapping[str, NDArray[np.uint32]]] = []
    cycles = 0
    final = loaded.initial_state
    run = cut(loaded, advice, size_class=size_class, cycle_limit=cycle_limit, memory_limit=memory_limit)
    for segment in run:
        checkpoints.append(segment.checkpoint)
        ends.append(segment.end)
        requests.append(segment.requests)
        cycles += segment.cycles
        final = segment.state
        if progress is not None:
            progress(0.0, f"{count(len(checkpoints), 'segment')}, {cycles / 1e6:.1f} million cycles")
    asked = request_parts(requests, budget.kept_peak_bytes(size_class))
    return BasicWitness(checkpoints, statement_of(loaded, ends, final), cycles, asked)
