"""One measured figure, and the file that collects them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from proving import native

Better = Literal["higher", "lower"]

#: Where `make bench` and `make bench-demo` write; ignored by git.
LATEST = Path(__file__).parent / "latest.json"


class Figure(TypedDict):
    """One row of the benchmark file; `peer` and `limit` may be null."""

    name: str
    value: float
    unit: str
    better: Better
    peer: str | None
    ratio: float | None
    limit: str | None
    limit_fraction: float | None
    context: dict[str, Any]


def figure(
    name: str,
    value: float,
    unit: str,
    better: Better,
    *,
    peer: tuple[str, float] | None = None,
    limit: tuple[str, float] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Figure:
    """Build a figure.

    Parameters
    ----------
    peer, limit
        A label and the value to compare with, in the figure's unit. The ratio is > 1 when we are better than the peer;
        the fraction is the part of the limit that is reached.
    """

    def relative(other: float) -> float:
        return value / other if better == "higher" else other / value

    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "better": better,
        "peer": peer[0] if peer else None,
        "ratio": round(relative(peer[1]), 3) if peer else None,
        "limit": limit[0] if limit else None,
        "limit_fraction": round(relative(limit[1]), 3) if limit else None,
        "context": {**machine(), **(context or {})},
    }


def machine() -> dict[str, Any]:
    """The machine, its best instruction set, and the commit that a figure was measured on."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "machine": model,
        "cores": os.cpu_count(),
        "isa": native.isa(),
        "python": platform.python_version(),
        "commit": commit(),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def commit() -> str:
    """The commit of the checkout, with `+` when the tree differs from it."""
    root = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            ["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if dirty else "")


def median_seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Run `run` `repeats` times and return the median wall time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def merge(figures: Sequence[Figure], path: Path = LATEST) -> None:
    """Write figures into the benchmark file; entries of the same name are replaced, the others stay."""
    kept: list[Figure] = []
    if path.exists():
        names = {f["name"] for f in figures}
        kept = [f for f in json.loads(path.read_text()) if f["name"] not in names]
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(sorted([*kept, *figures], key=lambda f: f["name"]), indent=1) + "\n")
    temporary.replace(path)
