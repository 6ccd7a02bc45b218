"""Arithmetic on bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proving.stark.air import Expr
from proving.stark.air.graph import P

HALF = 16  #: bits of half a word
Half = tuple[Expr, Expr]  #: lower and upper half of a word


def xor(a: Expr, b: Expr) -> Expr:
    """The exclusive or of two bits."""
    return a + b - 2 * (a * b)


def flipped(bit: Expr, constant: int) -> Expr:
    """The exclusive or of a bit and a constant one."""
    return 1 - bit if constant else bit


def number(bits: Iterable[Expr]) -> Expr:
    """The number of bits, the lowest first."""
    first, *others = bits
    total = first
    for i, bit in enumerate(others, 1):
        total = total + bit * 2**i
    return total


def number_of_signs(signs: Sequence[Expr], scale: int = 1) -> Expr:
    """The number of bits, the lowest first, each given by `scale` if it is 0 and by -`scale` if it is 1."""
    half: int = pow(2 * scale, -1, P)
    total: Expr = (2 ** len(signs) - 1) * scale * half % P - signs[0] * half
    for i, sign in enumerate(signs[1:], 1):
        total = total - sign * (half * 2**i % P)
    return total


def halves(bits: Sequence[Expr]) -> list[Half]:
    """The words of bits, the lowest first, each by its halves."""
    found = [number(bits[i : i + HALF]) for i in range(0, len(bits), HALF)]
    return list(zip(found[::2], found[1::2], strict=True))
