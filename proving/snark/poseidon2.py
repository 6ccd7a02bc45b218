"""How Poseidon2 over BN254's scalar field, t = 3, is laid out in rows of the circuit."""

from __future__ import annotations

import enum
import functools

from proving.hash.bn254_constants import FULL_ROUNDS, PARTIAL_ROUNDS, ROUND_CONSTANTS

#: Constants of the first full round: that row adds them itself, so that a permutation's input needs no row of its own.
FIRST_CONSTANTS: tuple[int, int, int] = ROUND_CONSTANTS[0]


class Row(enum.Enum):
    """What a row of Poseidon2 applies; the value is its selector."""

    #: The first layer and the first full round.
    FIRST = "q_i"
    #: One full round.
    FULL = "q_f"
    #: Two partial rounds.
    PARTIAL = "q_p"


@functools.cache
def schedule() -> tuple[tuple[Row, tuple[int, int, int, int]], ...]:
    """Return the rows of one permutation, each with the constants for wires a, b, c of the next row and its own d."""
    following = (*ROUND_CONSTANTS[1:], (0, 0, 0))
    half, last = FULL_ROUNDS // 2, FULL_ROUNDS // 2 + PARTIAL_ROUNDS
    first = [(Row.FIRST if i == 0 else Row.FULL, (*following[i], 0)) for i in range(half)]
    middle = [(Row.PARTIAL, (*following[i + 1], ROUND_CONSTANTS[i + 1][0])) for i in range(half, last, 2)]
    return (*first, *middle, *((Row.FULL, (*following[i], 0)) for i in range(last, last + half)))
