"""The kernels under the SNARK: sums of multiples of points, transforms and Poseidon2 over BN254.

Speeds are per core, measured like those of `benchmarks.primitives`: on one thread, in a process of its own, by the
processor's time. The other instruction sets are in the context.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final

from benchmarks.figure import Figure, figure
from benchmarks.primitives import by_isa, core_seconds, on_one_thread
from proving import native
from proving.snark.bn254 import curve, polynomials, poseidon2
from proving.snark.bn254.curve import Points
from proving.snark.bn254.field import FR, Elements

_LOG_POINTS: Final = 19
_LOG_TRANSFORM: Final = 20
_STATES: Final = 1 << 14


def _scalars(count: int) -> Elements:
    """Powers of some element: as good as random to the kernels."""
    return FR.powers(FR.scalar(pow(3, 200, FR.modulus)), count)


def _points(count: int) -> Points:
    return curve.multiply_base(curve.encode([(1, 2)])[0], FR.powers(FR.scalar(pow(5, 200, FR.modulus)), count))


def _msm_speeds() -> dict[str, float]:
    """Million points per second, by instruction set."""
    count = 1 << _LOG_POINTS
    points, scalars = _points(count), _scalars(count)
    return by_isa(lambda: count / core_seconds(lambda: curve.multiply_sum(points, scalars), repeats=3) / 1e6)


def _ntt_seconds() -> dict[str, float]:
    """Seconds of one transform, by instruction set."""
    coefficients = _scalars(1 << _LOG_TRANSFORM)
    return by_isa(lambda: core_seconds(lambda: polynomials.values(coefficients, _LOG_TRANSFORM)))


def _poseidon2_speeds() -> dict[str, float]:
    """Thousand permutations per second, by instruction set."""
    states = _scalars(3 * _STATES).reshape(_STATES, 3, 4)
    return by_isa(lambda: _STATES / core_seconds(lambda: poseidon2.permute(states)) / 1e3)


_MEASUREMENTS: Final[dict[str, Callable[[], Any]]] = {
    "msm": _msm_speeds,
    "ntt": _ntt_seconds,
    "poseidon2": _poseidon2_speeds,
}


def _measured(name: str) -> tuple[float, dict[str, float]]:
    """The speed of this CPU's best instruction set, and of all."""
    speeds = on_one_thread(__name__, name)
    return speeds[native.available_isas()[-1]], speeds


def msm() -> list[Figure]:
    """Measure `msm.cpu`."""
    best, speeds = _measured("msm")
    peer = ("gnark-crypto 0.20.1, one core, Zen 3 (published)", 0.15)
    context = {"threads": 1, "points": 1 << _LOG_POINTS, "by instruction set": speeds}
    return [figure("msm.cpu", best, "M points/s/core", "higher", peer=peer, context=context)]


def ntt() -> list[Figure]:
    """Measure `bn254.ntt`."""
    best, seconds = _measured("ntt")
    peer = ("gnark-crypto 0.20.1, Zen 3 (published)", 0.38)
    context = {"threads": 1, "size": 1 << _LOG_TRANSFORM, "by instruction set": seconds}
    return [figure("bn254.ntt", best, "s of CPU time", "lower", peer=peer, context=context)]


def permutations() -> list[Figure]:
    """Measure `poseidon2_bn254.cpu`."""
    best, speeds = _measured("poseidon2")
    context = {"threads": 1, "states": _STATES, "by instruction set": speeds}
    return [figure("poseidon2_bn254.cpu", best, "k permutations/s/core", "higher", context=context)]


if __name__ == "__main__":
    json.dump(_MEASUREMENTS[sys.argv[1]](), sys.stdout)
