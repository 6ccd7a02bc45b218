"""The Poseidon2 permutation over eight rows: one row for each external round, internal rounds in rows 3 and 4.

A row's state is what enters its round's linear layer, so that row 0 holds the permutation's input. Every S-box x^7 is
cube^2 x with the cube in a cell. Writing E for the external layer, I for the internal one and S for the S-box:

* row r = 0, 1, 2, 5, 6: state' = S(E(state) + constants).
* row 3: the same round, then E and eleven internal rounds; the result enters row 4 as it is, without E.
* row 4: eleven internal rounds, then constants and S.
* row 7: S(E(state) + constants), then E: the permutation's output.

An internal round has two cells. On row 3, where the lanes have degree 3, they are the S-box's input and its cube; on
row 4, where the lanes are linear, they are the S-box's output and its input's cube.

============== =====================================================================
column         meaning
============== =====================================================================
state          the round's 16 lanes before its linear layer
cube           cubes of the external round's S-box inputs
inner, inner_cube cells of eleven internal rounds; 0 on rows other than 3 and 4
============== =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from proving.native import POINTER, function
from proving.stark.air import Column, Expr, TableBuilder

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


class Rounds:
    """The columns and constraints of one permutation in every eight rows, as part of a table.

    Attributes
    ----------
    state : the 16 lanes, on row 0 the input
    row : selectors of the eight rows
    """

    def __init__(self, t: TableBuilder) -> None:
        """Declare the main columns."""
        self.state, self._cube = t.main_array("state", WIDTH), t.main_array("cube", WIDTH)
        self._inner, self._inner_cube = t.main_array("inner", INTERNAL), t.main_array("inner_cube", INTERNAL)
        self.row: list[Column] = []
        self._external: list[Column] = []
        self._internal: list[Column] = []

    def fix(self, t: TableBuilder) -> None:
        """Declare the periodic columns, behind the table's other main columns."""
        fixed = constants()
        self.row = [t.periodic(f"row{r}", [int(i == r) for i in range(ROWS)]) for r in range(ROWS)]
        self._external = [
            t.periodic(f"constant[{i}]", [fixed.external[r][i] for r in range(ROWS)]) for i in range(WIDTH)
        ]
        self._internal = [
            t.periodic(f"inner_constant[{k}]", [0, 0, 0, fixed.internal[k], fixed.internal[INTERNAL + k], 0, 0, 0])
            for k in range(INTERNAL)
        ]

    def constrain(self, t: TableBuilder) -> list[Expr]:
        """Declare the constraints.

        Returns
        -------
        The output's 16 lanes as expressions of row 7, of degree 3.
        """
        state, cube, inner, inner_cube, row = self.state, self._cube, self._inner, self._inner_cube, self.row
        entering = [lane + constant for lane, constant in zip(external_layer(state), self._external, strict=True)]
        sboxes = [c * c * x for c, x in zip(cube, entering, strict=True)]

        diagonal = constants().diagonal
        deep = external_layer(sboxes)
        flat: list[Expr] = list(state)
        for k in range(INTERNAL):
            deep_input, flat_input = deep[0] + self._internal[k], flat[0] + self._internal[k]
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
            deep = internal_layer([inner_cube[k] * inner_cube[k] * inner[k], *deep[1:]], diagonal)
            flat = internal_layer([inner[k], *flat[1:]], diagonal)

        late = [lane + constant for lane, constant in zip(flat, self._external, strict=True)]
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
        return external_layer(sboxes)
