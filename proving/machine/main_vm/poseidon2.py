"""The Poseidon2 compression, eight rows each: one row for each external round, internal rounds in rows 3 and 4.

A row's state is what enters its round's linear layer, so that row 0 holds the compression's input. Every S-box x^7 is
cube^2 x with the cube in a cell. Writing E for the external layer, I for the internal one and S for the S-box:

* row r = 0, 1, 2, 5, 6: state' = S(E(state) + constants).
* row 3: the same round, then E and eleven internal rounds; the result enters row 4 as it is, without E.
* row 4: eleven internal rounds, then constants and S.
* row 7: S(E(state) + constants), then E; its first four lanes are `output`, the same on all eight rows.

An internal round has two cells. On row 3, where the lanes have degree 3, they are the S-box's input and its cube; on
row 4, where the lanes are linear, they are the S-box's output and its input's cube.

============== =====================================================================
column         meaning
============== =====================================================================
state          the round's 16 lanes before its linear layer
cube           cubes of the external round's S-box inputs
inner, inner_cube cells of eleven internal rounds; 0 on rows other than 3 and 4
output         the permutation's first four lanes; the compression adds state to it
count          row 0: number of lookups, free
============== =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from proving.machine.main_vm.buses import POSEIDON2
from proving.native import POINTER, function
from proving.stark.air import Expr, Table, TableBuilder

ROWS = 8
WIDTH = 16
#: Internal rounds on each of rows 3 and 4.
INTERNAL = 11

_constants = function("hm_poseidon2_constants16", None, [POINTER])


class Constants(NamedTuple):
    """Round constants by row, internal round constants, and the internal matrix's diagonal less one."""

    external: list[list[int]]
    internal: list[int]
    diagonal: list[int]


@cache
def constants() -> Constants:
    """The constants of the permutation of width 16."""
    flat = np.empty(8 * WIDTH + 2 * INTERNAL + WIDTH, dtype=np.uint64)
    _constants(flat.ctypes.data)
    values = [int(value) for value in flat]
    initial, rest = values[: 4 * WIDTH], values[4 * WIDTH :]
    internal, rest = rest[: 2 * INTERNAL], rest[2 * INTERNAL :]
    external = initial + rest[: 4 * WIDTH]
    return Constants([external[16 * r : 16 * r + 16] for r in range(ROWS)], internal, rest[4 * WIDTH :])


def external_layer(x: Sequence[Expr]) -> list[Expr]:
    """The external matrix: M4 = circ(2, 3, 1, 1) on groups of four lanes, then every lane plus its column's sum."""
    mixed: list[Expr] = []
    for i in range(0, WIDTH, 4):
        group = x[i : i + 4]
        total = group[0] + group[1] + group[2] + group[3]
        mixed += [total + group[j] + 2 * group[(j + 1) % 4] for j in range(4)]
    sums = [mixed[j] + mixed[4 + j] + mixed[8 + j] + mixed[12 + j] for j in range(4)]
    return [lane + sums[i % 4] for i, lane in enumerate(mixed)]


def internal_layer(x: Sequence[Expr], diagonal: Sequence[int]) -> list[Expr]:
    """The internal matrix: the sum of all lanes plus the diagonal's multiple of each."""
    total = x[0]
    for lane in x[1:]:
        total = total + lane
    return [lane * entry + total for lane, entry in zip(x, diagonal, strict=True)]


class Poseidon2(Table):
    """Eight rows for each distinct compression."""

    name = "poseidon2"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        state, cube = t.main_array("state", WIDTH), t.main_array("cube", WIDTH)
        inner, inner_cube = t.main_array("inner", INTERNAL), t.main_array("inner_cube", INTERNAL)
        output, count = t.main_array("output", 4), t.main("count")
        row = [t.periodic(f"row{r}", [int(i == r) for i in range(ROWS)]) for r in range(ROWS)]
        fixed = constants()
        external = [t.periodic(f"constant[{i}]", [fixed.external[r][i] for r in range(ROWS)]) for i in range(WIDTH)]
        internal = [
            t.periodic(f"inner_constant[{k}]", [0, 0, 0, fixed.internal[k], fixed.internal[INTERNAL + k], 0, 0, 0])
            for k in range(INTERNAL)
        ]

        # Buses
        result = [output[i] + state[i] for i in range(4)]
        t.receive(POSEIDON2, [*state, *result], row[0] * count, "compression")

        # Constraints
        entering = [lane + constant for lane, constant in zip(external_layer(state), external, strict=True)]
        sboxes = [c * c * x for c, x in zip(cube, entering, strict=True)]

        deep = external_layer(sboxes)
        flat: list[Expr] = list(state)
        for k in range(INTERNAL):
            deep_input, flat_input = deep[0] + internal[k], flat[0] + internal[k]
            t.equal(
                f"internal round {k}",
                inner[k],
                row[3] * deep_input + row[4] * (inner_cube[k] * inner_cube[k] * flat_input),
            )
            t.equal(
                f"internal round {k}: cube",
                inner_cube[k],
                row[3] * (inner[k] * inner[k] * inner[k]) + row[4] * (flat_input * flat_input * flat_input),
            )
            deep = internal_layer([inner_cube[k] * inner_cube[k] * inner[k], *deep[1:]], fixed.diagonal)
            flat = internal_layer([inner[k], *flat[1:]], fixed.diagonal)

        late = [lane + constant for lane, constant in zip(flat, external, strict=True)]
        plain = 1 - row[4]
        regular = row[0] + row[1] + row[2] + row[5] + row[6]
        for i in range(WIDTH):
            t.equal(
                f"cube {i}",
                cube[i],
                plain * (entering[i] * entering[i] * entering[i]) + row[4] * (late[i] * late[i] * late[i]),
            )
            t.equal(
                f"next state {i}",
                (1 - row[7]) * state[i].next,
                regular * sboxes[i] + row[3] * deep[i] + row[4] * (cube[i] * cube[i] * late[i]),
            )
        final = external_layer(sboxes)
        for i in range(4):
            t.when(row[7]).equal(f"output {i}", output[i], final[i])
            t.when(1 - row[7]).equal(f"output {i} is the same on all rows", output[i].next, output[i])
        t.free(count, when=1 - row[0], reason="counted on the compression's first row")
