"""The kernels under everything: permutations, transforms, Merkle hashing, and the race of the two hash shapes.

Speeds are per core: the kernels run on one thread, in a process of its own, because the size of the thread pool is
fixed when the library is loaded, and the time is the processor's, not the clock's. The other instruction sets are in
the context.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from ctypes import c_uint
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.figure import Figure, figure
from proving import native
from proving.backend.interface import PRIME, HostArray
from proving.backend.native import NativeBackend
from proving.hash.permutation import Poseidon2
from proving.native import POINTER, SIZE, UNSIGNED, NativeFunction, function

#: States per batch: large enough to hide the call, small enough to stay near the core.
_STATES: Final = 1 << 15
_NTT: Final = (22, 24)
_MERKLE: Final = (20, 80)
_RACE: Final = (16, 80)

_hash_matrix12 = function("hm_hash_matrix12", None, [POINTER, SIZE, SIZE, POINTER])
_hash_matrix16 = function("hm_hash_matrix16", None, [POINTER, SIZE, SIZE, POINTER])
_compress8 = function("hm_compress8", None, [POINTER, POINTER, SIZE])
_compress16 = function("hm_compress16", None, [POINTER, POINTER, SIZE])
_evaluate = function("hm_coset_evaluate", None, [POINTER, POINTER, SIZE, c_uint, c_uint, UNSIGNED])


def core_seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Run `repeats` times and return the median processor time."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def _random(columns: int, rows: int) -> HostArray:
    return np.random.default_rng(1).integers(0, PRIME, size=(columns, rows), dtype=np.uint64)


def by_isa(measure: Callable[[], float]) -> dict[str, float]:
    """Measure on every instruction set of this CPU."""
    speeds = {}
    for name in native.available_isas():
        with native.forced_isa(name):
            speeds[name] = round(measure(), 4)
    return speeds


def _permutation_speeds() -> dict[str, dict[str, float]]:
    """Million permutations per second, by width and instruction set."""

    def speeds(width: int) -> dict[str, float]:
        states = _random(_STATES, width)
        permutation = Poseidon2(width)
        return by_isa(lambda: _STATES / core_seconds(lambda: permutation.permute(states)) / 1e6)

    return {str(width): speeds(width) for width in (12, 16)}


def _transform_speeds() -> dict[str, float]:
    """Billion butterflies per second of the transform, by instruction set, and of the whole extension."""
    log_rows, columns = _NTT
    coefficients = _random(columns, 1 << log_rows)
    values = np.empty_like(coefficients)
    butterflies = columns * log_rows * (1 << (log_rows - 1)) / 1e9

    def transform() -> float:
        arguments = (coefficients.ctypes.data, values.ctypes.data, columns, log_rows, 0, 1)
        return butterflies / core_seconds(lambda: _evaluate(*arguments), repeats=3)

    speeds = by_isa(transform)
    extended = coefficients[: columns // 4, : 1 << (log_rows - 2)].copy()
    backend = NativeBackend()
    seconds = core_seconds(lambda: backend.lde(extended, 2, 7), repeats=3)
    small, large = log_rows - 2, log_rows
    work = len(extended) * small * ((1 << (small - 1)) + (1 << (large - 1))) / 1e9
    return {**speeds, "extension at rate 1/4": round(work / seconds, 4)}


def _tree_speeds() -> dict[str, float]:
    """Million absorbed field elements per second of a whole commitment, by instruction set."""
    log_rows, columns = _MERKLE
    matrix = _random(columns, 1 << log_rows)
    backend = NativeBackend()
    small = matrix[:, : 1 << (log_rows - 4)].copy()

    def speed() -> float:
        sample = matrix if native.isa() == native.available_isas()[-1] else small
        return sample.size / core_seconds(lambda: backend.commit([sample], 4), repeats=3) / 1e6

    return by_isa(speed)


def _race() -> dict[str, dict[str, float]]:
    """Seconds and permutations of a whole tree over the same matrix, for both hash shapes."""
    log_rows, columns = _RACE
    rows = 1 << log_rows
    matrix = _random(columns, rows)
    addresses = matrix.ctypes.data + np.arange(columns, dtype=np.uint64) * np.uint64(matrix.strides[0])

    def tree(leaves: NativeFunction, nodes: NativeFunction, arity: int) -> None:
        level = np.empty((rows, 4), dtype=np.uint64)
        leaves(addresses.ctypes.data, columns, rows, level.ctypes.data)
        while len(level) > 1:
            parents = np.empty((len(level) // arity, 4), dtype=np.uint64)
            nodes(level.ctypes.data, parents.ctypes.data, len(parents))
            level = parents

    def result(leaves: NativeFunction, nodes: NativeFunction, arity: int, rate: int) -> dict[str, float]:
        seconds = core_seconds(lambda: tree(leaves, nodes, arity))
        levels = log_rows // (2 if arity == 4 else 1)
        return {
            "million elements/s": round(matrix.size / seconds / 1e6, 3),
            "permutations per row": round(-(-columns // rate) + 1 / (arity - 1), 3),
            "permutations per opened row": -(-columns // rate) + levels,
            "digests per path": levels * (arity - 1),
        }

    return {
        "A: width 16, rate 12, 4-ary": result(_hash_matrix16, _compress16, 4, 12),
        "B: width 12, rate 8, width 8 two-to-one": result(_hash_matrix12, _compress8, 2, 8),
    }


_MEASUREMENTS: Final[dict[str, Callable[[], Any]]] = {
    "permutations": _permutation_speeds,
    "transforms": _transform_speeds,
    "trees": _tree_speeds,
    "race": _race,
}


def on_one_thread(module: str, name: str) -> Any:
    """Run a module's measurement of that name in a process with one thread; return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, name],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "HALLMARK_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def poseidon2() -> list[Figure]:
    """Measure `poseidon2_w12.cpu`, a comparison with peers, and `poseidon2_w16.cpu`, the hash that is used."""
    speeds = on_one_thread(__name__, "permutations")
    # 0xPolygonHermez/pil2-proofman's own C++, not run beside: what one core of another machine reached.
    peer = ("pil2-proofman C++, AVX-512, on one core of a Zen 5", 1.7)

    def measured(width: str, compared: tuple[str, float] | None) -> Figure:
        best = max(speeds[width].values())
        context = {"threads": 1, "states": _STATES, "by instruction set": speeds[width]}
        name = f"poseidon2_w{width}.cpu"
        return figure(name, best, "M permutations/s/core", "higher", peer=compared, context=context)

    return [measured("12", peer), measured("16", None)]


