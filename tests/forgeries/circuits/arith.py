"""Rows of the arith256 table that lie: everything follows from the numbers that a forger chose, but for one rule."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain

from proving.circuits.arith256 import ARITH256, CARRY_BITS, GROUP, LIMBS, PLACES
from proving.circuits.requests import empty_chain
from proving.stark.air.fuzzer import Fuzzer, Mutation, Rule
from proving.stark.air.graph import P
from tests.proving.circuits.numbers import SECP256K1, inputs, requests

TABLE = "arith256"
HALF = pow(2, -1, P)
SIGNS = (1, -1)
Cells = dict[str, int]  #: by column name


def limbs(number: int, count: int = LIMBS) -> list[int]:
    """Limbs of a number; whatever is beyond them, a sign too, stays in the highest one."""
    return [number >> 16 * i & 0xFFFF for i in range(count - 1)] + [number >> 16 * (count - 1)]


def signed(value: int) -> int:
    """The representative of a field element with the smallest absolute value."""
    value %= P
    return value - P if value > P // 2 else value


@dataclass(frozen=True)
class Row:
    """One row; numbers are lists of limbs, which may be any field elements.

    `rest`, `over` and the carries follow from the others unless they are given.
    """

    a: list[int]
    b: list[int]
    c: list[int]
    m: list[int]
    q: list[int]
    r: list[int]
    wraps: int = 0
    real: int = 1
    rest: list[int] | None = None
    over: list[int] | None = None
    shift: tuple[int, int] | None = None

    @classmethod
    def of(cls, a: int, b: int, c: int, m: int, *, more: int = 0, wraps: int | None = None) -> Row:
        """The row of a request whose quotient is greater by `more` than it should be."""
        wraps = int(m == 0) if wraps is None else wraps
        modulus = m + (wraps << 256)
        q, r = divmod(a * b + c, modulus)
        q, r = q + more, r - more * modulus
        return cls(limbs(a), limbs(b), limbs(c), limbs(m), limbs(q, 2 * LIMBS), limbs(r), wraps)

    def bump(self, name: str, i: int, low: int = 2**16, high: int = -1) -> Row:
        """Move a part of limb i + 1 into limb i, so that the number stays the same."""
        moved = list(getattr(self, name) or self.followed())
        moved[i] += low
        moved[i + 1] += high
        return replace(self, **{name: moved})

    def followed(self) -> list[int]:
        """Limbs of `rest` = M - real - r."""
        value = sum((m - r) << 16 * i for i, (m, r) in enumerate(zip(self.m, self.r, strict=True)))
        return limbs(value + (signed(self.wraps) << 256) - self.real)

    def cells(self) -> Cells:
        """All cells but the position, by column name."""
        rest = self.rest or self.followed()
        over = self.over or self._over(rest)
        found = {"real": self.real, "wraps": self.wraps}
        numbers = {"a": self.a, "b": self.b, "c": self.c, "m": self.m, "r": self.r, "rest": rest, "q": self.q}
        numbers |= {"over": over}
        for place, carry in enumerate(self._carries()):
            low, high = carry & 0xFFFF, carry >> 16
            if self.shift is not None and self.shift[0] == place:
                low, high = low + self.shift[1], high - self.shift[1] * pow(2**16, -1, P)
            found |= {f"carry_low[{place}]": low, f"carry_high[{place}]": high}
        found |= {f"{name}[{i}]": limb for name, number in numbers.items() for i, limb in enumerate(number)}
        return {name: value % P for name, value in found.items()}

    def _over(self, rest: Sequence[int]) -> list[int]:
        carry, found = self.real, []
        for first in range(0, LIMBS - 1, GROUP):
            total = sum((self.r[k] + rest[k] - self.m[k]) << 16 * (k - first) for k in range(first, first + GROUP))
            carry = signed((carry + total) * pow(2 ** (16 * GROUP), -1, P))
            found.append(carry)
        return found

    def _carries(self) -> Iterator[int]:
        carry = 0
        for place in range(PLACES - 1):
            total = carry
            for half in (0, 1):
                k = 2 * place + half
                terms = _place(self.a, self.b, k) - _place(self.q, self.m, k)
                terms += self.c[k] - self.r[k] if k < LIMBS else -self.wraps * self.q[k - LIMBS]
                total += terms << 16 * half
            carry = total * pow(2**32, -1, P) % P
            yield (carry + self.real * 2 ** (CARRY_BITS - 1)) % P


def _place(x: Sequence[int], y: Sequence[int], place: int) -> int:
    return sum(x[place - j] * limb for j, limb in enumerate(y) if 0 <= place - j < len(x))


def forge(row: Row, **changes: int) -> Cells:
    """The row's cells with numbers added to some, which nothing follows."""
    cells = row.cells()
    return cells | {name: (cells[name] + change) % P for name, change in changes.items()}


def wide_over(row: Row, group: int) -> Row:
    """A carry of -2^16 out of a group of three limbs, which is worth 1 - 2^32 modulo p there."""
    carry, rest, over = row.real, [], []
    for i, first in enumerate(range(0, LIMBS, GROUP)):
        places = range(first, min(first + GROUP, LIMBS))
        needed = sum((row.m[k] - row.r[k]) << 16 * (k - first) for k in places) - carry
        modulus = 2 ** (16 * len(places))
        if i == group:
            needed, carry = needed - 2**32 + 1, -(2**16)
        else:
            carry = int(not 0 <= needed < modulus)
            needed += carry * modulus
        rest += limbs(needed, len(places))
        over.append(carry)
    return replace(row, rest=rest, over=over[:-1])


