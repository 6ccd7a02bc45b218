"""Keccak-f[1600], one row for each of its 24 rounds.

A round's state enters as 50 words. Columns C are the parities of the state's columns, and columns B the state after
the first step (theta), B[x, y, z] = A[x, y, z] ^ D[x, z] with D[x, z] = C[x - 1, z] ^ C[x + 1, z - 1]. Both hold bits:

* the words are those of B ^ D;
* the parity of B over y is that of A with five times D, so that B's is C ^ D exactly if C is A's. It also makes
  B[x, 4, z] a bit when all the others are;
* the other steps (rho, pi, chi, iota) have degree 4 in B and the round's selector and give the next row's words.

================= =====================================================================
column            meaning
================= =====================================================================
step .. position  a row for each round, see `gadgets.steps`
word              the state before the round, lane x + 5 y, its lower word first
parity            C, 64 bits for each x, the lowest first
mixed             B, 64 bits for each lane
================= =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from itertools import chain

from proving.circuits.basic import BasicCircuit
from proving.circuits.chain import elements, put
from proving.circuits.gadgets.bits import Half, flipped, halves, number, xor
from proving.circuits.gadgets.steps import Steps
from proving.circuits.requests import Layout, RequestType
from proving.stark.air import Expr, Table, TableBuilder

ROUNDS = 24
LANES = 25
BITS = 64


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
    """24 rows for each request."""

    name = "keccak_f"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        steps, word = Steps(t, ROUNDS), t.main_array("word", 2 * LANES)
        parity = [t.main_array(f"parity{x}", BITS) for x in range(5)]
        mixed = [t.main_array(f"mixed{lane}", BITS) for lane in range(LANES)]

        # Buses
        flips = [[xor(parity[(x + 4) % 5][z], parity[(x + 1) % 5][z - 1]) for z in range(BITS)] for x in range(5)]
        before = [[xor(mixed[lane][z], flips[lane % 5][z]) for z in range(BITS)] for lane in range(LANES)]
        after = [[self._chi(mixed, lane, z) for z in range(BITS)] for lane in range(LANES)]
        put(t, steps.asks, "inputs", steps.position, elements(_words(before)))
        final = round_constants()[-1]
        ended = [[flipped(bit, final >> z & 1) for z, bit in enumerate(after[0])], *after[1:]]
        put(t, steps.answers, "outputs", steps.position + KECCAK_F.layout.input_blocks, elements(_words(ended)))

        # Constraints
        steps.constrain(t)
        for x in range(5):
            for z in range(BITS):
                t.boolean(parity[x][z])
                for y in range(4):
                    t.boolean(mixed[x + 5 * y][z])
                over_y: list[Expr] = [mixed[x + 5 * y][z] for y in range(5)]
                t.equal(f"parity {x}, bit {z}", reduce(xor, over_y), xor(parity[x][z], flips[x][z]))
        for z in sorted({2**j - 1 for j in range(7)}):
            constant = [flag for flag, value in zip(steps.step, round_constants(), strict=True) if value >> z & 1]
            after[0][z] = xor(after[0][z], sum(constant, start=t.constant(0)))
        for i, entering in enumerate(word):
            lane, part = i // 2, slice(BITS // 2 * (i % 2), BITS // 2 * (i % 2 + 1))
            t.equal(f"word {i} of the state", entering, number(before[lane][part]))
            t.when(steps.going).equal(f"word {i} of the next state", entering.next, number(after[lane][part]))

        asked = "what is asked is the chain's business; the answer follows from it"
        for column in (steps.position, *word, *chain.from_iterable(parity), *chain.from_iterable(mixed)):
            t.chosen(column, when=steps.asks, reason=asked)

    def _chi(self, mixed: Sequence[Sequence[Expr]], lane: int, bit: int) -> Expr:
        """A bit of the round's result before iota."""
        row = lane - lane % 5
        a, b, c = (mixed[source][place] for source, place in (moved(row + (lane + step) % 5, bit) for step in range(3)))
        return xor(a, (1 - b) * c)


def _words(lanes: Sequence[Sequence[Expr]]) -> list[Half]:
    return [half for lane in lanes for half in halves(lane)]


class KeccakF(BasicCircuit):
    """The circuit of Keccak-f[1600]."""

    kind = RequestType.KECCAK_F
    name = "keccak_f"
    rows = ROUNDS
    layout = Layout(input_words=50, output_words=50)
    shapes = tuple({"keccak_f": size, "chain": size + 1} for size in (8, 10, 12, 14))

    def tables(self) -> list[Table]:
        """The tables beside the chain."""
        return [KeccakTable()]


KECCAK_F = KeccakF()
