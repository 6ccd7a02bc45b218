"""256-bit modular arithmetic: r = a b + c mod m, one row for each request.

m = 0 stands for 2^256, so that r is the lower half of a b + c; m = 1 gives r = 0. With M = m + 2^256 `wraps`:

* a b + c = q M + r over the integers, with q below 2^512. Numbers are limbs of 16 bits; the two sides are compared at
  24 places of 32 bits, each with a carry into the next in -2^21..2^21. A place's terms are below 2^53 and a carry times
  2^32 below 2^54, so nothing wraps modulo p.
* r + rest + 1 = M with rest below 2^256, which says that r < M. It is added up in groups of three limbs, whose carries
  are bits; the last one is `wraps`. So m = 0 needs `wraps`, and a constraint forbids it otherwise.

======================= =====================================================================
column                  meaning
======================= =====================================================================
real                    1 where there is a request; all other cells of padding are 0
position                of the request's first block in the chain
a, b, c, m, r, rest     16 limbs each, the lowest first
q                       32 limbs
wraps                   1 if m = 0
over                    carries of r + rest + 1
carry_low, carry_high   bits 0..15 and 16..21 of the carries between places, plus 2^21
======================= =====================================================================

Words in the chain: a, b, c and m, then r; each the lowest word first.
"""

from __future__ import annotations

from collections.abc import Sequence

from proving.circuits.basic import BasicCircuit
from proving.circuits.chain import elements, put
from proving.circuits.gadgets import range as range_table
from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import MAX_BITS, RangeTable, short
from proving.circuits.requests import Layout, RequestType
from proving.stark.air import Column, Expr, Table, TableBuilder

LIMBS = 16
#: Places of 32 bits at which the two sides are compared: q M has 768 bits.
PLACES = 24
#: Limbs that are added up together in r + rest + 1.
GROUP = 3
CARRY_BITS = 22


def _convolution(t: TableBuilder, x: Sequence[Expr], y: Sequence[Expr], place: int) -> Expr:
    """The sum of the products of limbs of x and y that stand at a place of x y."""
    total = t.constant(0)
    for j, limb in enumerate(y):
        if 0 <= place - j < len(x):
            total = total + x[place - j] * limb
    return total


def _halves(limbs: Sequence[Column]) -> list[tuple[Column, Column]]:
    return list(zip(limbs[::2], limbs[1::2], strict=True))


class ArithTable(Table):
    """One row for each request."""

    name = "arith256"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        real, position = t.main("real"), t.main("position")
        a, b, c, m, r, rest = (t.main_array(name, LIMBS) for name in ("a", "b", "c", "m", "r", "rest"))
        q, wraps = t.main_array("q", 2 * LIMBS), t.main("wraps")
        over = t.main_array("over", (LIMBS - 1) // GROUP)
        low, high = t.main_array("carry_low", PLACES - 1), t.main_array("carry_high", PLACES - 1)

        # Buses
        t.boolean(real)
        put(t, real, "inputs", position, elements([half for number in (a, b, c, m) for half in _halves(number)]))
        put(t, real, "output", position + ARITH256.layout.input_blocks, elements(_halves(r)))
        for limb in (*a, *b, *c, *m, *r, *rest, *q, *low):
            short(t, real, limb.name, limb)
        for upper in high:
            short(t, real, upper.name, upper, CARRY_BITS - MAX_BITS)

        # Constraints
        t.boolean(wraps)
        t.when(wraps).zero("only m = 0 stands for 2^256", sum(m[1:], start=m[0] + 0))
        for bit in over:
            t.boolean(bit)
        carry: Expr = real
        for i, first in enumerate(range(0, LIMBS, GROUP)):
            places = range(first, min(first + GROUP, LIMBS))
            total = carry
            for k in places:
                total = total + (r[k] + rest[k] - m[k]) * 2 ** (16 * (k - first))
            carry = over[i] if i < len(over) else wraps
            t.equal(f"r is below m, group {i}", total, carry * 2 ** (16 * len(places)))
        into: Expr = t.constant(0)
        for place in range(PLACES):
            total = into
            for half in (0, 1):
                k = 2 * place + half
                terms = _convolution(t, a, b, k) - _convolution(t, q, m, k)
                if k < LIMBS:
                    terms = terms + c[k] - r[k]
                else:
                    terms = terms - wraps * q[k - LIMBS]
                total = total + terms * 2 ** (16 * half)
            if place < PLACES - 1:
                into = low[place] + high[place] * 2**MAX_BITS - real * 2 ** (CARRY_BITS - 1)
                total = total - into * 2**32
            t.zero(f"a b + c = q m + r, place {place}", total)

        for column in (position, *a, *b, *c, *m):
            t.chosen(column, when=real, reason="what is asked is the chain's business; the answer follows from it")
        padding(t, real)


class Arith256(BasicCircuit):
    """The circuit of 256-bit modular arithmetic."""

    kind = RequestType.ARITH256
    name = "arith256"
    rows = 1
    layout = Layout(input_words=32, output_words=8)
    shapes = tuple(
        {"arith256": size, "range": range_table.HEIGHT.bit_length() - 1, "chain": size + 4} for size in (6, 9, 12, 15)
    )

    def tables(self) -> list[Table]:
        """The tables beside the chain."""
        return [ArithTable(), RangeTable()]


ARITH256 = Arith256()
