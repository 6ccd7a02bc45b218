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

#: Jolt's published rate per core for RV64 on a 32-core CPU ("Jolt 6x speedup", a16z crypto, 2025), in kHz.
JOLT_KHZ_PER_CORE = 31.0
#: Segments proven one after the other in one process; the median is the figure.
SEGMENTS = 5


def measure_segments(size_class: int, count: int) -> list[dict[str, Any]]:
    """Prove segments in a process of its own; see `benchmarks.segment`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.segment", str(size_class), str(count)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def main_vm() -> list[Figure]:
    """Measure a circuit prover at work on segments of the class that it chooses itself, and what follows from it."""
    size_class = budget.size_class(0)
    segments = measure_segments(size_class, SEGMENTS)
    rates = [segment["cycles"] / segment["seconds"] / 1000 for segment in segments]
    middle = segments[rates.index(statistics.median(rates))]
    cores = os.cpu_count() or 1
    context = {"profile": "proven100", "size_class": size_class, "program": "stf", "cycles": middle["cycles"]}
    key = keys.proving_key(keys.MAIN_VM)
    shapes = {name: tuple(shape) for name, shape in middle["shapes"].items()}
    opened = sum(matrix.columns for tree in key.layout.largest().trees.values() for matrix in tree.matrices)
    return [
        figure(
            "main_vm.prove",
            statistics.median(rates),
            "kHz",
            "higher",
            peer=(f"Jolt, {JOLT_KHZ_PER_CORE:g} kHz per core (published)", JOLT_KHZ_PER_CORE * cores),
            context={**context, "phases": middle["phases"], "khz": [round(rate, 1) for rate in rates]},
        ),
        figure("main_vm.memory", segments[-1]["peak_gb"], "GB", "lower", context=context),
        figure(
            "segment.verify",
            1000 * statistics.median(segment["phases"]["verify"] for segment in segments),
            "ms",
            "lower",
            context=context,
        ),
        figure("segment.proof_size", middle["proof_bytes"] / 1e6, "MB", "lower", context=context),
        figure(
            "main_vm.columns_per_cycle",
            columns_per_cycle(key, shapes, middle["cycles"]),
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
        fills[name] = 100 * fill_of(keys.proving_key(keys.MAIN_VM), replay(next(iter(segments)).checkpoint))
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
