"""The machine without proofs: plain execution, witness generation, replay.

Each speed is measured on the two committed programs, Keccak-256 of random bytes and a batch of plain transfers; the
figure is the slower one.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Final

from benchmarks.figure import Figure, figure, median_seconds
from benchmarks.inputs import PROGRAMS, transfer_input
from proving import native
from proving.machine.executor import execute
from proving.machine.main_vm.shape import capacities
from proving.machine.main_vm.shapes import within
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import Segment, witness

#: log2 of the largest table of a segment.
_SIZE_CLASS: Final = 18
_TRANSFERS: Final = 50
_KECCAK_BYTES: Final = 1 << 20

Workload = tuple[Program, bytes]


def _workloads() -> dict[str, Workload]:
    def program(name: str) -> Program:
        return Program.from_elf((PROGRAMS / name).read_bytes())

    return {
        f"keccak.elf on {_KECCAK_BYTES} bytes": (
            program("keccak.elf"),
            hashlib.shake_256(b"hallmark").digest(_KECCAK_BYTES),
        ),
        f"stf.elf on {_TRANSFERS} transfers": (program("stf.elf"), transfer_input(_TRANSFERS)),
    }


def _slowest(name: str, speeds: Mapping[str, dict[str, float]]) -> Figure:
    slowest = min(speeds.values(), key=lambda entry: entry["million_instructions_per_s"])
    context = {"workloads": speeds, "threads": native.threads()}
    value = slowest["million_instructions_per_s"]
    return figure(name, value, "million instructions/s", "higher", context=context)


def executor_speed() -> list[Figure]:
    """Measure plain execution, loading included."""
    speeds = {}
    for label, (program, data) in _workloads().items():
        cycles = execute(program, data).cycles
        seconds = median_seconds(functools.partial(execute, program, data))
        speeds[label] = {"cycles": float(cycles), "million_instructions_per_s": round(cycles / seconds / 1e6, 1)}
    return [_slowest("executor.speed", speeds)]


def witness_speed() -> list[Figure]:
    """Measure witness generation: execute, cut, hash the tree, serialise every checkpoint."""
    speeds = {}
    for label, workload in _workloads().items():
        speeds[label] = _witness_speed(*workload)
    return [_slowest("witness.speed", speeds)]


def _witness_speed(program: Program, data: bytes) -> dict[str, float]:
    limits = capacities(within(_SIZE_CLASS))
    last: list[tuple[Segment, int]] = []

    def run() -> None:
        last[:] = [(segment, len(segment.checkpoint.to_bytes())) for segment in witness(program, data, limits)]

    seconds = median_seconds(run)
    cycles = sum(segment.checkpoint.cycles for segment, _ in last)
    middle = last[len(last) // 2][0].checkpoint
    replay_seconds = median_seconds(lambda: replay(middle))
    return {
        "million_instructions_per_s": round(cycles / seconds / 1e6, 1),
        "cycles": cycles,
        "segments": len(last),
        "size_class": _SIZE_CLASS,
        "checkpoint_bytes": sum(size for _, size in last) // len(last),
        "replay_million_instructions_per_s": round(middle.cycles / replay_seconds / 1e6, 1),
    }
