"""The backend's polynomial kernels by their definitions, for small sizes.

A column is a list of integers, an extension column a list of :data:`Ext`; no transform is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proving.backend.interface import PRIME
from proving.field.reference.arithmetic import (
    ZERO,
    Ext,
    ext_add,
    ext_inverse,
    ext_mul,
    ext_pow,
    ext_scale,
    ext_sub,
    inverse,
    reverse_bits,
    root_of_unity,
)


def coset(log_size: int, shift: int) -> list[int]:
    """Return the points of ``shift * <w>`` in bit-reversed order."""
    root = root_of_unity(log_size)
    return [shift * pow(root, reverse_bits(i, log_size), PRIME) % PRIME for i in range(1 << log_size)]


def evaluate(coefficients: Sequence[int], point: int) -> int:
    """Evaluate a polynomial at a base point."""
    result = 0
    for coefficient in reversed(coefficients):
        result = (result * point + coefficient) % PRIME
    return result


def evaluate_ext(coefficients: Sequence[int], point: Ext) -> Ext:
    """Evaluate a polynomial with base coefficients at an extension point."""
    result = ZERO
    for coefficient in reversed(coefficients):
        result = ext_add(ext_mul(result, point), (coefficient, 0, 0))
    return result


def interpolate_subgroup(values: Sequence[int]) -> list[int]:
    """Return the coefficients of the polynomial with these values on the subgroup, in natural order."""
    size = len(values)
    step = inverse(root_of_unity(size.bit_length() - 1))
    scale = inverse(size)
    return [evaluate(values, pow(step, k, PRIME)) * scale % PRIME for k in range(size)]


def coset_evaluate(coefficients: Sequence[int], log_blowup: int, shift: int) -> list[int]:
    """Evaluate on the coset of ``2^log_blowup`` times the size, bit-reversed."""
    log_size = len(coefficients).bit_length() - 1 + log_blowup
    return [evaluate(coefficients, point) for point in coset(log_size, shift)]


def lde(values: Sequence[int], log_blowup: int, shift: int) -> list[int]:
    """Extend a column from the subgroup to the coset."""
    return coset_evaluate(interpolate_subgroup(values), log_blowup, shift)


def linear_combination(columns: Sequence[Sequence[int]], coefficients: Sequence[Ext]) -> list[Ext]:
    """Sum columns with extension coefficients."""
    result = [ZERO] * len(columns[0])
    for column, coefficient in zip(columns, coefficients, strict=True):
        result = [ext_add(total, ext_scale(coefficient, value)) for total, value in zip(result, column, strict=True)]
    return result


def deep_quotient(
    terms: Sequence[tuple[Ext, Ext, Mapping[int, Sequence[Ext]]]], log_rows: int, shift: int
) -> list[Ext]:
    """Sum ``(lifted vectors - value) / (x - point)`` over the terms."""
    result = []
    for i, x in enumerate(coset(log_rows, shift)):
        total = ZERO
        for point, value, vectors in terms:
            numerator = ext_sub(ZERO, value)
            for log_size, vector in vectors.items():
                numerator = ext_add(numerator, vector[i >> (log_rows - log_size)])
            total = ext_add(total, ext_mul(numerator, ext_inverse(ext_sub((x, 0, 0), point))))
        result.append(total)
    return result


def fold(values: Sequence[Ext], beta: Ext, log_arity: int, shift: int) -> list[Ext]:
    """Fold a FRI layer: every group of ``a`` values determines ``sum_j X^j f_j``, which is taken at ``X = beta``.

    The group of index r lies on the points ``x_r * <w_a>``; its polynomial of degree below a has coefficients
    ``f_j(x_r^a)``, and beta takes the place of X.
    """
    arity = 1 << log_arity
    points = coset(len(values).bit_length() - 1, shift)
    result = []
    for start in range(0, len(values), arity):
        total = ZERO
        for j in range(arity):
            coefficient = ZERO
            for k in range(arity):
                coefficient = ext_add(coefficient, ext_scale(values[start + k], pow(points[start + k], -j, PRIME)))
            total = ext_add(total, ext_mul(ext_scale(coefficient, inverse(arity)), ext_pow(beta, j)))
        result.append(total)
    return result


def group(values: Sequence[Ext], log_arity: int) -> list[list[int]]:
    """Lay a FRI layer out as leaf rows: ``3 a`` columns of ``m / a`` rows."""
    arity = 1 << log_arity
    rows = [
        [coefficient for value in values[start : start + arity] for coefficient in value]
        for start in range(0, len(values), arity)
    ]
    return [list(column) for column in zip(*rows, strict=True)]