def ntt() -> list[Figure]:
    """Measure `ntt.cpu`."""
    speeds = on_one_thread(__name__, "transforms")
    best = max(speeds[name] for name in native.available_isas())
    peer = ("pil2-proofman C++, AVX-512, on one core of a Zen 5", 0.27)
    context = {"threads": 1, "rows": 2 ** _NTT[0], "columns": _NTT[1], "by instruction set": speeds}
    return [figure("ntt.cpu", best, "G butterflies/s/core", "higher", peer=peer, context=context)]


def merkle() -> list[Figure]:
    """Measure `merkle.cpu` and `hash.race`, the speed of hash shape A over that of shape B."""
    speeds = on_one_thread(__name__, "trees")
    rows, columns = 2 ** _MERKLE[0], _MERKLE[1]
    context = {"threads": 1, "rows": rows, "columns": columns, "by instruction set": speeds}
    race = on_one_thread(__name__, "race")
    first, second = (shape["million elements/s"] for shape in race.values())
    return [
        figure("merkle.cpu", max(speeds.values()), "M elements/s/core", "higher", context=context),
        figure("hash.race", first / second, "speed of shape A / shape B", "higher", context={"threads": 1, **race}),
    ]


if __name__ == "__main__":
    json.dump(_MEASUREMENTS[sys.argv[1]](), sys.stdout)
