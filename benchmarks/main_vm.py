"""The figures of the `main_vm` circuit: proving, verification, sizes and fill."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure, figure
from benchmarks.mixes import runs
from proving import keys, native
from proving.machine.main_vm.report import cells_of, used_cells, used_rows, widths, widths_of
from proving.machine.main_vm.shape import capacities
from proving.machine.main_vm.shapes import SHAPES, smallest, within
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from proving.stages import budget

#: Jolt's published rate per core for RV64 on a 32-core CPU ("Jolt 6x speedup", a16z crypto, 2025), in kHz.
JOLT_KHZ_PER_CORE = 31.0
#: Segments proven one after the other in one process; the median is the figure.
SEGMENTS = 5
#: The same for each of the instruction sets that are not the CPU's best.
OTHER_SEGMENTS = 3
#: The same with polynomials kept in place of extended columns.
LEAN_SEGMENTS = 2


def measure_segments(size_class: int, count: int, isa: str, *options: str) -> list[dict[str, Any]]:
    """Prove segments in a process of its own; see `benchmarks.segment`."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.segment", str(size_class), str(count), *options],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "HALLMARK_CPU": isa},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def main_vm() -> list[Figure]:
    """Measure a circuit prover at work on segments of the class that it chooses itself, and what follows from it.

    The rate is that of cores which have nothing else to do: cycles by seconds of processor time, times the cores.
    """
    size_class = budget.size_class(0)
    cores = os.cpu_count() or 1
    best = native.isa()

    def rate(segment: dict[str, Any]) -> float:
        return cores * float(segment["cycles"]) / float(segment["core_seconds"]) / 1000

    segments = measure_segments(size_class, SEGMENTS, best)
    middle = sorted(segments, key=rate)[len(segments) // 2]
    rates = {best: round(rate(middle), 1)}
    for isa in native.available_isas():
        if isa != best:
            others = measure_segments(size_class, OTHER_SEGMENTS, isa)
            rates[isa] = round(statistics.median(map(rate, others)), 1)
    lean = measure_segments(size_class, LEAN_SEGMENTS, best, "streaming")
    context = {"profile": "proven100", "size_class": size_class, "program": "stf", "cycles": middle["cycles"]}
    key = keys.proving_key(keys.MAIN_VM)
    opened = sum(matrix.columns for tree in key.layout.largest().trees.values() for matrix in tree.matrices)
    return [
        figure(
            "main_vm.prove",
            rate(middle),
            "kHz",
            "higher",
            peer=(f"Jolt, {JOLT_KHZ_PER_CORE:g} kHz per core (published)", JOLT_KHZ_PER_CORE * cores),
            context={
                **context,
                "phases": middle["phases"],
                "by instruction set": rates,
                "kHz by the clock": [round(each["cycles"] / each["seconds"] / 1000, 1) for each in segments],
            },
        ),
        figure(
            "main_vm.memory",
            segments[-1]["peak_gb"],
            "GB",
            "lower",
            context={
                **context,
                "where memory is short": {"GB": lean[-1]["peak_gb"], "kHz": round(rate(lean[-1]), 1)},
            },
        ),
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
            sum(cells_of(widths_of(key), segment["log_heights"]) for segment in segments)
            / sum(segment["cycles"] for segment in segments),
            "columns",
            "lower",
            context=context,
        ),
        figure("main_vm.opened_columns", opened, "columns", "lower", context={"profile": "proven100"}),
    ]


def fill() -> list[Figure]:
    """Measure the used part of the padded cells over whole runs, median over programs of different mixes."""
    size_class = budget.size_class(0)
    measured = {name: measure_fill(*run(), size_class) for name, run in runs().items()}
    return [
        figure(
            "main_vm.fill",
            statistics.median(each["fill"] for each in measured.values()),
            "%",
            "higher",
            limit=("every padded cell used", 100.0),
            context={"size_class": size_class, "programs": measured},
        )
    ]


def measure_fill(program: Program, advice: bytes | NDArray[np.uint32], size_class: int) -> dict[str, Any]:
    """Return fill in percent, segments, committed columns per cycle, and how often each shape occurs.

    Of long runs every n-th segment is looked at, n doubling with its place.
    """
    columns = widths()
    used = committed = cells = cycles = segments = 0
    found: Counter[int] = Counter()
    for index, segment in enumerate(witness(program, advice, capacities(within(size_class)))):
        segments, every = index + 1, 1 << (index // 8).bit_length()
        if index % every:
            continue
        rows = used_rows(replay(segment.checkpoint))
        number = smallest(rows)
        found[number] += every
        here, there = used_cells(columns, rows)
        used, committed = used + every * here, committed + every * there
        cells += every * cells_of(columns, SHAPES[number])
        cycles += every * segment.checkpoint.cycles
    return {
        "fill": round(100 * used / committed, 1),
        "segments": segments,
        "columns_per_cycle": round(cells / max(cycles, 1), 1),
        "shapes": dict(sorted(found.items())),
    }
