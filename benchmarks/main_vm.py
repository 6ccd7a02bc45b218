"""The figures of the `main_vm` circuit: proving, verification, sizes and fill."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, figure
from benchmarks.inputs import PROGRAMS, transfer_input
from proving import keys
from proving.machine.main_vm.report import columns_per_cycle, fill_of
from proving.machine.main_vm.shape import capacities
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from proving.stages import budget
from proving.stark.shape import Phase

#: Jolt's published rate per core for RV64 on a 32-core CPU ("Jolt 6x speedup", a16z crypto, 2025), in kHz.
JOLT_KHZ_PER_CORE = 31.0
#: Runs of the proving benchmark; the median is taken.
RUNS = 3


def measure_segment(size_class: int) -> dict[str, Any]:
    """Prove one segment in a process of its own; see `benchmarks.segment`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.segment", str(size_class)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def main_vm() -> list[Figure]:
    """Measure proving a segment of the largest class that fits the memory, and what follows from it."""
    size_class = budget.size_class(0)
    runs = [measure_segment(size_class) for _ in range(RUNS)]
    middle = sorted(runs, key=lambda run: float(run["seconds"]))[RUNS // 2]
    cores = os.cpu_count() or 1
    context = {"profile": "proven100", "size_class": size_class, "program": "stf", "cycles": middle["cycles"]}
    key = keys.main_vm_key()
    shape = key.layout.largest()
    opened = sum(matrix.columns for phase in Phase for matrix in shape.trees[phase].matrices if phase in shape.trees)
    return [
        figure(
            "main_vm.prove",
            middle["cycles"] / middle["seconds"] / 1000,
            "kHz",
            "higher",
            peer=(f"Jolt, {JOLT_KHZ_PER_CORE:g} kHz per core (published)", JOLT_KHZ_PER_CORE * cores),
            context={**context, "phases": middle["phases"], "seconds": [round(run["seconds"], 2) for run in runs]},
        ),
        figure("main_vm.memory", max(run["peak_gb"] for run in runs), "GB", "lower", context=context),
        figure("segment.verify", middle["verify_ms"], "ms", "lower", context=context),
        figure("segment.proof_size", middle["proof_bytes"] / 1e6, "MB", "lower", context=context),
        figure(
            "main_vm.columns_per_cycle",
            columns_per_cycle(key, {name: tuple(shape) for name, shape in middle["shapes"].items()}, middle["cycles"]),
            "columns",
            "lower",
            context=context,
        ),
        figure("main_vm.opened_columns", opened, "columns", "lower", context={"profile": "proven100"}),
    ]


def fill() -> list[Figure]:
    """Measure the used part of the padded cells, median over three programs."""
    size_class = budget.size_class(0)
    inputs = {"stf": transfer_input(12), "keccak": bytes(range(256)) * 400, "sort": random.Random(1).randbytes(40_000)}
    fills = {}
    for name, advice in inputs.items():
        program = Program.from_elf((PROGRAMS / f"{name}.elf").read_bytes())
        segments = witness(program, advice, capacities(size_class))
        fills[name] = 100 * fill_of(keys.main_vm_key(), replay(next(iter(segments)).checkpoint))
    return [
        figure(
            "main_vm.fill",
            statistics.median(fills.values()),
            "%",
            "higher",
            limit=("every padded cell used", 100.0),
            context={"size_class": size_class, "programs": {name: round(value, 1) for name, value in fills.items()}},
        )
    ]
