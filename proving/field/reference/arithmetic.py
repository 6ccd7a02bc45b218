"""Goldilocks and its cubic extension F[x]/(x^3 - x - 1) in plain Python integers."""

from __future__ import annotations

from typing import TypeAlias

from proving.backend.interface import GENERATOR, PRIME

#: The exponent of two in p - 1.
TWO_ADICITY = 32

#: c0 + c1 x + c2 x^2.
Ext: TypeAlias = tuple[int, int, int]

ZERO: Ext = (0, 0, 0)
ONE: Ext = (1, 0, 0)


def inverse(value: int) -> int:
    """Return 1 / value, and 0 for 0."""
    return pow(value, PRIME - 2, PRIME)


def root_of_unity(log_order: int) -> int:
    """Return w_k, of order ``2^k``: ``7^((p - 1) / 2^k)``."""
    return pow(GENERATOR, (PRIME - 1) >> log_order, PRIME)


def reverse_bits(index: int, bits: int) -> int:
    """Reverse the low bits of an index."""
    result = 0
    for _ in range(bits):
        result = result << 1 | index & 1
        index >>= 1
    return result


def ext_add(left: Ext, right: Ext) -> Ext:
    """Add two extension elements."""
    return ((left[0] + right[0]) % PRIME, (left[1] + right[1]) % PRIME, (left[2] + right[2]) % PRIME)


def ext_sub(left: Ext, right: Ext) -> Ext:
    """Subtract an extension element from another."""
    return ((left[0] - right[0]) % PRIME, (left[1] - right[1]) % PRIME, (left[2] - right[2]) % PRIME)


def ext_mul(left: Ext, right: Ext) -> Ext:
    """Multiply two extension elements: the schoolbook product, then x^3 = x + 1 and x^4 = x^2 + x."""
    product = [0] * 5
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            product[i + j] += a * b
    c0, c1, c2, c3, c4 = product
    return ((c0 + c3) % PRIME, (c1 + c3 + c4) % PRIME, (c2 + c4) % PRIME)


def ext_scale(element: Ext, factor: int) -> Ext:
    """Multiply an extension element by a base element."""
    return (element[0] * factor % PRIME, element[1] * factor % PRIME, element[2] * factor % PRIME)


def ext_pow(element: Ext, exponent: int) -> Ext:
    """Raise to a non-negative power."""
    result = ONE
    while exponent:
        if exponent & 1:
            result = ext_mul(result, element)
        element = ext_mul(element, element)
        exponent >>= 1
    return result


def ext_inverse(element: Ext) -> Ext:
    """Return 1 / element, and zero for zero: the power p^3 - 2."""
    return ext_pow(element, PRIME**3 - 2)
