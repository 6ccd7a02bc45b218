"""The compression of Blake2s, 22 rows: the inputs, two rows for each of ten rounds, and the result.

A row mixes four quarters of the state side by side, the columns and then the diagonals. A quarter (a, b, c, d) with the
message words x and y becomes, modulo 2^32,

* a' = a + b + x, d' = (d ^ a') >>> 16, c' = c + d', b' = (b ^ c') >>> 12;
* a'' = a' + b' + y, d'' = (d' ^ a'') >>> 8, c'' = c' + d'', b'' = (b' ^ c'') >>> 7.

Bits of b, d and of the four sums give all of it, in degree 3. Sums have carries of 0..2 and of 0..1; numbers are below
2^34, so none wraps modulo p. The first row holds the bits of the chaining value and of the block instead, the last one
those of the final state and again of the chaining value, for the exclusive or of three.

================= =====================================================================
column            meaning
================= =====================================================================
step .. position  see `gadgets.steps`
b, d              bits of four words each
sum_a .. next_c   bits of a', c', a'', c''; on the last row a, c and the chaining value
a, c              entering words
start, message    words of the chaining value and of the block, the same on all rows
carry_sum_a ..    carries of the sums
================= =====================================================================

Words in the chain: the chaining value's eight, the block's sixteen, the counter's two and the two that mark the last
block, then the new chaining value's eight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proving.circuits.basic import BasicCircuit
from proving.circuits.chain import elements, put
from proving.circuits.gadgets.bits import flipped, halves, number, xor
from proving.circuits.gadgets.steps import Steps
from proving.circuits.requests import Layout, RequestType
from proving.stark.air import Column, Expr, Table, TableBuilder

ROUNDS = 10
ROWS = 2 + 2 * ROUNDS
QUARTERS = 4
BITS = 32
STATE = 8
MESSAGE = 16
#: RFC 7693: the square roots' fractional parts of the first eight primes, as in SHA-256.
INITIAL = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
#: The order of message words in each round (RFC 7693, section 2.7).
SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
SUMS = ("sum_a", "sum_c", "next_a", "next_c")
#: The largest carry of each sum.
LARGEST_CARRY = {"sum_a": 2, "sum_c": 1, "next_a": 2, "next_c": 1}

Word = Sequence[Expr]  #: bits, the lowest first


def message_word(row: int, quarter: int, second: int) -> int:
    """The message word that a quarter adds first or second on a row of rounds, 1 to 20."""
    turn, diagonal = divmod(row - 1, 2)
    return SIGMA[turn][8 * diagonal + 2 * quarter + second]


def _mixed(one: Word, other: Word, amount: int) -> list[Expr]:
    """The exclusive or of two words, rotated to the right."""
    return [xor(one[(z + amount) % BITS], other[(z + amount) % BITS]) for z in range(BITS)]


def _next(word: Sequence[Column]) -> list[Expr]:
    return [bit.next for bit in word]


class Blake2sTable(Table):
    """22 rows for each request."""

    name = "blake2s"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        steps = Steps(t, ROWS)
        words = {name: [t.main_array(f"{name}{j}", BITS) for j in range(QUARTERS)] for name in ("b", "d", *SUMS)}
        a, c = t.main_array("a", QUARTERS), t.main_array("c", QUARTERS)
        start, message = t.main_array("start", STATE), t.main_array("message", MESSAGE)
        carries = {name: t.main_array(f"carry_{name}", QUARTERS) for name in SUMS}
        step = steps.step

        # Buses
        given: list[Sequence[Column]] = [word for group in words.values() for word in group]
        tweak: list[Word] = [
            [flipped(bit, INITIAL[QUARTERS + j] >> z & 1) for z, bit in enumerate(_next(words["d"][j]))]
            for j in range(QUARTERS)
        ]
        put(t, steps.asks, "inputs", steps.position, elements([halves(word)[0] for word in [*given, *tweak]]))
        low = [(words["next_a"][j], words["sum_a"][j], words["sum_c"][j]) for j in range(QUARTERS)]
        high = [(words["next_c"][j], words["b"][j], words["d"][j]) for j in range(QUARTERS)]
        result = [[xor(xor(x, y), z) for x, y, z in zip(*three, strict=True)] for three in (*low, *high)]
        output = elements([halves(word)[0] for word in result])
        put(t, steps.answers, "output", steps.position + BLAKE2S.layout.input_blocks, output)

        # Constraints
        steps.constrain(t, [*start, *message])
        for bit in (bit for word in given for bit in word):
            t.boolean(bit)
        for name, columns in carries.items():
            for carry in columns:
                product = carry * (carry - 1)
                t.zero(f"{carry.name} is a carry", product * (carry - 2) if LARGEST_CARRY[name] == 2 else product)
        for i, column in enumerate((*start, *message)):
            t.when(step[0]).equal(f"input word {i}", column, number(given[i]))
        self._mix(t, step, words, (a, c), message, carries)
        for j in range(QUARTERS):
            t.when(step[1]).equal(f"a{j} at first", a[j], start[j])
            t.when(step[1]).equal(f"b{j} at first", number(words["b"][j]), start[QUARTERS + j])
            t.when(step[1]).equal(f"c{j} at first", c[j], INITIAL[j])
            last = (("sum_a", a[j]), ("sum_c", c[j]), ("next_a", start[j]), ("next_c", start[QUARTERS + j]))
            for name, value in last:
                t.when(step[-1]).equal(f"{name}{j} at last", number(words[name][j]), value)

        asked = "what is asked is the chain's business; the answer follows from it"
        for column in (steps.position, *start, *message, *(bit for word in given for bit in word)):
            t.chosen(column, when=steps.asks, reason=asked)
        outside = step[0] + step[-1]
        for column in (column for columns in carries.values() for column in columns):
            t.free(column, when=outside, reason="nothing is added")
        for column in (*a, *c):
            t.free(column, when=step[0], reason="no state yet")

    def _mix(
        self,
        t: TableBuilder,
        step: Sequence[Column],
        words: Mapping[str, Sequence[Sequence[Column]]],
        entering: tuple[Sequence[Column], Sequence[Column]],
        message: Sequence[Column],
        carries: Mapping[str, Sequence[Column]],
    ) -> None:
        """The quarters of a row, and the state that enters the next row."""
        a, c = entering
        columns, diagonals = (sum(step[first : ROWS - 1 : 2], start=t.constant(0)) for first in (1, 2))
        rounds = columns + diagonals
        left: dict[str, list[Expr]] = {"b": [], "d": []}
        for j in range(QUARTERS):
            b, d, sum_a, sum_c, next_a, next_c = (words[name][j] for name in words)
            total = {name: number(words[name][j]) + carries[name][j] * 2**BITS for name in SUMS}
            x, y = (
                sum((step[r] * message[message_word(r, j, k)] for r in range(1, ROWS - 1)), start=t.constant(0))
                for k in range(2)
            )
            d1, b1 = _mixed(d, sum_a, 16), _mixed(b, sum_c, 12)
            d2, b2 = _mixed(d1, next_a, 8), _mixed(b1, next_c, 7)
            t.equal(f"sum_a{j}", rounds * (total["sum_a"] - a[j] - number(b)), x)
            t.when(rounds).equal(f"sum_c{j}", total["sum_c"], c[j] + number(d1))
            t.equal(f"next_a{j}", rounds * (total["next_a"] - number(sum_a) - number(b1)), y)
            t.when(rounds).equal(f"next_c{j}", total["next_c"], number(sum_c) + number(d2))
            left["b"].append(number(b2))
            left["d"].append(number(d2))
        going = t.when(t.transition)
        for j in range(QUARTERS):
            across, before, behind = (j + 2) % QUARTERS, (j - 1) % QUARTERS, (j + 1) % QUARTERS
            going.when(rounds).equal(f"a{j} goes on", a[j].next, number(words["next_a"][j]))
            going.when(rounds).equal(f"c{j} goes on", c[j].next, number(words["next_c"][across]))
            for name, one, other in (("b", behind, before), ("d", before, behind)):
                going.equal(
                    f"{name}{j} goes on",
                    rounds * number(_next(words[name][j])),
                    columns * left[name][one] + diagonals * left[name][other],
                )


class Blake2s(BasicCircuit):
    """The circuit of Blake2s's compression."""

    kind = RequestType.BLAKE2S
    name = "blake2s"
    rows = ROWS
    layout = Layout(input_words=28, output_words=8)
    shapes = tuple({"blake2s": size, "chain": size + 1} for size in (8, 12, 15))

    def tables(self) -> list[Table]:
        """The tables beside the chain."""
        return [Blake2sTable()]


BLAKE2S = Blake2s()
