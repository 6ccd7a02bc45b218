"""FRI: evaluation domains, folding and the final polynomial, over any arithmetic, all queries at once.

A layer holds values of f on ``shift * <w>`` in bit-reversed order; values 8 r ... 8 r + 7 fold into value r of the next
layer: f(X) = sum_j X^j f_j(X^8) becomes sum_j beta^j f_j on ``shift^8 * <w^8>``.
"""

from __future__ import annotations

import numpy as np

from proving.field.goldilocks import root_of_unity
from proving.stark.arithmetic import Arithmetic, V, Words
from proving.stark.shape import EXTENSION_DEGREE


def domain_points(arithmetic: Arithmetic[V], index_bits: V, shift: int) -> V:
    """Return the points of indices of a bit-reversed coset: bits ``(queries, k)``, lowest first -> ``(queries,)``.

    In bit-reversed order bit j of an index stands for the root of unity of order ``2^(j+1)``, whatever the coset's
    size. The point's power ``2^k`` is the point of ``index >> k`` on the coset of a size 2^k times smaller.
    """
    queries, count = arithmetic.shape(index_bits)
    points = arithmetic.constant(np.full(queries, shift, dtype=np.uint64))
    one = arithmetic.constant(_word(1))
    for position in range(count):
        root = arithmetic.constant(_word(root_of_unity(position + 1)))
        bit = arithmetic.take(index_bits, (slice(None), position))
        points = arithmetic.multiply(points, arithmetic.select(bit, root, one))
    return points


def square(arithmetic: Arithmetic[V], value: V, times: int) -> V:
    """Square base elements several times."""
    for _ in range(times):
        value = arithmetic.multiply(value, value)
    return value


def evaluate_final(arithmetic: Arithmetic[V], coefficients: V, points: V) -> V:
    """Evaluate the final polynomial ``(length, 3)`` at base points ``(queries,)``, giving ``(queries, 3)``."""
    length = arithmetic.shape(coefficients)[0]
    queries = arithmetic.shape(points)[0]
    value = arithmetic.broadcast(arithmetic.take(coefficients, length - 1), (queries, EXTENSION_DEGREE))
    for position in range(length - 2, -1, -1):
        value = arithmetic.add(arithmetic.ext_scale(value, points), arithmetic.take(coefficients, position))
    return value


def _word(value: int) -> Words:
    return np.array(value, dtype=np.uint64)
