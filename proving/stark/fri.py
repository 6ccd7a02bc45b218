"""FRI: evaluation domains, folding and the final polynomial, over any arithmetic, all queries at once.

A layer holds values of f on ``shift * <w>`` in bit-reversed order; values 8 r ... 8 r + 7 fold into value r of the next
layer: f(X) = sum_j X^j f_j(X^8) becomes sum_j beta^j f_j on ``shift^8 * <w^8>``.
"""

from __future__ import annotations

import numpy as np

from proving.field.goldilocks import PRIME, root_of_unity
from proving.stark.arithmetic import Arithmetic, V, Words
from proving.stark.shape import EXTENSION_DEGREE


def domain_points(arithmetic: Arithmetic[V], index_bits: V, shift: int) -> V:
    """Return the points of indices of a bit-reversed coset: bits ``(queries, k)``, lowest first -> ``(queries,)``.

    In bit-reversed order bit j of an index stands for the root of unity of order ``2^(j+1)``, whatever the coset's
    size. The point's power ``2^k`` is the point of ``index >> k`` on the coset of a size 2^k times smaller.
    """
    queries, count = arithmetic.shape(index_bits)
    points = arithmetic.constant(np.full(queries, shift, dtype=np.uint64))
    return _turn(arithmetic, points, index_bits, count, 1)


def inverse_points(arithmetic: Arithmetic[V], index_bits: V, shift: int) -> V:
    """Return the inverses of :func:`domain_points`, without dividing."""
    queries, count = arithmetic.shape(index_bits)
    points = arithmetic.constant(np.full(queries, pow(shift, -1, PRIME), dtype=np.uint64))
    return _turn(arithmetic, points, index_bits, count, -1)


def group_inverses(arithmetic: Arithmetic[V], inverse: V, index_bits: V, log_arity: int) -> V:
    """Return the inverses of the first points of the groups that hold the indices: their low bits turned back."""
    return _turn(arithmetic, inverse, index_bits, log_arity, 1)


def square(arithmetic: Arithmetic[V], value: V, times: int) -> V:
    """Square base elements several times."""
    for _ in range(times):
        value = arithmetic.multiply(value, value)
    return value


def _turn(arithmetic: Arithmetic[V], points: V, index_bits: V, count: int, sign: int) -> V:
    """Multiply by the roots of unity that the lowest ``count`` bits stand for, or by their inverses."""
    one = arithmetic.constant(_word(1))
    for position in range(count):
        root = arithmetic.constant(_word(pow(root_of_unity(position + 1), sign, PRIME)))
        bit = arithmetic.take(index_bits, (slice(None), position))
        points = arithmetic.multiply(points, arithmetic.select(bit, root, one))
    return points


def fold_rows(arithmetic: Arithmetic[V], rows: V, inverse: V, beta: V, log_arity: int) -> V:
    """Fold leaf rows into one value each.

    Parameters
    ----------
    rows
        ``(queries, 3 * arity)``: the values of one group, element by element.
    inverse
        ``(queries,)``: the inverse of the point of each group's first value.
    beta
        The fold challenge ``(3,)``.
    log_arity
        log2 of the values per group.

    Returns
    -------
    V
        ``(queries, 3)``. Folding by 2^k with beta is folding k times by 2 with beta, beta^2, beta^4, ...
    """
    queries = arithmetic.shape(rows)[0]
    values = arithmetic.reshape(rows, (queries, 1 << log_arity, EXTENSION_DEGREE))
    half = arithmetic.constant(_word(pow(2, -1, PRIME)))
    for step in range(log_arity, 0, -1):
        pairs = 1 << (step - 1)
        even = arithmetic.take(values, (slice(None), slice(0, 2 * pairs, 2)))
        odd = arithmetic.take(values, (slice(None), slice(1, 2 * pairs, 2)))
        twiddles = arithmetic.constant(_inverse_twiddles(step))
        points = arithmetic.multiply(arithmetic.reshape(inverse, (queries, 1)), twiddles)
        slope = arithmetic.ext_scale(arithmetic.subtract(even, odd), points)
        total = arithmetic.add(arithmetic.add(even, odd), arithmetic.ext_multiply(slope, beta))
        values = arithmetic.ext_scale(total, half)
        inverse = arithmetic.multiply(inverse, inverse)
        beta = arithmetic.ext_multiply(beta, beta)
    return arithmetic.reshape(values, (queries, EXTENSION_DEGREE))


def evaluate_final(arithmetic: Arithmetic[V], coefficients: V, points: V) -> V:
    """Evaluate the final polynomial ``(length, 3)`` at base points ``(queries,)``, giving ``(queries, 3)``."""
    length = arithmetic.shape(coefficients)[0]
    queries = arithmetic.shape(points)[0]
    value = arithmetic.broadcast(arithmetic.take(coefficients, length - 1), (queries, EXTENSION_DEGREE))
    for position in range(length - 2, -1, -1):
        value = arithmetic.add(arithmetic.ext_scale(value, points), arithmetic.take(coefficients, position))
    return value


def _inverse_twiddles(log_size: int) -> Words:
    """Return w^-bitreverse(p) for the pairs p of a group of 2^log_size values, w of order 2^log_size."""
    root = pow(root_of_unity(log_size), -1, PRIME)
    bits = log_size - 1
    return np.array([pow(root, _reverse(pair, bits), PRIME) for pair in range(1 << bits)], dtype=np.uint64)


def _reverse(index: int, bits: int) -> int:
    return int(format(index, f"0{bits}b")[::-1], 2) if bits else 0


def _word(value: int) -> Words:
    return np.array(value, dtype=np.uint64)
