"""The fold table: one row folds one opened row of a FRI layer and picks the value that the layer before must give.

A layer's row holds f at the points of a coset x <w>, w of order 8, in bit-reversed order (:mod:`proving.stark.fri`).
The row is entered at the position that three bits spell, whose point's inverse is given. So the inverse of the first
value's point is ``q = inverse prod_j (1 + bit_j (w_j - 1))`` with w_j of order 2^(j+1). Folding by 8 is folding by 2
three times, with ``beta q`` and its squares:

    fold(a, b) = (a + b + (a - b) twist beta q) / 2.

=========== ===========================================================================
column      meaning
=========== ===========================================================================
value       the eight values of the row
beta        the fold challenge
inverse     inverse of the entered point
bit         the position of the entered point, lowest bit first
ratio       beta q
square      its square
fourth      its fourth power
picked      the value at the position
folded      the folded value
=========== ===========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

from proving.field.goldilocks import PRIME, root_of_unity
from proving.recursion.tables import WIRE, Fixed, multiply
from proving.stark.air import Expr, Table, TableBuilder
from proving.stark.twiddles import inverse_twiddles

#: log2 of the values of a row.
LOG_ARITY = 3
ARITY = 1 << LOG_ARITY
EXTENSION = 3
#: Preprocessed columns. Values and bits stand in neighbouring wires, of which the first is named.
COLUMNS = (
    "used", "values", "bits", "beta address", "inverse address",
    "picked address", "picked count", "folded address", "folded count",
)  # fmt: skip
_HALF = pow(2, -1, PRIME)

Element = Sequence[Expr]


class Fold(Table):
    """One opened row of a FRI layer in each row."""

    name = "fold"

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        values = [t.main_array(f"value{i}", EXTENSION) for i in range(ARITY)]
        beta, inverse, bits = t.main_array("beta", EXTENSION), t.main("inverse"), t.main_array("bit", LOG_ARITY)
        ratio, square, fourth = (t.main_array(name, EXTENSION) for name in ("ratio", "square", "fourth"))
        picked, folded = t.main_array("picked", EXTENSION), t.main_array("folded", EXTENSION)
        at = {name: t.preprocessed(name, self._fixed[name]) for name in COLUMNS}

        for i, value in enumerate(values):
            t.receive(WIRE, [at["values"] + i, *value, 0], at["used"], f"value {i}")
        for i, bit in enumerate(bits):
            t.receive(WIRE, [at["bits"] + i, bit, 0, 0, 0], at["used"], f"bit {i}")
        t.receive(WIRE, [at["beta address"], *beta, 0], at["used"], "challenge")
        t.receive(WIRE, [at["inverse address"], inverse, 0, 0, 0], at["used"], "inverse")
        t.send(WIRE, [at["picked address"], *picked, 0], at["picked count"], "picked")
        t.send(WIRE, [at["folded address"], *folded, 0], at["folded count"], "folded")

        first: Expr = inverse
        for position, bit in enumerate(bits):
            first = first * (1 + bit * (root_of_unity(position + 1) - 1))
        _require(t, "ratio", ratio, [first * part for part in beta])
        _require(t, "square of the ratio", square, multiply(ratio, ratio))
        _require(t, "fourth power of the ratio", fourth, multiply(square, square))

        left: list[Element] = list(values)
        for step, power in zip(range(LOG_ARITY, 0, -1), (ratio, square, fourth), strict=True):
            twists = [int(twist) for twist in inverse_twiddles(step)]
            left = [_fold(left[2 * i], left[2 * i + 1], power, twist) for i, twist in enumerate(twists)]
        _require(t, "folded", folded, left[0])

        chosen: list[Element] = list(values)
        for bit in bits:
            pairs = zip(chosen[::2], chosen[1::2], strict=True)
            chosen = [[a + bit * (b - a) for a, b in zip(even, odd, strict=True)] for even, odd in pairs]
        _require(t, "picked", picked, chosen[0])

        for column in (*(part for value in values for part in value), *beta, inverse, *bits):
            t.free(column, when=1 - at["used"], reason="the row is not used")


def _fold(even: Element, odd: Element, power: Element, twist: int) -> list[Expr]:
    slope = multiply([a - b for a, b in zip(even, odd, strict=True)], power)
    return [_HALF * (a + b + twist * c) for a, b, c in zip(even, odd, slope, strict=True)]


def _require(t: TableBuilder, name: str, cells: Element, expected: Element) -> None:
    for i, (cell, value) in enumerate(zip(cells, expected, strict=True)):
        t.equal(f"{name} {i}", cell, value)
