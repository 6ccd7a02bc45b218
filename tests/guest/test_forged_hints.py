"""Hints of a forger who goes on from a false step as if it were true, so that no later check notices.

Random changes do not show that a check is needed: a point off the curve fails at the next slope, which is still the
honest one. Here every later slope fits what the false step left, and only the check at hand can refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.guest.native import Host

P = 2**256 - 2**32 - 977
#: SEC 2, version 2, section 2.4.1
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
#: A cube root of 1: beta x is the x of lambda times a point.
BETA = 0x7AE96A2B657C07106E64479EAC3434E99CF0497512F58995C1396C28719501EE
TABLE_R = 8
#: A slope of no line here.
FALSE = 0x1234567

Point = tuple[int, int]


def over(a: int, b: int) -> int:
    return a * pow(b, -1, P) % P


def plus(p: Point, q: Point) -> Point:
    """The sum on the curve; neither is infinity, nor their sum."""
    slope = over(3 * p[0] ** 2, 2 * p[1]) if p == q else over(q[1] - p[1], q[0] - p[0])
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def times(k: int, p: Point) -> Point:
    found = None
    for bit in bin(k)[2:]:
        found = found and plus(found, found)
        if bit == "1":
            found = plus(found, p) if found else p
    assert found is not None
    return found


@dataclass
class Forger:
    """Walks as `recover_hinted.c` does and writes the hints; one step of a kind gets a false slope.

    Attributes
    ----------
    kind
        Of the step: "first double", "table", "double", "add", "first of two", "second of two"; none when empty.
    number
        Which of its kind.
    negated
        The false slope is that of the line through the negative of the other point.
    """

    kind: str = ""
    number: int = 0
    negated: bool = False
    slopes: list[int] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def slope(self, kind: str, true: Callable[[], int], false: int = FALSE) -> int:
        number = self.seen[kind] = self.seen.get(kind, -1) + 1
        self.slopes.append(false if (kind, number) == (self.kind, self.number) else true())
        return self.slopes[-1]

    def third(self, p: Point, x: int, slope: int) -> Point:
        found = (slope * slope - p[0] - x) % P
        return found, ((found - p[0]) * slope + p[1]) % P

    def double(self, kind: str, p: Point) -> Point:
        return self.third(p, p[0], self.slope(kind, lambda: over(3 * p[0] ** 2, 2 * p[1])))

    def line(self, kind: str, p: Point, q: Point) -> int:
        """The slope of the line through two points."""
        other = over(-q[1] - p[1], q[0] - p[0]) if self.negated else FALSE
        return self.slope(kind, lambda: over(q[1] - p[1], q[0] - p[0]), other)

    def add(self, kind: str, p: Point, q: Point) -> Point:
        return self.third(p, q[0], self.line(kind, p, q))

    def double_and_add(self, p: Point, q: Point) -> Point:
        first = self.line("first of two", p, q)
        x = (first * first - p[0] - q[0]) % P
        return self.third(p, x, self.slope("second of two", lambda: (over(-2 * p[1], x - p[0]) - first) % P))

    def walk(self, digits: list[list[int]], base: Point) -> Point | None:
        """The point that the slopes lead to, as it is held: its y may be negated."""
        table = [base]
        twice = self.double("first double", base)
        for i in range(1, TABLE_R):
            table.append(self.add("table", table[-1], (twice[0], twice[1] if i % 2 == 0 else -twice[1] % P)))
        total, mirrored = None, 0
        for i in reversed(range(len(digits[0]))):
            doubled = total is None
            for j in range(4):
                digit = digits[j][i]
                if digit == 0:
                    continue
                index = abs(digit) >> 1
                x, y = times(2 * index + 1, G) if j < 2 else table[index]
                opposite = (digit < 0) ^ (j >= 2 and index & 1)
                q = (x * BETA % P if j % 2 else x, -y % P if mirrored ^ opposite else y)
                if total is None:
                    total, mirrored = (q[0], y), opposite
                    continue
                total = self.add("add", total, q) if doubled else self.double_and_add(total, q)
                doubled, mirrored = True, 1 - mirrored
            if total is not None and not doubled:
                total, mirrored = self.double("double", total), 1 - mirrored
        return total


def words(*numbers: int) -> bytes:
    return (1).to_bytes(4, "little") + b"".join(number.to_bytes(32, "little") for number in numbers)


R = times(0xBADC0FFEE, G)
SIGNATURE = (R[0] % N, 0x1F2E3D4C5B6A, 0xFEEDFACE << 100, R[1] & 1)


def told(host: Host, forger: Forger, *, base: Point = R, inverse: int | None = None) -> tuple[int, int] | None:
    """What the program makes of the forger's hints for the signature, with y of `base` and the inverse of r."""
    r, s, message, _ = SIGNATURE
    inverse = pow(r, -1, N) if inverse is None else inverse
    digits = host.digits(-message * inverse % N, s * inverse % N)
    forger.walk(digits, base)
    return host.recover_as_told(SIGNATURE, words(base[1], inverse, *forger.slopes))


def test_honest_hints_give_the_key(host: Host) -> None:
    forger = Forger()
    assert told(host, forger) == host.recover([SIGNATURE])[0] is not None
    assert {"first double", "table", "double", "add", "first of two", "second of two"} == set(forger.seen)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", ["first double", "table", "double", "add", "first of two", "second of two"])
def test_a_false_slope_is_refused_though_all_after_it_fit(host: Host, kind: str, number: int) -> None:
    forger = Forger(kind, number if kind != "first double" else 0)
    assert told(host, forger) is None
    assert forger.seen[kind] >= forger.number


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", ["table", "add", "first of two"])
def test_a_line_through_the_negative_of_a_point_is_refused(host: Host, kind: str, number: int) -> None:
    """Among the first ones are sums that are held mirrored and sums that are not, and digits of both signs."""
    assert told(host, Forger(kind, number, negated=True)) is None


@pytest.mark.parametrize("y", [-R[1] % P, R[1] ^ 2])
def test_another_y_is_refused_though_all_after_it_fits(host: Host, y: int) -> None:
    """Of the other parity, and off the curve."""
    assert told(host, Forger(), base=(R[0], y)) is None


def test_another_inverse_is_refused_though_all_after_it_fits(host: Host) -> None:
    assert told(host, Forger(), inverse=2 * pow(SIGNATURE[0], -1, N) % N) is None


def test_a_line_through_a_point_and_itself_is_refused(host: Host) -> None:
    """Any slope meets both: with R = G, G + R is a doubling, for which the program would take whatever it is told."""
    r = G[0]
    signature = (r, r, -r % N, G[1] & 1)
    assert host.digits(1, 1) == [[1] + [0] * 131, [0] * 132] * 2
    forger = Forger()
    table = [G]
    twice = forger.double("first double", G)
    for i in range(1, TABLE_R):
        table.append(forger.add("table", table[-1], (twice[0], twice[1] if i % 2 == 0 else -twice[1] % P)))
    assert host.recover([signature]) == [times(2, G)]
    hints = words(G[1], pow(r, -1, N), *forger.slopes, FALSE)
    assert host.recover_as_told(signature, hints) is None
