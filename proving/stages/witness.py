"""The stage `basic_witness`: run a program and cut the run into segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.machine.executor import DEFAULT_CYCLE_LIMIT, DEFAULT_MEMORY_LIMIT
from proving.machine.main_vm.shape import capacities
from proving.machine.program import Program
from proving.machine.witness import witness
from proving.stages.statement import Statement
from proving.stages.version import Progress
from runtime.words import count


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
    """

    checkpoints: list[bytes]
    statement: bytes
    cycles: int


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
    advice
        The input file.
    size_class
        log2 of the rows that the largest table of a segment may have, see `proving.stages.budget`.
    cycle_limit, memory_limit
        Cycles, and bytes of memory written to, after which the run is ended.

    Raises
    ------
    ElfError, Trap
        The program cannot be loaded, or its run ends without a result.
    """
    loaded = Program.from_elf(program)
    checkpoints: list[bytes] = []
    ends: list[NDArray[np.uint64]] = []
    cycles = 0
    final = loaded.initial_state
    run = witness(loaded, advice, capacities(size_class), cycle_limit=cycle_limit, memory_limit=memory_limit)
    for segment in run:
        checkpoints.append(segment.checkpoint.to_bytes())
        ends.append(segment.checkpoint.end)
        cycles += segment.checkpoint.cycles
        final = segment.end
        if progress is not None:
            progress(0.0, f"{count(len(checkpoints), 'segment')}, {cycles / 1e6:.1f} million cycles")
    statement = Statement(loaded.commitment, np.stack(ends), final)
    return BasicWitness(checkpoints, statement.encode(), cycles)
