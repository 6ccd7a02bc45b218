"""The state tree on disk: bulks of changed accounts, each a durable version."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.figure import Figure, figure
from core.state_tree.accounts import keys_of_bytes
from core.state_tree.kept import KeptTree
from core.state_tree.pieces import Accounts

#: Accounts that change in one version, and versions that are measured.
BULK, BULKS = 10_000, 30

#: Versions that are kept; old ones are pruned and records are moved while it is measured, as in a core that runs.
VERSIONS = 16

#: Below the checkout, as the state of an installation is: the disk that is measured.
_FOLDER = Path(__file__).parent.parent / ".hallmark"


def updates_1m() -> list[Figure]:
    """Change accounts of a tree with 10^6 leaves."""
    return [_updates("tree.updates_1m", 1_000_000)]


def updates_10m() -> list[Figure]:
    """Change accounts of a tree with 10^7 leaves."""
    return [_updates("tree.updates_10m", 10_000_000)]


def _updates(name: str, leaves: int) -> Figure:
    # A process of its own, so that its memory is the tree's.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        rate, context = pool.submit(measured, leaves).result()
    return figure(name, rate / 1000, "thousand updates/s", "higher", context=context)


def measured(leaves: int) -> tuple[float, dict[str, Any]]:
    """Return updates per second by the median bulk, and what else is to be known."""
    random = np.random.default_rng(1)
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        tree = KeptTree.open(Path(folder), VERSIONS)
        start = time.perf_counter()
        tree.rebuild(0, _accounts(leaves))
        built = time.perf_counter() - start
        walls, spent = [], []
        for number in range(1, BULKS + 1):
            chosen = _addresses(random.choice(leaves, BULK, replace=False))
            values = np.zeros((BULK, 5), dtype=np.uint64)
            values[:, 0], values[:, 1] = number, random.integers(0, 1 << 63, BULK)
            wall, processor = time.perf_counter(), time.process_time()
            tree.commit(number, keys_of_bytes(chosen), values)
            walls.append(time.perf_counter() - wall)
            spent.append(time.process_time() - processor)
        with tree.version(BULKS) as version:
            per_leaf = version.live_bytes / len(version)
        context = {
            "bulk": BULK,
            "wall_ms_per_bulk": round(1000 * median(walls), 1),
            "processor_ms_per_bulk": round(1000 * median(spent), 1),
            "write_and_sync_ms": round(1000 * _write_and_sync(Path(folder) / "probe"), 1),
            "build_s": round(built, 1),
            "bytes_per_leaf": round(per_leaf, 1),
            "file_mb": round(tree.size() / 1e6),
            **_memory(),
        }
    return BULK / median(walls), context


def _addresses(numbers: Any) -> bytes:
    """Return an address for each number; their keys are hashes and lie anywhere in the tree."""
    words = np.zeros((len(numbers), 5), dtype="<u4")
    words[:, 0] = numbers
    return words.tobytes()


def _accounts(leaves: int) -> Iterator[tuple[Any, Any]]:
    """Yield accounts with a balance each, in the order of the tree."""
    accounts = Accounts()
    for start in range(0, leaves, 1 << 20):
        numbers = np.arange(start, min(start + (1 << 20), leaves))
        values = np.zeros((len(numbers), 5), dtype=np.uint64)
        values[:, 1] = numbers + 1
        accounts.add(_addresses(numbers), values)
    return accounts.pieces()


def _write_and_sync(path: Path) -> float:
    """Return the seconds that the disk takes for about what a bulk writes."""
    content, times = os.urandom(6 << 20), []
    for _ in range(5):
        start = time.perf_counter()
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        times.append(time.perf_counter() - start)
    return median(times)


def _memory() -> dict[str, int]:
    """Peak memory of this process, and what is its own of what it holds now: the rest is the mapped file."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    names = {"peak_mb": "VmHWM", "own_mb": "RssAnon", "mapped_mb": "RssFile"}
    return {shown: round(int(lines[name].split()[0]) / 1e3) for shown, name in names.items()}
