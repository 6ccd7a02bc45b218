"""Numbers for the tests of both fields, and the group as py_ecc has it."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st
from py_ecc import optimized_bn128

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


def _projective(p: Pair) -> Any:
    return optimized_bn128.Z1 if p == INFINITY else (*map(optimized_bn128.FQ, p), optimized_bn128.FQ(1))


def _affine(p: Any) -> Pair:
    if optimized_bn128.is_inf(p):
        return INFINITY
    x, y = optimized_bn128.normalize(p)
    return int(x), int(y)


def add(p: Pair, q: Pair) -> Pair:
    return _affine(optimized_bn128.add(_projective(p), _projective(q)))


def multiply(p: Pair, scalar: int) -> Pair:
    return _affine(optimized_bn128.multiply(_projective(p), scalar))
