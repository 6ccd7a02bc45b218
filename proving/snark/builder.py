"""Building circuits for the SNARK: gates are added lane-wise, on arrays of variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from proving.snark.bn254.field import FR
from proving.snark.circuit import UNUSED, Circuit, Ids, Step
from proving.snark.errors import CircuitRefused
from proving.snark.layout import SELECTORS, WIRES
from proving.snark.points import SCALAR_MODULUS, TWO_ADICITY
from proving.snark.poseidon2 import Row, schedule
from proving.snark.steps import CombineStep, ConstantStep, LimbStep, PermutationStep

#: One row of a group: its wires by name, and its selectors.
_GroupRow = tuple[Mapping[str, Ids], Mapping[str, int]]
#: Rows of one permutation with the one that holds its output.
_PERMUTATION_ROWS = len(schedule()) + 1
_STATE = 3


class Builder:
    """A circuit being built.

    Every method works on lanes: arrays of variables of one shape, which get one row or one group of rows each.

    Parameters
    ----------
    table_bits
        The lookup table holds all numbers of so many bits. Production circuits take 16.
    """

    def __init__(self, *, table_bits: int = 16) -> None:
        if not 1 <= table_bits <= 16:
            raise CircuitRefused(f"A lookup table of {table_bits} bits is not between 1 and 16.")
        self.table_bits = table_bits
        self._variables = 0
        self._public_inputs: list[Ids] = []
        self._inputs: list[Ids] = []
        self._steps: list[Step] = []
        self._wires: list[Ids] = []
        self._selectors: list[Ids] = []
        self._equal: list[tuple[Ids, Ids]] = []
        self._pool: dict[int, int] = {0: 0, 1: 1}
        self._constants: dict[int, int] = {}

    @property
    def rows(self) -> int:
        """Rows of all gates so far, without public inputs and table."""
        return sum(block.shape[0] for block in self._wires)

    def public_input(self, count: int = 1) -> Ids:
        """Return new public inputs, ``(count,)``."""
        self._public_inputs.append(self._new(count))
        return self._public_inputs[-1]

    def input(self, count: int = 1) -> Ids:
        """Return new variables that the prover is given, ``(count,)``."""
        self._inputs.append(self._new(count))
        return self._inputs[-1]

    def constant(self, value: int) -> int:
        """Return the variable of a constant."""
        value %= SCALAR_MODULUS
        if value not in self._constants:
            out = self._new(1)
            self._steps.append(ConstantStep(out, FR.encode([value])))
            self.gate({"a": out}, {"a": 1, "k": -value})
            self._constants[value] = int(out[0])
        return self._constants[value]

    def gate(self, wires: Mapping[str, Ids], factors: Mapping[str, int], *, looked_up: bool = False) -> None:
        """Add a row per lane in which ``ab a b + cd c d + a a + b b + c c + d d + k = 0``.

        Parameters
        ----------
        wires
            Variables of ``a``, ``b``, ``c``, ``d``, ``(lanes,)`` each; others stay unused.
        factors
            ``ab``, ``cd``, ``a``, ``b``, ``c``, ``d``, ``k``; others are zero.
        looked_up
            Whether all four wires must be in the table.
        """
        self._append([(wires, {**_named(factors), **({"q_r": 1} if looked_up else {})})])

    def combine(self, wires: Mapping[str, Ids], factors: Mapping[str, int]) -> Ids:
        """Return new variables ``ab a b + a a + b b + c c + k``, one row per lane; wire d holds them."""
        if "d" in wires or {"cd", "d"} & set(factors):
            raise CircuitRefused("Wire d holds the result of a combination.")
        out = self._define(wires, factors)
        self.gate({**wires, "d": out}, {**factors, "d": -1})
        return out

    def sum_of_products(self, left: Ids, right: Ids, addend: Ids | None = None) -> Ids:
        """Return new variables: the sum of products along the second axis.

        Parameters
        ----------
        left, right
            ``(lanes, terms)``.
        addend
            ``(lanes,)``, added to the sum.
        """
        terms, begin = left.shape[1], 0
        rows: list[_GroupRow] = []
        if addend is not None:
            total = addend
        elif terms == 1:
            return self.combine({"a": left[:, 0], "b": right[:, 0]}, {"ab": 1})
        else:
            wires = {"a": left[:, 0], "b": right[:, 0], "c": left[:, 1], "d": right[:, 1]}
            total, begin = self._define(wires, {"ab": 1, "cd": 1}), 2
            rows.append((wires, _named({"ab": 1, "cd": 1, "n": -1})))
        for term in range(begin, terms):
            wires = {"a": total, "c": left[:, term], "d": right[:, term]}
            total = self._define(wires, {"a": 1, "cd": 1})
            if term == terms - 1:
                rows.append(({**wires, "b": total}, _named({"a": 1, "cd": 1, "b": -1})))
            else:
                rows.append((wires, _named({"a": 1, "cd": 1, "n": -1})))
        if begin == terms:
            rows.append(({"a": total}, {}))
        self._append(rows)
        return total

    def assert_equal(self, left: Ids, right: Ids) -> None:
        """Let variables be the same from here on; costs no row."""
        self._equal.append((left.reshape(-1), right.reshape(-1)))

    def assert_boolean(self, values: Ids) -> None:
        """Allow only 0 and 1, one row per lane."""
        self.gate({"a": values, "b": values}, {"ab": 1, "a": -1})

    def limbs(self, values: Ids, count: int) -> Ids:
        """Return the `count` limbs of `table_bits` bits that values consist of, ``(lanes, count)``, lowest first.

        Values of more bits have no witness. Two rows for every four limbs. With more bits than the field's modulus
        has, several decompositions exist: see `gadgets.split`.
        """
        lanes, bits, groups = values.size, self.table_bits, -(-count // len(WIRES))
        limbs = self._new(lanes * count).reshape(lanes, count)
        self._steps.append(LimbStep(values, limbs, bits))
        padded = np.full((lanes, len(WIRES) * groups), UNUSED, dtype=np.int64)
        padded[:, :count] = limbs
        if padded.shape[1] > count:
            padded[:, count:] = self.constant(0)
        powers = {name: 1 << bits * j for j, name in enumerate(WIRES)}
        rows: list[_GroupRow] = []
        total = values
        for group in range(groups):
            wires = {name: padded[:, len(WIRES) * group + j] for j, name in enumerate(WIRES)}
            part = values if groups == 1 else self._define(wires, powers)
            rows.append((wires, _named({**powers, "n": -1}) | {"q_r": 1}))
            scale = 1 << bits * len(WIRES) * group
            if group == 0:
                rows.append(({"a": part}, {}))
                total = part
                continue
            summed = values if group == groups - 1 else self._define({"a": part, "b": total}, {"a": scale, "b": 1})
            rows.append(({"a": part, "b": total, "d": summed}, _named({"a": scale, "b": 1, "d": -1})))
            total = summed
        self._append(rows)
        return limbs

    def permute(self, state: Ids) -> Ids:
        """Return Poseidon2's permutation of states, ``(lanes, 3)``; 37 rows per lane."""
        lanes = state.shape[0]
        cells = np.full((_PERMUTATION_ROWS, len(WIRES), lanes), UNUSED, dtype=np.int64)
        cells[0, :_STATE] = state.T
        cells[1:, :_STATE] = self._new((_PERMUTATION_ROWS - 1) * _STATE * lanes).reshape(-1, _STATE, lanes)
        rows: list[_GroupRow] = []
        for i, (row, constants) in enumerate(schedule()):
            if row is Row.PARTIAL:
                cells[i, 3] = self._new(lanes)
            named = dict(zip(("q_a", "q_b", "q_c", "q_d"), constants, strict=True))
            rows.append((dict(zip(WIRES, cells[i], strict=True)), {**named, row.value: 1}))
        rows.append((dict(zip(WIRES, cells[-1], strict=True)), {}))
        self._steps.append(PermutationStep(cells))
        self._append(rows)
        return cells[-1, :_STATE].T.copy()

    def compile(self) -> Circuit:
        """Return the circuit: rows of public inputs, gates, unused rows, and a last one that keeps every wire non-zero.

        Raises
        ------
        CircuitRefused
            No public input, or more rows than the field has roots of unity.
        """
        if not self._public_inputs:
            raise CircuitRefused("The circuit has no public input.")
        publics = np.concatenate(self._public_inputs)
        one = np.array([self.constant(1)])
        used = publics.size + self.rows + 1
        rows = 1 << max(used - 1, (1 << self.table_bits) - 1).bit_length()
        if rows > 1 << TWO_ADICITY:
            raise CircuitRefused(f"The circuit has {used} rows, over the limit of 2^{TWO_ADICITY}.")
        wires = np.full((rows, len(WIRES)), UNUSED, dtype=np.int64)
        selectors = np.zeros((rows, len(SELECTORS)), dtype=np.int64)
        wires[: publics.size, 0] = publics
        selectors[: publics.size, SELECTORS.index("q_a")] = self._pooled(1)
        wires[publics.size : used - 1] = np.concatenate(self._wires)
        selectors[publics.size : used - 1] = np.concatenate(self._selectors)
        wires[-1] = one
        selectors[-1, SELECTORS.index("q_r")] = self._pooled(1)
        table = np.arange(rows, dtype=np.int64)
        table[1 << self.table_bits :] = 0
        return Circuit(
            rows=rows,
            public_inputs=publics,
            inputs=np.concatenate([np.zeros(0, dtype=np.int64), *self._inputs]),
            wires=np.ascontiguousarray(self._representatives(wires).T),
            selectors=np.ascontiguousarray(selectors.T),
            pool=FR.encode(list(self._pool)),
            table=table,
            variables=self._variables,
            steps=tuple(self._steps),
        )

    def _new(self, count: int) -> Ids:
        self._variables += count
        return np.arange(self._variables - count, self._variables, dtype=np.int64)

    def _define(self, wires: Mapping[str, Ids], factors: Mapping[str, int]) -> Ids:
        out = self._new(max(ids.size for ids in wires.values()))
        self._steps.append(CombineStep(out, dict(wires), dict(factors)))
        return out

    def _append(self, group: Sequence[_GroupRow]) -> None:
        """Add consecutive rows for each lane."""
        lanes = max(ids.size for wires, _ in group for ids in wires.values())
        cells = np.full((lanes, len(group), len(WIRES)), UNUSED, dtype=np.int64)
        selectors = np.zeros((len(group), len(SELECTORS)), dtype=np.int64)
        for i, (wires, factors) in enumerate(group):
            for name, ids in wires.items():
                cells[:, i, WIRES.index(name)] = ids
            for name, factor in factors.items():
                selectors[i, SELECTORS.index(name)] = self._pooled(factor)
        self._wires.append(cells.reshape(-1, len(WIRES)))
        self._selectors.append(np.tile(selectors, (lanes, 1)))

    def _pooled(self, value: int) -> int:
        return self._pool.setdefault(value % SCALAR_MODULUS, len(self._pool))

    def _representatives(self, wires: Ids) -> Ids:
        """Return the wiring with equal variables joined to the least of them."""
        least = np.arange(self._variables, dtype=np.int64)
        left = np.concatenate([np.zeros(0, dtype=np.int64), *(pair[0] for pair in self._equal)])
        right = np.concatenate([np.zeros(0, dtype=np.int64), *(pair[1] for pair in self._equal)])
        while (least[left] != least[right]).any():
            lower = np.minimum(least[left], least[right])
            np.minimum.at(least, least[left], lower)
            np.minimum.at(least, least[right], lower)
            least = least[least]
        return np.where(wires == UNUSED, UNUSED, least[np.maximum(wires, 0)])


def _named(factors: Mapping[str, int]) -> dict[str, int]:
    return {f"q_{name}": factor for name, factor in factors.items()}
