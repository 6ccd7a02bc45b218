"""The compression of SHA-256, eighteen rows: the state, sixteen rows of four rounds, and the result.

The row of rounds t .. t + 3 holds the bits of the new a, of the new e and of the message word w of each; the other
variables of a round are a and e of the four rounds before, which stand on this row and the one before. Modulo 2^32,

* e = d + h + S1(e') + choice + K + w, with a carry of 0..5: `carry_low` in 0..2 and three times the bit `carry_high`;
* a = e - d + S0(a') + majority, with a carry of -1..2;
* w[t] = s1(w[t - 2]) + w[t - 7] + s0(w[t - 15]) + w[t - 16], with a carry of 0..3.

The last two terms of w[t] are added on the row behind w[t - 16] (`early`), wait for a row (`middle`), and get the
second on the row before w[t] (`late`). On the last row a and e are the result's words, the carries those of its
additions. Numbers are below 2^36 throughout, so no sum wraps modulo p.

================= =====================================================================
column            meaning
================= =====================================================================
step .. position  see `gadgets.steps`
a, e, w           bits of four words each, of the earliest round first; the first row has
                  the state's a, e and those of the rounds before, and no w
start             the state's words, the same on all rows
element           elements of the block's words 4 to 15, the same on all rows
early, middle, late  parts of message words
carry_low, carry_high, carry_a, carry_w  carries
================= =====================================================================

Words in the chain: the state's eight and the block's sixteen, then the new state's eight. A word's number is that of
its four bytes read with the highest one first, as SHA-256 has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from proving.circuits.basic import BasicCircuit
from proving.circuits.chain import elements, put
from proving.circuits.gadgets.bits import halves, number, xor
from proving.circuits.gadgets.steps import Steps
from proving.circuits.requests import Layout, RequestType
from proving.stark.air import Column, Expr, Table, TableBuilder

ROUNDS = 64
LANES = 4  #: rounds in a row
ROWS = 2 + ROUNDS // LANES
BITS = 32
STATE = 8
FIRST_COMPUTED = 5  #: the first row whose message words are computed

Word = Sequence[Expr]  #: bits, the lowest first


@cache
def round_constants() -> tuple[int, ...]:
    """The first 32 bits of the fractional parts of the cube roots of the first 64 primes."""
    primes = [n for n in range(2, 312) if all(n % factor for factor in range(2, n))]
    return tuple(_cube_root(prime << 96) % 2**32 for prime in primes)


def _cube_root(value: int) -> int:
    root = 0
    for bit in reversed(range(value.bit_length() // 3 + 1)):
        if (root | 1 << bit) ** 3 <= value:
            root |= 1 << bit
    return root


def _rotated(word: Word, *amounts: int, shift: int | None = None) -> Expr:
    """The exclusive or of rotations to the right, and of one shift if given, as a number."""
    bits = []
    for z in range(BITS):
        terms = [word[(z + amount) % BITS] for amount in amounts]
        if shift is not None and z + shift < BITS:
            terms.append(word[z + shift])
        total = terms[0]
        for term in terms[1:]:
            total = xor(total, term)
        bits.append(total)
    return number(bits)


def _choice(e: Word, f: Word, g: Word) -> Expr:
    return number([z + x * (y - z) for x, y, z in zip(e, f, g, strict=True)])


def _majority(a: Word, b: Word, c: Word) -> Expr:
    return number([x * y + z * (x + y - 2 * (x * y)) for x, y, z in zip(a, b, c, strict=True)])


def _small0(w: Word) -> Expr:
    return _rotated(w, 7, 18, shift=3)


def _among(t: TableBuilder, column: Column, values: Sequence[int]) -> None:
    """The column holds one of the values."""
    product = column - values[0]
    for value in values[1:]:
        product = product * (column - value)
    t.zero(f"{column.name} is a carry", product)


class Sha256Table(Table):
    """Eighteen rows for each request."""

    name = "sha256"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        steps = Steps(t, ROWS)
        a, e, w = ([t.main_array(f"{name}{j}", BITS) for j in range(LANES)] for name in "aew")
        start, element = t.main_array("start", STATE), t.main_array("element", 8)
        early, middle, late = (t.main_array(name, LANES) for name in ("early", "middle", "late"))
        carry_low, carry_high = t.main_array("carry_low", LANES), t.main_array("carry_high", LANES)
        carry_a, carry_w = t.main_array("carry_a", LANES), t.main_array("carry_w", LANES)
        step = steps.step

        # Buses
        state = [halves(word)[0] for word in (*a[::-1], *e[::-1])]
        first = [halves(_next(word))[0] for word in w]
        put(t, steps.asks, "inputs", steps.position, [*elements([*state, *first]), *element])
        put(t, steps.answers, "output", steps.position + SHA256.layout.input_blocks, elements(state))

        # Constraints
        steps.constrain(t, [*start, *element])
        for bit in (bit for words in (a, e, w) for word in words for bit in word):
            t.boolean(bit)
        for j in range(LANES):
            _among(t, carry_low[j], (0, 1, 2))
            _among(t, carry_high[j], (0, 1))
            _among(t, carry_a[j], (-1, 0, 1, 2))
            _among(t, carry_w[j], (0, 1, 2, 3))
        self._rounds(t, step, (a, e, w), (carry_low, carry_high, carry_a))

        within, computed = t.transition, sum(step[FIRST_COMPUTED - 1 : ROWS - 2], start=t.constant(0))
        for j in range(LANES):
            behind = w[j + 1] if j + 1 < LANES else _next(w[0])
            two_before = w[j + 2] if j < 2 else _next(w[j - 2])
            t.when(steps.going).equal(f"early part {j}", early[j].next, number(w[j]) + _small0(behind))
            t.when(steps.going).equal(f"middle part {j}", middle[j].next, early[j])
            t.when(steps.going).equal(f"late part {j}", late[j].next, middle[j] + number(behind))
            t.when(within).when(computed).equal(
                f"message word {j}",
                number(_next(w[j])) + carry_w[j].next * 2**BITS,
                late[j] + _rotated(two_before, 17, 19, shift=10),
            )
        for i in range(STATE):
            words, carry = (a, carry_low) if i < LANES else (e, carry_high)
            word = words[LANES - 1 - i % LANES]
            t.when(step[0]).equal(f"word {i} of the state", start[i], number(word))
            t.when(within).when(step[-2]).equal(
                f"word {i} of the result",
                number(_next(word)) + carry[i % LANES].next * 2**BITS,
                number(word) + start[i],
            )
        self._elements(t, step, w, element)

        asked = "what is asked is the chain's business; the answer follows from it"
        for column in (steps.position, *start, *element, *(bit for words in (a, e) for word in words for bit in word)):
            t.chosen(column, when=steps.asks, reason=asked)
        for column in element:
            t.free(column, when=1 - steps.real, reason="no request")
        rounds = sum(step[1:-1], start=t.constant(0))
        for j in range(LANES):
            t.free(carry_low[j], when=step[0], reason="nothing is added on the first row")
            t.free(carry_high[j], when=step[0], reason="nothing is added on the first row")
            t.free(carry_a[j], when=1 - rounds, reason="no round")
            t.free(carry_w[j], when=1 - sum(step[FIRST_COMPUTED:-1], start=t.constant(0)), reason="no word is computed")
            t.free(late[j], when=step[0], reason="the message begins behind this row")

    def _rounds(
        self,
        t: TableBuilder,
        step: Sequence[Column],
        words: tuple[Sequence[Sequence[Column]], ...],
        carries: tuple[Sequence[Column], ...],
    ) -> None:
        """Four rounds on the next row."""
        a, e, w = ([*word, *(_next(bits) for bits in word)] for word in words)
        low, high, over = carries
        row = sum(step[: ROWS - 2], start=t.constant(0))
        for j in range(LANES):
            now = LANES + j
            constant = t.constant(0)
            for flag, value in zip(step, round_constants()[j::LANES], strict=False):
                constant = constant + flag * value
            d, new_a, new_e = number(a[now - 4]), number(a[now]), number(e[now])
            added = d + number(e[now - 4]) + _rotated(e[now - 1], 6, 11, 25) + number(w[now])
            added = added + _choice(e[now - 1], e[now - 2], e[now - 3])
            carry = low[j].next + 3 * high[j].next
            t.when(t.transition).equal(f"e of round {j}", row * (new_e + carry * 2**BITS - added), constant)
            added = new_e - d + _rotated(a[now - 1], 2, 13, 22) + _majority(a[now - 1], a[now - 2], a[now - 3])
            t.when(t.transition).when(row).equal(f"a of round {j}", new_a + over[j].next * 2**BITS, added)

    def _elements(
        self, t: TableBuilder, step: Sequence[Column], w: Sequence[Sequence[Column]], element: Sequence[Column]
    ) -> None:
        """Words 4 to 15 of the block, of which each group of three stands on a row or on two."""
        for group in range(4):
            row = 2 + 3 * group // LANES
            words = [*w, *(_next(word) for word in w)][3 * group % LANES :][:3]
            for side, found in enumerate(elements([halves(word)[0] for word in words])):
                i = 2 * group + side
                t.when(t.transition).when(step[row]).equal(f"element {i}", element[i], found)


def _next(word: Sequence[Column]) -> list[Expr]:
    return [bit.next for bit in word]


class Sha256(BasicCircuit):
    """The circuit of SHA-256's compression."""

    kind = RequestType.SHA256
    name = "sha256"
    rows = ROWS
    layout = Layout(input_words=24, output_words=8)
    shapes = tuple({"sha256": size, "chain": size + 1} for size in (8, 12, 15))

    def tables(self) -> list[Table]:
        """The tables beside the chain."""
        return [Sha256Table()]


SHA256 = Sha256()
