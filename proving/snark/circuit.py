"""A compiled circuit: wiring, selectors and the witness's program as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proving.snark.bn254.field import FR, Elements
from proving.snark.equations import COSETS
from proving.snark.layout import PERMUTATION, SELECTORS, TABLE
from proving.snark.points import root_of_unity

#: Indices of variables, cells or constants.
Ids = NDArray[np.int64]

#: The variable of an unused cell, and its value's place: the last one, zero.
UNUSED = -1


class Step(Protocol):
    """One vector instruction of the witness's program."""

    def fill(self, values: Elements) -> None:
        """Set the values of the variables that the step defines.

        Parameters
        ----------
        values
            ``(variables + 1, 4) uint64``; the last row is zero.
        """


@dataclass(frozen=True)
class Circuit:
    """A circuit, compiled.

    Attributes
    ----------
    rows
        Length of the trace, a power of two.
    public_inputs
        ``(count,)``: their variables; they stand in wire a of the first rows.
    inputs
        ``(count,)``: variables whose values the prover is given.
    wires
        ``(4, rows)``: the variable in each cell, or `UNUSED`.
    selectors
        ``(12, rows)``: places in `pool`, in the order of `SELECTORS`.
    pool
        ``(constants, 4) uint64``: the values that selectors take.
    table
        ``(rows,)``: the lookup table, small integers.
    variables
        How many there are.
    steps
        The witness's program.
    """

    rows: int
    public_inputs: Ids
    inputs: Ids
    wires: Ids
    selectors: Ids
    pool: Elements
    table: Ids
    variables: int
    steps: tuple[Step, ...]

    def preprocessed(self) -> dict[str, Elements]:
        """Return the preprocessed columns by name, ``(rows, 4) uint64`` each."""
        columns = {name: self.pool[places] for name, places in zip(SELECTORS, self.selectors, strict=True)}
        columns[TABLE] = FR.from_u64(self.table.astype(np.uint64))
        labels = self.labels()
        following = self._following_cells()
        for j, name in enumerate(PERMUTATION):
            columns[name] = labels[following[j * self.rows : (j + 1) * self.rows]]
        return columns

    def labels(self) -> Elements:
        """Return the label of every cell, ``(4 rows, 4) uint64``, wire by wire."""
        root = FR.scalar(root_of_unity(self.rows))
        return np.concatenate([FR.powers(root, self.rows, FR.scalar(coset)) for coset in COSETS])

    def _following_cells(self) -> Ids:
        """Return the next cell in the cycle of each cell's variable."""
        flat = self.wires.reshape(-1)
        following = np.arange(flat.size, dtype=np.int64)
        used = np.flatnonzero(flat != UNUSED)
        order = used[np.argsort(flat[used], kind="stable")]
        ids = flat[order]
        begins = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        rotated = np.r_[order[1:], order[:1]]
        rotated[np.r_[begins[1:], ids.size] - 1] = order[begins]
        following[order] = rotated
        return following

    def fill(self, public_inputs: Elements, inputs: Elements) -> Elements:
        """Run the witness's program.

        Parameters
        ----------
        public_inputs, inputs
            ``(count, 4) uint64`` each.

        Returns
        -------
        Elements
            ``(variables + 1, 4) uint64``; the last row is zero.
        """
        values = np.zeros((self.variables + 1, 4), dtype=np.uint64)
        values[self.public_inputs] = public_inputs
        values[self.inputs] = inputs
        for step in self.steps:
            step.fill(values)
        return values
