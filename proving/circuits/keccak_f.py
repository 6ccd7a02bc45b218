"""Keccak-f[1600], two rows for each of its 24 rounds.

A round's first row has the lower 32 bits of every lane, its second row the upper ones, each as a sign: 1 for a bit that
is 0 and -1 for one that is 1, so that an exclusive or is a product. Columns C are the parities of the state's columns,
and columns B the state after the first step (theta), B[x, y, z] = A[x, y, z] D[x, z] with
D[x, z] = C[x - 1, z] C[x + 1, z - 1].

* The words of the row's half are those of B D. What D has from the other half are C's five highest bits of it.
* The parity of B over y is that of A with five times D, so that B's is C D exactly if C is A's. It also makes
  B[x, 4, z] a sign when all the others are.
* The other steps (rho, pi, chi, iota) mix both halves, which the first row sees side by side. They have degree 4
  in B and the round's selector and give the words of the next round, which wait on the round's second row.

================= =====================================================================
column            meaning
================= =====================================================================
step .. position  a row for each half of a round, see `gadgets.steps`
word              the row's half of the state before the round, by lane x + 5 y
ahead             the words of the row behind this one
later             on a round's second row, the words of the row behind the next one
edge              by x, the highest bit of C on the round's other row
parity            C, 32 bits for each x, the lowest first
mixed             B, 32 bits for each lane
================= =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from itertools import chain
from operator import mul

from proving.circuits.basic import BasicCircuit
from proving.circuits.chain import elements, put
from proving.circuits.gadgets.bits import number_of_signs
from proving.circuits.gadgets.steps import Steps
from proving.circuits.requests import GROUP, Layout, RequestType
from proving.stark.air import Column, Expr, Operand, Table, TableBuilder
from proving.stark.air.graph import P

ROUNDS = 24
ROWS = 2 * ROUNDS
LANES = 25
BITS = 64
HALF = BITS // 2
LOW, HIGH = slice(HALF), slice(HALF, BITS)
#: Of a group of words on the chain, the one that is split, and the bits of its lower part.
SPLIT, LOWER_BITS = 1, 16


@cache
def round_constants() -> tuple[int, ...]:
    """The 24 constants of FIPS 202: bit 2^j - 1 of the constant of round i is output 7 i + j of a shift register."""
    register, constants = 1, []
    for _ in range(ROUNDS):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << (2**j - 1)
            register = register << 1 ^ (register >> 7) * 0x171
        constants.append(constant)
    return tuple(constants)


@cache
def rotations() -> tuple[int, ...]:
    """How far each lane is rotated to the left."""
    found, x, y = [0] * LANES, 1, 0
    for t in range(ROUNDS):
        found[x + 5 * y] = (t + 1) * (t + 2) // 2 % BITS
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(found)


def moved(lane: int, bit: int) -> tuple[int, int]:
    """Lane and bit that come to a place by rho and pi."""
    x, y = lane % 5, lane // 5
    source = (x + 3 * y) % 5 + 5 * x
    return source, (bit - rotations()[source]) % BITS


class KeccakTable(Table):
    """48 rows for each request."""

    name = "keccak_f"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        steps = Steps(t, ROWS, answer=-2)
        word, ahead, later = (t.main_array(name, LANES) for name in ("word", "ahead", "later"))
        edge, parity = t.main_array("edge", 5), [t.main_array(f"parity{x}", HALF) for x in range(5)]
        mixed = [t.main_array(f"mixed{lane}", HALF) for lane in range(LANES)]

        # Buses
        flips, before = _before(edge, parity, mixed)
        _, before_next = _before(_next(edge), [_next(bits) for bits in parity], [_next(bits) for bits in mixed])
        after = _after(mixed)
        put(t, steps.asks, "inputs", steps.position, _elements(word, before, ahead, before_next, scale=1))
        low, high = ([lane[part] for lane in after] for part in (LOW, HIGH))
        ended = _elements(_next(ahead), low, _next(later), high, scale=2)
        put(t, steps.answers, "outputs", steps.position + KECCAK_F.layout.input_blocks, ended)

        # Constraints
        steps.constrain(t)
        first, second = (sum(steps.step[i:-1:2], start=t.constant(0)) for i in (0, 1))
        for x in range(5):
            for z in range(HALF):
                _sign(t, parity[x][z])
                for y in range(4):
                    _sign(t, mixed[x + 5 * y][z])
                over_y = reduce(mul, (mixed[x + 5 * y][z] for y in range(5)))
                t.equal(f"parity {x}, bit {z}", over_y, parity[x][z] * flips[x][z])
            t.when(first).equal(f"edge {x} of the lower half", edge[x], parity[x][-1].next)
            t.when(first).equal(f"edge {x} of the upper half", edge[x].next, parity[x][-1])
        for z in sorted({2**j - 1 for j in range(7)}):
            constant = [flag for flag, value in zip(steps.step[::2], round_constants(), strict=True) if value >> z & 1]
            after[0][z] = after[0][z] * (1 - 2 * sum(constant, start=t.constant(0)))
        for lane in range(LANES):
            t.equal(f"word {lane} of the state", word[lane], number_of_signs(before[lane]))
            for part, behind, name in ((LOW, ahead, "lower"), (HIGH, later, "upper")):
                t.when(first).equal(
                    f"{name} word {lane} of the next state", behind[lane].next, number_of_signs(after[lane][part], 2)
                )
            t.when(steps.going).equal(f"word {lane} of the next row", word[lane].next, ahead[lane])
            t.when(t.transition).when(second).equal(f"word {lane} waits", ahead[lane].next, later[lane])

        asked = "what is asked is the chain's business; the answer follows from it"
        given = [*word, *edge, *chain.from_iterable(parity), *chain.from_iterable(mixed)]
        for column in (steps.position, *ahead, *given):
            t.chosen(column, when=steps.asks, reason=asked)
        for column in given:
            t.chosen(column, when=steps.step[1] * steps.real, reason=asked)
        for column in later:
            t.free(column, when=first, reason="nothing waits on a round's first row")


def _before(
    edge: Sequence[Expr], parity: Sequence[Sequence[Expr]], mixed: Sequence[Sequence[Expr]]
) -> tuple[list[list[Expr]], list[list[Expr]]]:
    """D by x and the state before the round by lane, each half of them as signs."""
    lower = [[edge[x], *parity[x][:-1]] for x in range(5)]
    flips = [[parity[(x + 4) % 5][z] * lower[(x + 1) % 5][z] for z in range(HALF)] for x in range(5)]
    return flips, [[mixed[lane][z] * flips[lane % 5][z] for z in range(HALF)] for lane in range(LANES)]


def _after(mixed: Sequence[Sequence[Column]]) -> list[list[Expr]]:
    """Twice the signs of the round's result before iota, by lane, on the round's first row."""
    signs: list[list[Expr]] = [[*lane, *_next(lane)] for lane in mixed]
    found = []
    for lane in range(LANES):
        three = (lane - lane % 5 + (lane + step) % 5 for step in range(3))
        moves = [[moved(source, z) for z in range(BITS)] for source in three]
        a, b, c = ([signs[source][place] for source, place in move] for move in moves)
        found.append([a[z] * (2 - (1 + b[z]) * (1 - c[z])) for z in range(BITS)])
    return found


def _elements(
    lower: Sequence[Expr], lower_signs: Sequence[Sequence[Expr]],
    upper: Sequence[Expr], upper_signs: Sequence[Sequence[Expr]], *, scale: int,
) -> list[Expr | int]:  # fmt: skip
    """Elements of the state's words, of which signs are needed where a word is split.

    A word's lower part that is split off lacks what iota flips, which is no bit of it: of the first three words these
    are in the first one, which is whole, and in the upper part of the second.
    """
    words: list[tuple[Operand, Operand]] = []
    for lane in range(LANES):
        for whole, signs in ((lower[lane], lower_signs[lane]), (upper[lane], upper_signs[lane])):
            if len(words) % GROUP == SPLIT:
                low = number_of_signs(signs[:LOWER_BITS], scale)
                words.append((low, (whole - low) * pow(2**LOWER_BITS, -1, P)))
            else:
                words.append((whole, 0))
    return elements(words)


def _sign(t: TableBuilder, column: Column) -> None:
    t.equal(f"{column.name} is a sign", column * column, 1)


def _next(columns: Sequence[Column]) -> list[Expr]:
    return [column.next for column in columns]


class KeccakF(BasicCircuit):
    """The circuit of Keccak-f[1600]."""

    kind = RequestType.KECCAK_F
    name = "keccak_f"
    rows = ROWS
    layout = Layout(input_words=50, output_words=50)
    shapes = tuple({"keccak_f": size, "chain": size} for size in (11, 15))

    def tables(self) -> list[Table]:
        """The tables beside the chain."""
        return [KeccakTable()]


KECCAK_F = KeccakF()
