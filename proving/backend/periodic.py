"""Periodic columns as kernels read them, on the trace and on the evaluation coset."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from proving.backend.interface import GENERATOR, PRIME, HostArray


@dataclass(frozen=True)
class PeriodicValues:
    """Periodic columns as the kernels read them: `values[offsets[k] + (row & masks[k])]`, all uint64."""

    values: HostArray
    offsets: HostArray
    masks: HostArray


@functools.lru_cache(maxsize=4096)
def periodic_coefficients(values: tuple[int, ...]) -> tuple[int, ...]:
    """Coefficients c of the polynomial with sum_k c_k w^(i k) = values[i], w of the order of the period."""
    period = len(values)
    inverse_root = pow(_root_of_unity(period.bit_length() - 1), PRIME - 2, PRIME)
    roots = [pow(inverse_root, k, PRIME) for k in range(period)]
    scale = pow(period, PRIME - 2, PRIME)
    return tuple(
        sum(value * roots[i * k % period] for i, value in enumerate(values)) * scale % PRIME for k in range(period)
    )


@functools.lru_cache(maxsize=256)
def coset_periodic(
    columns: tuple[tuple[int, ...], ...], log_height: int, log_blowup: int, shift: int
) -> PeriodicValues:
    """Periodic columns on the evaluation coset, by natural index modulo (period << log_blowup)."""
    return _gather_periodic([_extend_period(values, log_height, log_blowup, shift) for values in columns])


@functools.lru_cache(maxsize=256)
def natural_periodic(columns: tuple[tuple[int, ...], ...]) -> PeriodicValues:
    """Periodic columns on the trace, by row modulo the period."""
    return _gather_periodic([list(values) for values in columns])


def _root_of_unity(log_order: int) -> int:
    """The generator of the subgroup of order 2^log_order."""
    return pow(GENERATOR, (PRIME - 1) >> log_order, PRIME)


def _gather_periodic(columns: list[list[int]]) -> PeriodicValues:
    sizes = np.array([len(values) for values in columns], dtype=np.uint64)
    return PeriodicValues(
        values=np.array([value for values in columns for value in values], dtype=np.uint64),
        offsets=(np.cumsum(sizes) - sizes).astype(np.uint64),
        masks=sizes - np.uint64(1),
    )


def _extend_period(values: tuple[int, ...], log_height: int, log_blowup: int, shift: int) -> list[int]:
    """Values of the period's interpolant at (shift * w_N^i)^(n / period) for i below period << log_blowup."""
    log_period = len(values).bit_length() - 1
    coefficients = periodic_coefficients(values)
    start = pow(shift, 1 << (log_height - log_period), PRIME)
    root = _root_of_unity(log_period + log_blowup)
    extended = []
    for i in range(len(values) << log_blowup):
        point, value = start * pow(root, i, PRIME) % PRIME, 0
        for coefficient in reversed(coefficients):
            value = (value * point + coefficient) % PRIME
        extended.append(value)
    return extended
