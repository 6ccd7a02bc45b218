"""The machine without proofs: plain execution, witness generation, replay."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, figure, median_seconds
from proving import native
from proving.machine.executor import execute
from proving.machine.main_vm.shape import capacities
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import Segment, witness

_PROGRAM: Final = Path(__file__).parent.parent / "guest" / "programs" / "keccak.elf"
#: log2 of the largest table of a segment.
_SIZE_CLASS: Final = 18


def _workload(megabytes: int) -> tuple[Program, bytes]:
    """Return the committed Keccak-256 program and an input that looks random."""
    return Program.from_elf(_PROGRAM.read_bytes()), hashlib.shake_256(b"hallmark").digest(megabytes << 20)


def executor_speed() -> list[Figure]:
    """Measure plain execution, loading included."""
    program, data = _workload(4)
    cycles = execute(program, data).cycles
    seconds = median_seconds(lambda: execute(program, data))
    context = {"program": "keccak.elf", "input_bytes": len(data), "cycles": cycles, "threads": 1}
    return [figure("executor.speed", cycles / seconds / 1e6, "million instructions/s", "higher", context=context)]


def witness_speed() -> list[Figure]:
    """Measure witness generation: execute, cut, hash the tree, serialise every checkpoint."""
    program, data = _workload(1)
    limits = capacities(_SIZE_CLASS)
    last: list[tuple[Segment, int]] = []

    def run() -> None:
        last[:] = [(segment, len(segment.checkpoint.to_bytes())) for segment in witness(program, data, limits)]

    seconds = median_seconds(run)
    cycles = sum(segment.checkpoint.cycles for segment, _ in last)
    middle = last[len(last) // 2][0].checkpoint
    replay_seconds = median_seconds(lambda: replay(middle))
    context = {
        "program": "keccak.elf",
        "input_bytes": len(data),
        "cycles": cycles,
        "segments": len(last),
        "size_class": _SIZE_CLASS,
        "checkpoint_bytes": sum(size for _, size in last) // len(last),
        "replay_million_cycles_per_s": round(middle.cycles / replay_seconds / 1e6, 1),
        "threads": native.threads(),
    }
    return [figure("witness.speed", cycles / seconds / 1e6, "million instructions/s", "higher", context=context)]
