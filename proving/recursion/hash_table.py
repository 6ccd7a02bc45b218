"""The hash table: one compression a row, and what recursion does with its input and output.

A row's input is four parts of four elements. The first comes from the row before, stands among its siblings at the
place that two bits name, or is read. The last twelve are four extension elements, or three digests; the row writes or
reads them as wires, or fixes them to constants. Beside that a row may combine its last twelve elements with powers of a
challenge, on top of the combination of the row before: Horner's rule along a leaf.

Permutation: every full round's output has a column for each lane, every inner round's S-box one; x^7 has degree 7.

=========== ===========================================================================
column      meaning
=========== ===========================================================================
state       input
full        lanes after each full round but the last
inner       S-box of each inner round
digest      output: the permutation's first four lanes plus the input's
digit       bits of a node's place
challenge   the challenge, and its fourth power
fourth
combined    combination of the last 12 elements, and of the rows before on this leaf
=========== ===========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

from proving.circuits.gadgets.poseidon2 import constants, external_layer, internal_layer
from proving.recursion.arithmetic import FIXED_PLACES
from proving.recursion.tables import WIRE, Fixed, multiply
from proving.stark.air import Expr, Table, TableBuilder

WIDTH = 16
DIGEST = 4
RATE = WIDTH - DIGEST
FULL = 8
INNER = 22
#: Parts of the last twelve elements: extension elements, and digests.
SLOTS = 4
GROUPS = 3

#: Preprocessed columns: addresses of wires, then counts and switches.
ADDRESSES = (
    "first", "digest address", "head address", "combined address", "low address", "high address", "challenge address",
    *(f"part{i}" for i in range(SLOTS)),
)  # fmt: skip
SWITCHES = (
    "read first", *(f"read{i}" for i in range(GROUPS - 1)), *(f"slot{i}" for i in range(SLOTS)),
    *(f"group{i}" for i in range(GROUPS)), "digest count", "head count", "combined count",
    "node", "combine", "to chain", "to node", *(f"fixed{i}" for i in range(RATE)),
    *(f"constant{i}" for i in FIXED_PLACES),
)  # fmt: skip


def power7(x: Expr) -> Expr:
    """x^7."""
    square = x * x
    return square * square * square * x


class Hash(Table):
    """One compression in each row."""

    name = "hash"

    def __init__(self, fixed: Fixed) -> None:
        self._fixed = fixed

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        state = t.main_array("state", WIDTH)
        full = [t.main_array(f"full{r}", WIDTH) for r in range(FULL - 1)]
        inner = t.main_array("inner", INNER)
        digest, digit = t.main_array("digest", DIGEST), t.main_array("digit", 2)
        challenge, fourth = t.main_array("challenge", 3), t.main_array("fourth", 3)
        combined = t.main_array("combined", 3)
        at = {name: t.preprocessed(name, self._fixed[name]) for name in (*ADDRESSES, *SWITCHES)}

        # Buses
        t.receive(WIRE, [at["first"], *state[:DIGEST]], at["read first"], "first part")
        for i in range(GROUPS - 1):
            part = state[DIGEST * (i + 1) : DIGEST * (i + 2)]
            t.receive(WIRE, [at[f"part{i}"], *part], at[f"read{i}"], f"digest {i}")
        for i in range(SLOTS):
            part = state[DIGEST + 3 * i : DIGEST + 3 * i + 3]
            t.send(WIRE, [at[f"part{i}"], *part, 0], at[f"slot{i}"], f"element {i}")
        for i in range(GROUPS):
            part = state[DIGEST * (i + 1) : DIGEST * (i + 2)]
            t.send(WIRE, [at[f"part{i}"], *part], at[f"group{i}"], f"new digest {i}")
        t.send(WIRE, [at["digest address"], *digest], at["digest count"], "digest")
        t.send(WIRE, [at["head address"], *digest[:3], 0], at["head count"], "head")
        t.send(WIRE, [at["combined address"], *combined, 0], at["combined count"], "combination")
        t.receive(WIRE, [at["low address"], digit[0], 0, 0, 0], at["node"], "low bit of the place")
        t.receive(WIRE, [at["high address"], digit[1], 0, 0, 0], at["node"], "high bit of the place")
        t.receive(WIRE, [at["challenge address"], *challenge, 0], at["combine"], "challenge")

        # Constraints
        self._permutation(t, state, full, inner, digest)
        for i in range(RATE):
            value = at[f"constant{i}"] if i in FIXED_PLACES else t.constant(0)
            t.when(at[f"fixed{i}"]).equal(f"element {i} is fixed", state[DIGEST + i], value)
        for i in range(DIGEST):
            t.when(at["to chain"]).equal(f"the digest goes on {i}", state[i].next, digest[i])
        for bit in digit:
            t.boolean(bit)
        low, high = digit[0].next, digit[1].next
        places = [(1 - low) * (1 - high), low * (1 - high), (1 - low) * high, low * high]
        for i in range(DIGEST):
            found = places[0] * state[i].next
            for place in range(1, 4):
                found = found + places[place] * state[DIGEST * place + i].next
            t.when(at["to node"]).equal(f"the digest has its place {i}", found, digest[i])
        square = multiply(challenge, challenge)
        raised = multiply(square, square)
        for i in range(3):
            t.equal(f"fourth power of the challenge {i}", fourth[i], raised[i])
        own = self._horner([column.next for column in state], [column.next for column in challenge],
                           [column.next for column in fourth])  # fmt: skip
        moved: Sequence[Expr] = combined
        for _ in range(3):
            moved = multiply(moved, fourth)
        for i in range(3):
            t.equal(f"combination {i}", combined[i].next, own[i] + at["to chain"] * moved[i])
        for column in digit:
            t.free(column, when=1 - at["node"], reason="no node")

    def _permutation(
        self,
        t: TableBuilder,
        state: Sequence[Expr],
        full: Sequence[Sequence[Expr]],
        inner: Sequence[Expr],
        digest: Sequence[Expr],
    ) -> None:
        fixed = constants()
        lanes: Sequence[Expr] = state
        for r in range(FULL):
            if r == FULL // 2:
                lanes = external_layer(lanes)
                for k in range(INNER):
                    t.equal(f"inner round {k}", inner[k], power7(lanes[0] + fixed.internal[k]))
                    lanes = internal_layer([inner[k], *lanes[1:]], fixed.diagonal)
                entering = lanes
            else:
                entering = external_layer(lanes)
            boxes = [power7(lane + constant) for lane, constant in zip(entering, fixed.external[r], strict=True)]
            if r == FULL - 1:
                for i, lane in enumerate(external_layer(boxes)[:DIGEST]):
                    t.equal(f"digest {i}", digest[i], lane + state[i])
            else:
                for i in range(WIDTH):
                    t.equal(f"full round {r}, lane {i}", full[r][i], boxes[i])
                lanes = full[r]

    def _horner(self, state: Sequence[Expr], challenge: Sequence[Expr], fourth: Sequence[Expr]) -> list[Expr]:
        """sum_i state[4 + i] challenge^(11 - i), by fours: degree 6."""
        powers = [[0 * state[0] + 1, 0 * state[0], 0 * state[0]], list(challenge)]
        while len(powers) < 4:
            powers.append(multiply(powers[-1], challenge))
        total: list[Expr] | None = None
        for start in range(DIGEST, WIDTH, 4):
            part = [
                state[start] * powers[3][k] + state[start + 1] * powers[2][k] + state[start + 2] * powers[1][k]
                for k in range(3)
            ]
            part[0] = part[0] + state[start + 3]
            total = part if total is None else [a + b for a, b in zip(multiply(total, fourth), part, strict=True)]
        assert total is not None
        return total
