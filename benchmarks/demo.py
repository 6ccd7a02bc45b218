"""`make bench-demo`: the demo from a clean clone and again, and how much of a batch's time nothing computed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from benchmarks.__main__ import WIDTH, table
from benchmarks.figure import LATEST, Figure, figure, merge

ROOT = Path(__file__).parent.parent
#: Second runs; the median is taken.
RUNS = 3


def _clone(target: Path) -> None:
    subprocess.run(["git", "clone", "-q", str(ROOT), str(target)], check=True)


def _demo(checkout: Path, state: Path) -> float:
    """Run `make demo` as a newcomer does and return its wall time in seconds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    start = time.perf_counter()
    subprocess.run(["make", "demo"], cwd=checkout, env={**environment, "HALLMARK_STATE_DIR": str(state)}, check=True)
    return time.perf_counter() - start


def measure() -> list[Figure]:
    """Time the first demo of a clean clone of this commit and further ones."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as folder:
        checkout, state = Path(folder) / "clone", Path(folder) / "state"
        start = time.perf_counter()
        _clone(checkout)
        cloned = time.perf_counter() - start
        first = cloned + _demo(checkout, state)
        again = sorted(_demo(checkout, state) for _ in range(RUNS))
        measured = json.loads((state / "demo" / "last.json").read_text())
    context = {"transactions": measured["transactions"], "cycles": measured["cycles"], "profile": measured["profile"]}
    overhead = 100 * measured["idle_seconds"] / measured["batch_seconds"]
    return [
        figure("demo.first_run", first, "s", "lower", context=context),
        figure("demo.wall", again[RUNS // 2], "s", "lower", context={**context, "runs": [round(t, 1) for t in again]}),
        figure("pipeline.overhead", overhead, "%", "lower", context={"batch_seconds": measured["batch_seconds"]}),
    ]


def main() -> int:
    """Measure, print, merge into the benchmark file."""
    figures = measure()
    merge(figures)
    Console(width=WIDTH).print(table(figures))
    print(f"written to {LATEST}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
