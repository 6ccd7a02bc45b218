"""`make bench`: measure the figures, print a table and what became worse than recorded, write the benchmark file.

`--figure NAME` measures one.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from benchmarks import record
from benchmarks.figure import LATEST, Figure, merge

#: Columns of the printed table, so that it is the same in a log as on a terminal.
WIDTH = 140

#: Figure name -> module and function that measures it; one function may measure several figures.
SOURCES: dict[str, tuple[str, str]] = {
    "poseidon2_w12.cpu": ("benchmarks.primitives", "poseidon2"),
    "poseidon2_w16.cpu": ("benchmarks.primitives", "poseidon2"),
    "ntt.cpu": ("benchmarks.primitives", "ntt"),
    "merkle.cpu": ("benchmarks.primitives", "merkle"),
    "msm.cpu": ("benchmarks.bn254", "msm"),
    "bn254.ntt": ("benchmarks.bn254", "ntt"),
    "poseidon2_bn254.cpu": ("benchmarks.bn254", "permutations"),
    "executor.speed": ("benchmarks.executor", "executor_speed"),
    "witness.speed": ("benchmarks.executor", "witness_speed"),
    "guest.transfer": ("benchmarks.guest", "transfer"),
    "main_vm.prove": ("benchmarks.main_vm", "main_vm"),
    "main_vm.columns_per_cycle": ("benchmarks.main_vm", "main_vm"),
    "main_vm.opened_columns": ("benchmarks.main_vm", "main_vm"),
    "main_vm.memory": ("benchmarks.main_vm", "main_vm"),
    "segment.verify": ("benchmarks.main_vm", "main_vm"),
    "segment.proof_size": ("benchmarks.main_vm", "main_vm"),
    "main_vm.fill": ("benchmarks.main_vm", "fill"),
    "arith256.prove": ("benchmarks.circuits", "arith256"),
    "keccak.prove": ("benchmarks.circuits", "keccak"),
    "sha256.prove": ("benchmarks.circuits", "sha256"),
    "blake2s.prove": ("benchmarks.circuits", "blake2s"),
    "core.tps": ("benchmarks.core", "transfers_per_second"),
    "core.latency_p99": ("benchmarks.core", "transfers_per_second"),
    "core.restart_1m": ("benchmarks.core", "restart"),
    "tree.updates_1m": ("benchmarks.tree", "updates_1m"),
    "tree.updates_10m": ("benchmarks.tree", "updates_10m"),
    "jobs.sweep_1m": ("benchmarks.jobs", "sweep"),
    "jobs.handover_p50": ("benchmarks.jobs", "handover"),
    "jobs.handover_p99": ("benchmarks.jobs", "handover"),
    "jobs.throughput_postgres": ("benchmarks.throughput", "postgresql"),
    "jobs.throughput_sqlite": ("benchmarks.throughput", "sqlite"),
    "jobs.claim_10m": ("benchmarks.throughput", "claim"),
    "jobs.lease_recovery": ("benchmarks.recovery", "lease_recovery"),
    "console.page": ("benchmarks.console", "page"),
    "guest.smallest_proof": ("benchmarks.cli", "whole_processes"),
    "cli.startup": ("benchmarks.cli", "whole_processes"),
    "recursion.leaf": ("benchmarks.recursion", "recursion"),
    "recursion.node": ("benchmarks.recursion", "recursion"),
    "recursion.share": ("benchmarks.recursion", "recursion"),
    "recursion.rows": ("benchmarks.recursion", "recursion"),
    "l1.verify_gas": ("benchmarks.l1", "verify_gas"),
    "l1.data_gas": ("benchmarks.l1", "data_gas"),
    "scheduler.proof_size": ("benchmarks.recursion", "recursion"),
    "scheduler.verify": ("benchmarks.recursion", "recursion"),
    "keys.generate": ("benchmarks.recursion", "key_set"),
    "keys.size": ("benchmarks.recursion", "key_set"),
    "snark.rows": ("benchmarks.compressor", "rows"),
    "snark.proof_size": ("benchmarks.compressor", "rows"),
    "setup.size": ("benchmarks.compressor", "rows"),
    "compressor.prove": ("benchmarks.compressor", "compressor"),
    "compressor.memory": ("benchmarks.compressor", "compressor"),
}

#: Measured only when asked for by name: they take minutes each.
LONG = frozenset({"tree.updates_10m", "jobs.claim_10m"})


def measure(names: Iterable[str]) -> list[Figure]:
    """Measure the named figures, each source once."""
    wanted = dict.fromkeys(SOURCES[name] for name in names)
    figures: list[Figure] = []
    for module, function in wanted:
        print(f"measuring {module}.{function} ...", file=sys.stderr, flush=True)
        run: Callable[[], list[Figure]] = getattr(importlib.import_module(module), function)
        start = time.perf_counter()
        figures += run()
        print(f"  took {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return figures


def table(figures: Iterable[Figure]) -> Table:
    """Render figures for a terminal."""
    view = Table("figure", "value", "unit", "better", "peer", "ratio", "limit", "fraction")
    for entry in figures:
        view.add_row(
            entry["name"],
            f"{entry['value']:g}",
            entry["unit"],
            entry["better"],
            entry["peer"] or "-",
            "-" if entry["ratio"] is None else f"{entry['ratio']:.2f}",
            entry["limit"] or "-",
            "-" if entry["limit_fraction"] is None else f"{entry['limit_fraction']:.2f}",
        )
    return view


def main() -> int:
    """Parse the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--figure", choices=sorted(SOURCES), help="measure only this figure")
    chosen = parser.parse_args().figure
    figures = measure([chosen] if chosen else [name for name in SOURCES if name not in LONG])
    merge(figures)
    Console(width=WIDTH).print(table(figures))
    print(f"written to {LATEST}")
    for line in record.worse(figures, record.load()):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
