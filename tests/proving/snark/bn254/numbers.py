"""Numbers for the tests of both fields, and the group in plain integers."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from proving.snark.bn254.field import FQ, FR, Field

FIELDS = (FR, FQ)

Pair = tuple[int, int]

INFINITY: Pair = (0, 0)
G: Pair = (1, 2)


def edges(field: Field) -> list[int]:
    """Where carries, borrows and reductions change, in both forms of an element."""
    p = field.modulus
    plain = [
        0,
        1,
        2,
        p - 1,
        p - 2,
        (p - 1) // 2,
        p >> 1,
        *(2**k + d for k in (52, 64, 128, 192, 208, 253) for d in (-1, 0, 1)),
    ]
    montgomery = [number * pow(2, -256, p) % p for number in plain]
    return plain + montgomery


def elements(field: Field) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from(edges(field)), st.integers(0, field.modulus - 1))


def numbers(field: Field, seed: int, count: int) -> list[int]:
    """Random integers below the modulus, a quarter of them edges."""
    generator, special = random.Random(seed), edges(field)
    return [
        generator.choice(special) if generator.random() < 0.25 else generator.randrange(field.modulus)
        for _ in range(count)
    ]


def add(p: Pair, q: Pair) -> Pair:
    modulus = FQ.modulus
    if INFINITY in (p, q):
        return q if p == INFINITY else p
    if p[0] == q[0] and p[1] != q[1]:
        return INFINITY
    rise, run = (3 * p[0] ** 2, 2 * p[1]) if p == q else (q[1] - p[1], q[0] - p[0])
    slope = rise * pow(run, -1, modulus)
    x = (slope**2 - p[0] - q[0]) % modulus
    return x, (slope * (p[0] - x) - p[1]) % modulus


def multiply(p: Pair, scalar: int) -> Pair:
    result = INFINITY
    for bit in bin(scalar % FR.modulus)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, p)
    return result
