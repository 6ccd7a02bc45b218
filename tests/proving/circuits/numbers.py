"""Numbers and edge cases of 256-bit arithmetic."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Request = tuple[int, int, int, int]  #: a, b, c, m

SECP256K1 = 2**256 - 2**32 - 977
EDGES = (0, 1, 2, 2**16 - 1, 2**16, 2**32, 2**128 - 1, 2**240, 2**255, 2**256 - 2, 2**256 - 1, SECP256K1)


def words(number: int, count: int = 8) -> list[int]:
    """The words of a number, the lowest first."""
    return [number >> 32 * i & 0xFFFFFFFF for i in range(count)]


def number(row: Sequence[int] | NDArray[np.uint32]) -> int:
    """The number of words, the lowest first."""
    return sum(int(word) << 32 * i for i, word in enumerate(row))


def inputs(requests: Sequence[Request]) -> NDArray[np.uint32]:
    """The requests' words, (count, 32)."""
    rows = [[word for value in request for word in words(value)] for request in requests]
    return np.array(rows, dtype=np.uint32).reshape(-1, 32)


def answer(request: Request) -> int:
    """What Python says: m = 0 stands for 2^256."""
    a, b, c, m = request
    return (a * b + c) % (m or 2**256)


def requests(count: int, seed: int = 1) -> list[Request]:
    """Edge values and random numbers of all sizes, mixed."""
    rng = random.Random(seed)

    def one() -> int:
        return rng.choice([*EDGES, rng.getrandbits(256), rng.getrandbits(256), rng.getrandbits(rng.randrange(1, 257))])

    fixed = [(2**256 - 1, 2**256 - 1, 2**256 - 1, m) for m in (0, 1, 2, 2**255, 2**256 - 1)] + [(0, 0, 0, 0)]
    return [*fixed, *((one(), one(), one(), one()) for _ in range(count - len(fixed)))]
