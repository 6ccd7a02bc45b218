"""The chain table: the compressions that move a type's request digest on, eight rows each.

The public input is the digest before the table's requests and the one behind them. A compression takes its block from
the REQUEST bus under its position, and each position occurs once. A request puts its blocks on the bus at consecutive
positions from one on. So the requests tile the positions: they stand on the chain one behind the other, each whole, and
each as often as it is proven. A compression that is not real takes no block and leaves the digest as it is.

============== =====================================================================
column         meaning
============== =====================================================================
state .. inner_cube  the permutation; row 0's state is the digest and the block
digest         the digest before the compression, the same on all eight rows
real           1 where the compression takes a block, the same on all eight rows
position       number of the compression
============== =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

from proving.circuits.gadgets.poseidon2 import ROWS, Rounds
from proving.circuits.requests import GROUP
from proving.hash import DIGEST, RATE
from proving.stark.air import Bus, Expr, Operand, Table, TableBuilder

__all__ = ["REQUEST", "ROWS", "Chain", "elements", "put"]

#: (position, block[12]), from the rows that prove a request to its chain.
REQUEST = Bus(1, 1 + RATE, "permutation", "request")


class Chain(Table):
    """Eight rows for each block."""

    name = "chain"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        rounds = Rounds(t)
        digest, real, position = t.main_array("digest", DIGEST), t.main("real"), t.main("position")
        rounds.fix(t)
        state, first, last = rounds.state, rounds.row[0], rounds.row[ROWS - 1]
        t.boolean(real)

        # Buses
        t.receive(REQUEST, [position, *state[DIGEST:]], first * real, "block")

        # Constraints
        final = rounds.constrain(t)
        for i in range(DIGEST):
            t.when(first).equal(f"lane {i} is the digest", state[i], digest[i])
            t.when(t.first).equal(f"start digest {i} is public", digest[i], t.public(i))
            step = real * final[i]
            t.when(t.transition).equal(f"digest {i} goes on", digest[i].next, digest[i] + last * step)
            t.when(t.last).equal(f"end digest {i} is public", digest[i] + step, t.public(DIGEST + i))
        t.when(1 - last).equal("a compression is real or not", real.next, real)
        t.when(t.first).zero("positions start at 0", position)
        t.when(t.transition).equal("positions follow each other", position.next, position + last)


def elements(words: Sequence[tuple[Operand, Operand]]) -> list[Expr | int]:
    """The elements of words, given by their halves (lower, upper); words that are missing from a group are zero."""
    whole = [*words, *[(0, 0)] * (-len(words) % GROUP)]
    found: list[Expr | int] = []
    for i in range(0, len(whole), GROUP):
        u, v, w = whole[i : i + GROUP]
        found += [_join(u[0], u[1], v[0]), _join(w[0], w[1], v[1])]
    return found


def _join(*halves: Operand) -> Expr | int:
    total: Expr | int = 0
    for i, half in enumerate(halves):
        total = total + half * 2 ** (16 * i)
    return total


def put(t: TableBuilder, count: Expr, what: str, position: Expr, part: Sequence[Operand]) -> None:
    """Put the elements of the inputs or of the outputs on the chain as whole blocks from `position` on."""
    padded = [*part, *[0] * (-len(part) % RATE)]
    for block, i in enumerate(range(0, len(padded), RATE)):
        t.send(REQUEST, [position + block, *padded[i : i + RATE]], count, f"{what}, block {block}")