class Bench:
    """Honest traces and a fuzzer around them."""

    @cached_property
    def fuzzer(self) -> Fuzzer:
        """A fuzzer around traces of edge cases."""
        traces, publics = ARITH256.expand(empty_chain(ARITH256.kind), inputs(requests(30)))
        return Fuzzer(ARITH256.circuit, traces, publics, rows_per_table=8)

    def rules(self, cells: Cells) -> set[Rule]:
        """The rules that notice a row, whatever the chain says."""
        names = ARITH256.circuit.table(TABLE).main_names
        edits = tuple(((3, names.index(name)), value) for name, value in cells.items())
        return set(self.fuzzer.judge(Mutation(TABLE, edits)).local)


BENCH = Bench()


def _ordinary() -> Iterator[Row]:
    """Rows of random requests, with moduli of all sizes."""
    rng = random.Random(5)
    for _ in range(60):
        yield Row.of(*(rng.getrandbits(256) for _ in range(3)), rng.getrandbits(rng.randrange(2, 256)) | 1)


def ordinary(change: Callable[[Row], Row]) -> Iterator[Cells]:
    """The change made to rows of random requests."""
    return (change(row).cells() for row in _ordinary())


def cases() -> Iterator[tuple[Rule, Iterator[Cells]]]:
    """A rule, and rows of which at least one is noticed by it alone."""

    def lookup(name: str, rows: Iterator[Cells]) -> tuple[Rule, Iterator[Cells]]:
        return Rule(TABLE, "interaction", name), rows

    def constraint(name: str, rows: Iterator[Cells]) -> tuple[Rule, Iterator[Cells]]:
        return Rule(TABLE, "constraint", name), rows

    for name, count in (*((name, LIMBS) for name in ("a", "b", "c", "m", "r", "rest")), ("q", 2 * LIMBS)):
        for i in range(count - 1):
            yield lookup(f"{name}[{i}]", ordinary(partial(Row.bump, name=name, i=i)))
    beyond = 2**256 + 12345
    yield lookup("a[15]", iter([Row.of(beyond, 3, 7, SECP256K1).cells()]))
    yield lookup("b[15]", iter([Row.of(3, beyond, 7, SECP256K1).cells()]))
    yield lookup("c[15]", iter([Row.of(3, 5, beyond, SECP256K1).cells()]))
    yield lookup("m[15]", iter([Row.of(2**255, 2, 2**256 - 1, beyond).cells()]))
    # r less m, which is negative; r plus m; the highest limb of q a half, which an even modulus makes whole.
    yield lookup("r[15]", iter([Row.of(3, 5, 7, 2**200, more=1).cells()]))
    yield lookup("rest[15]", iter([Row.of(3, 5, 2**255, 1000, more=-1).cells()]))
    even = Row.of(2**256 - 1, 2**256 - 1, 2**256 - 1, 2)
    yield lookup("q[31]", iter([even.bump("q", 30, -(2**15), HALF).cells()]))
    for place in range(PLACES - 1):
        yield lookup(f"carry_low[{place}]", ordinary(partial(replace, shift=(place, 2**16))))
        halves = (ordinary(partial(replace, shift=(place, sign * 2**15))) for sign in SIGNS)
        yield lookup(f"carry_high[{place}]", chain(*halves))
    for place in range(PLACES):
        # A modulus of one limb, and a limb of q that meets it at this place only.
        limb = max(0, 2 * place - 2 * LIMBS + 1)
        row = Row.of(2**255 + 3, 2**255 + 5, 7, 5 << 16 * limb)
        rows = [forge(row, **{f"q[{2 * place - limb}]": sign}) for sign in SIGNS]
        yield constraint(f"a b + c = q m + r, place {place}", iter(rows))
    for group in range(LIMBS // GROUP + 1):
        row = Row.of(2**255 + 3, 2**255 + 5, 7, SECP256K1)
        rest = f"rest[{GROUP * group}]"
        yield constraint(f"r is below m, group {group}", iter([forge(row, **{rest: sign}) for sign in SIGNS]))
    for group in range(LIMBS // GROUP):
        above = (Row.of(2**255 + 3, 2**255 + 5 + i, 7, SECP256K1 >> 1, more=-1) for i in range(50))
        wide = map(partial(wide_over, group=group), (*_ordinary(), *above))
        yield constraint(f"over[{group}] is boolean", map(Row.cells, wide))
    # m + 2^256 in place of m; 2^240 in place of 2^256: a quotient of 2^16 has its only limb at an odd place.
    yield constraint("only m = 0 stands for 2^256", iter([Row.of(2**200, 2**100, 5, 77, wraps=1).cells()]))
    part = Row(limbs(2**200), limbs(2**56), limbs(9), limbs(0), limbs(2**16, 2 * LIMBS), limbs(9))
    part = replace(part, wraps=pow(2**16, -1, P), rest=limbs(2**240 - 10))
    yield constraint("wraps is boolean", iter([part.cells()]))
    # 2^21 real is 2^21 - 1 modulo p, so that the carries' offset is hardly another one.
    yield constraint("real is boolean", ordinary(partial(replace, real=2**43 - 2**11 + 1)))
