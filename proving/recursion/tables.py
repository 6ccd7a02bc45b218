"""The tables of a circuit that verifies proofs, but for the hash table (see `hash_table`).

All are joined by the bus of wires: a row reads (address, four elements) that another row writes. Which wires a row
reads and writes, and how often what it writes is read, is preprocessed; so is nothing of the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from proving.stark.air import Bus, Expr, Table, TableBuilder

U64 = npt.NDArray[np.uint64]
#: Preprocessed columns by name.
Fixed = Mapping[str, U64]

WIRE = Bus(0, 5, "wire", "wire")
CAP = Bus(1, 5, "lookup", "cap entry")

#: Operations in a row of the field table.
LANES = 3
#: Rows of one element in the bits table.
BITS = 64
_HALF = BITS // 2


def multiply(a: Sequence[Expr], b: Sequence[Expr]) -> list[Expr]:
    """Multiply extension elements modulo x^3 = x + 1."""
    c = [sum((a[i] * b[k - i] for i in range(3) if 0 <= k - i < 3), start=0 * a[0]) for k in range(5)]
    return [c[0] + c[3], c[1] + c[3] + c[4], c[2] + c[4]]


class Field(Table):
    """Operations on extension elements, `LANES` in a row: d = a b + c, or a d = 1; d may have to be zero."""

    name = "field"

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        for lane in range(LANES):
            a, b, c, d = (t.main_array(f"{name}{lane}", 3) for name in "abcd")
            address = {name: t.preprocessed(f"{name}{lane} address", self._fixed[f"{name}{lane}"]) for name in "abcd"}
            count, invert, zero = (
                t.preprocessed(f"{name}{lane}", self._fixed[f"{name}{lane}"]) for name in ("count", "invert", "zero")
            )
            for name, value in (("a", a), ("b", b), ("c", c)):
                t.receive(WIRE, [address[name], *value, 0], 1, f"{name}{lane}")
            t.send(WIRE, [address["d"], *d, 0], count, f"d{lane}")
            product, inverted = multiply(a, b), multiply(a, d)
            for i in range(3):
                t.zero(
                    f"operation {lane}.{i}",
                    (1 - invert) * (product[i] + c[i] - d[i]) + invert * (inverted[i] - int(i == 0)),
                )
                t.when(zero).zero(f"zero {lane}.{i}", d[i])


class Bits(Table):
    """The decomposition below p of a digest's first element, one bit a row, the highest first.

    =========== =====================================================================
    column      meaning
    =========== =====================================================================
    bit         the row's bit
    number      the bits so far as a number
    ones        1 if all of the upper 32 bits, as far as they are known, are 1
    element     the element, the same on all rows
    rest        on the first row, the digest's other elements
    =========== =====================================================================

    2^64 > v >= p = 2^64 - 2^32 + 1 holds for the v whose upper 32 bits are all 1 and whose lower ones are not all 0.
    """

    name = "bits"

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        bit, number, ones, element = (t.main(name) for name in ("bit", "number", "ones", "element"))
        rest = t.main_array("rest", 3)
        source, read = (t.preprocessed(name, self._fixed[name]) for name in ("source", "read"))
        address, count = (t.preprocessed(name, self._fixed[name]) for name in ("address", "count"))
        first, last = (t.periodic(name, [int(i == at) for i in range(BITS)]) for name, at in
                       (("highest", 0), ("lowest", BITS - 1)))  # fmt: skip
        upper = t.periodic("upper but one", [int(i < _HALF - 1) for i in range(BITS)])
        lower = t.periodic("lower", [int(i >= _HALF) for i in range(BITS)])
        t.boolean(bit)
        t.receive(WIRE, [source, element, *rest], read, "element")
        t.send(WIRE, [address, bit, 0, 0, 0], count, "bit")
        t.when(first).equal("the number begins with the highest bit", number, bit)
        t.when(first).equal("ones begin with the highest bit", ones, bit)
        t.when(1 - last).equal("number", number.next, 2 * number + bit.next)
        t.when(1 - last).equal("the element is the same on all rows", element.next, element)
        t.when(last).equal("the number is the element", number, element)
        t.when(upper).equal("ones, upper half", ones.next, ones * bit.next)
        t.when(1 - upper - last).equal("ones, lower half", ones.next, ones)
        t.when(lower).zero("the number is below p", ones * bit)
        for column in rest:
            t.free(column, when=1 - read, reason="read on an element's first row only")


class Caps(Table):
    """Entries of caps, each a digest under a number, and readings of them by base and index."""

    name = "caps"

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def build(self, t: TableBuilder) -> None:
        """Declare columns and buses."""
        digest, index, count = t.main_array("digest", 4), t.main("index"), t.main("count")
        source, place, used, reading, base = (
            t.preprocessed(name, self._fixed[name]) for name in ("source", "place", "used", "reading", "base")
        )
        t.receive(WIRE, [source, *digest], used, "digest")
        t.receive(WIRE, [place, index, 0, 0, 0], reading, "index")
        t.send(CAP, [base + index, *digest], reading, "reading")
        t.receive(CAP, [base, *digest], (used - reading) * count, "entry")
        t.free(count, when=1 - used + reading, reason="a reading is no entry")
        t.free(index, when=1 - reading, reason="an entry has its number in the key")
        for column in digest:
            t.free(column, when=1 - used, reason="the row is not used")


class Unpack(Table):
    """The four elements of a digest as wires of their own, with neighbouring addresses."""

    name = "unpack"

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def build(self, t: TableBuilder) -> None:
        """Declare columns and the bus."""
        digest = t.main_array("digest", 4)
        source, read, address = (t.preprocessed(name, self._fixed[name]) for name in ("source", "read", "address"))
        count = [t.preprocessed(f"count{i}", self._fixed[f"count{i}"]) for i in range(4)]
        t.receive(WIRE, [source, *digest], read, "digest")
        for i, element in enumerate(digest):
            t.send(WIRE, [address + i, element, 0, 0, 0], count[i], f"element {i}")
            t.free(element, when=1 - read, reason="the row is not used")


class Given(Table):
    """Constants and the public input, each a wire."""

    name = "given"

    def __init__(self, fixed: Fixed, publics: int) -> None:
        self._fixed = fixed
        self._publics = publics

    def build(self, t: TableBuilder) -> None:
        """Declare columns, the bus and the constraint."""
        value = t.main("value")
        address, count = (t.preprocessed(name, self._fixed[name]) for name in ("address", "count"))
        constant = [t.preprocessed(f"constant{i}", self._fixed[f"constant{i}"]) for i in range(4)]
        here = [t.preprocessed(f"public{i}", self._fixed[f"public{i}"]) for i in range(self._publics)]
        t.send(WIRE, [address, constant[0] + value, *constant[1:]], count, "given")
        expected = t.constant(0)
        for i, flag in enumerate(here):
            expected = expected + flag * t.public(i)
        t.equal("the public input, or nothing beside the constant", value, expected)
