"""Building circuits for the SNARK: gates are added lane-wise, on arrays of variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from proving.snark.bn254.field import FR
from proving.snark.circuit import UNUSED, Circuit, Ids, Step
from proving.snark.errors import CircuitRefused
from proving.snark.gates import Gates, GroupRow, named
from proving.snark.layout import SELECTORS, WIRES
from proving.snark.points import SCALAR_MODULUS, TWO_ADICITY
from proving.snark.poseidon2 import Row, schedule
from proving.snark.steps import CombineStep, ConstantStep, LimbStep, PermutationStep

#: Rows of one permutation with the one that holds its output.
_PERMUTATION_ROWS = len(schedule()) + 1
_STATE = 3


class Builder(Gates):
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
        super().__init__()
        self.table_bits = table_bits
        self._variables = 0
        self._public_inputs: list[Ids] = []
        self._inputs: list[Ids] = []
        self._steps: list[Step] = []
        self._equal: list[tuple[Ids, Ids]] = []
        self._constants: dict[int, int] = {}

    def public_input(self, count: int = 1) -> Ids:
        """Return new public inputs, ``(count,)``."""
        self._public_inputs.append(self.new(count))
        return self._public_inputs[-1]

    def input(self, count: int = 1) -> Ids:
        """Return new variables that the prover is given, ``(count,)``."""
        self._inputs.append(self.new(count))
        return self._inputs[-1]

    def constant(self, value: int) -> int:
        """Return the variable of a constant."""
        value %= SCALAR_MODULUS
        if value not in self._constants:
            out = self.new(1)
            self._steps.append(ConstantStep(out, FR.encode([value])))
            self.gate({"a": out}, {"a": 1, "k": -value})
            self._constants[value] = int(out[0])
        return self._constants[value]

    def new(self, count: int) -> Ids:
        """Return new variables, which some step must define, ``(count,)``."""
        self._variables += count
        return np.arange(self._variables - count, self._variables, dtype=np.int64)

    def step(self, step: Step) -> None:
        """Add an instruction to the witness's program."""
        self._steps.append(step)

    def define(self, wires: Mapping[str, Ids], factors: Mapping[str, int]) -> Ids:
        """Return new variables that the witness's program combines, and that no gate binds yet."""
        out = self.new(max(ids.size for ids in wires.values()))
        self._steps.append(CombineStep(out, dict(wires), dict(factors)))
        return out

    def look_up(self, values: Ids) -> None:
        """Allow only numbers of the table, four to a row; `values` of any shape."""
        padded = np.full(-(-values.size // len(WIRES)) * len(WIRES), self.constant(0), dtype=np.int64)
        padded[: values.size] = values.reshape(-1)
        self.group([(dict(zip(WIRES, padded.reshape(-1, len(WIRES)).T, strict=True)), {"q_r": 1})])

    def combine(self, wires: Mapping[str, Ids], factors: Mapping[str, int]) -> Ids:
        """Return new variables ``ab a b + a a + b b + c c + k``, one row per lane; wire d holds them."""
        if "d" in wires or {"cd", "d"} & set(factors):
            raise CircuitRefused("Wire d holds the result of a combination.")
        out = self.define(wires, factors)
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
        rows: list[GroupRow] = []
        if addend is not None:
            total = addend
        elif terms == 1:
            return self.combine({"a": left[:, 0], "b": right[:, 0]}, {"ab": 1})
        else:
            wires = {"a": left[:, 0], "b": right[:, 0], "c": left[:, 1], "d": right[:, 1]}
            total, begin = self.define(wires, {"ab": 1, "cd": 1}), 2
            rows.append((wires, named({"ab": 1, "cd": 1, "n": -1})))
        for term in range(begin, terms):
            wires = {"a": total, "c": left[:, term], "d": right[:, term]}
            total = self.define(wires, {"a": 1, "cd": 1})
            if term == terms - 1:
                rows.append(({**wires, "b": total}, named({"a": 1, "cd": 1, "b": -1})))
            else:
                rows.append((wires, named({"a": 1, "cd": 1, "n": -1})))
        if begin == terms:
            rows.append(({"a": total}, {}))
        self.group(rows)
        return total

    def weighted_sum(self, values: Ids, factors: Sequence[int], constant: int = 0) -> Ids:
        """Return new variables: the sum of values ``(lanes, terms)`` times factors, and of a constant."""
        terms = values.shape[1]
        if terms < len(WIRES):
            named_factors = dict(zip("abc", factors, strict=False)) | ({"k": constant} if constant else {})
            return self.combine(dict(zip("abc", values.T, strict=False)), named_factors)
        rows: list[GroupRow] = []
        total = values[:, 0]
        for begin in range(1, terms, len(WIRES) - 1):
            end = min(begin + len(WIRES) - 1, terms)
            wires = {"a": total} | dict(zip("bcd", values[:, begin:end].T, strict=False))
            scales = {"a": factors[0] if begin == 1 else 1} | dict(zip("bcd", factors[begin:end], strict=False))
            if begin == 1 and constant:
                scales["k"] = constant
            total = self.define(wires, scales)
            rows.append((wires, named({**scales, "n": -1})))
        self.group([*rows, ({"a": total}, {})])
        return total

    def assert_equal(self, left: Ids, right: Ids) -> None:
        """Let variables be the same from here on; costs no row."""
        self._equal.append((left.reshape(-1), right.reshape(-1)))

    def assert_boolean(self, values: Ids) -> None:
        """Allow only 0 and 1, one row per lane."""
        self.gate({"a": values, "b": values}, {"ab": 1, "a": -1})

    def limbs(self, values: Ids, count: int, then: GroupRow | None = None) -> Ids:
        """Return the `count` limbs of `table_bits` bits that values consist of, ``(lanes, count)``, lowest first.

        Values of more bits have no witness. With more bits than the field's modulus has, several decompositions exist:
        see `proving.snark.decomposition`.

        Parameters
        ----------
        values
            ``(lanes,)``.
        then
            A gate that has the values in wire a, which needs no row of its own when there are two to four limbs.
        """
        limbs = self.new(values.size * count).reshape(values.size, count)
        self._steps.append(LimbStep(values, limbs, self.table_bits))
        self.require_number(limbs, values, then)
        return limbs

    def require_number(self, limbs: Ids, values: Ids, then: GroupRow | None = None) -> None:
        """Allow only limbs ``(lanes, count)``, lowest first, that make values ``(lanes,)`` up; `then` as in `limbs`."""
        wires, factors = then or ({}, {})
        last: GroupRow = ({**wires, "a": values}, named(factors))
        if 1 < limbs.shape[1] <= len(WIRES):
            self.group([self._four(limbs), last])
            return
        total, *parts = self.parts(limbs)
        for place, part in enumerate(parts, 1):
            scale = 1 << self.table_bits * len(WIRES) * place
            if place < len(parts):
                total = self.combine({"a": total, "b": part}, {"a": 1, "b": scale})
            else:
                self.gate({"a": total, "b": part, "c": values}, {"a": 1, "b": scale, "c": -1})
        if not parts:
            self.assert_equal(total, values)
        if then is not None:
            self.gate({**wires, "a": values}, factors)

    def parts(self, limbs: Ids) -> list[Ids]:
        """Look limbs ``(lanes, count)`` up; return the numbers that each four make up, the last one of fewer."""
        found = []
        for begin in range(0, limbs.shape[1], len(WIRES)):
            four = limbs[:, begin : begin + len(WIRES)]
            if four.shape[1] == 1:
                self.look_up(four)
                found.append(four[:, 0])
                continue
            cells, factors = self._four(four)
            part = self.define(cells, {name: 1 << self.table_bits * j for j, name in enumerate(WIRES)})
            self.group([(cells, factors), ({"a": part}, {})])
            found.append(part)
        return found

    def _four(self, limbs: Ids) -> GroupRow:
        """Return the row that looks up to four limbs up, and has the number that they make up in the next wire a."""
        padded = np.full((limbs.shape[0], len(WIRES)), self.constant(0), dtype=np.int64)
        padded[:, : limbs.shape[1]] = limbs
        cells = dict(zip(WIRES, padded.T, strict=True))
        powers = {name: 1 << self.table_bits * j for j, name in enumerate(WIRES)}
        return cells, named({**powers, "n": -1}) | {"q_r": 1}

    def permute(self, state: Ids) -> Ids:
        """Return Poseidon2's permutation of states, ``(lanes, 3)``; 37 rows per lane."""
        lanes = state.shape[0]
        cells = np.full((_PERMUTATION_ROWS, len(WIRES), lanes), UNUSED, dtype=np.int64)
        cells[0, :_STATE] = state.T
        cells[1:, :_STATE] = self.new((_PERMUTATION_ROWS - 1) * _STATE * lanes).reshape(-1, _STATE, lanes)
        rows: list[GroupRow] = []
        for i, (row, constants) in enumerate(schedule()):
            if row is Row.PARTIAL:
                cells[i, 3] = self.new(lanes)
            named = dict(zip(("q_a", "q_b", "q_c", "q_d"), constants, strict=True))
            rows.append((dict(zip(WIRES, cells[i], strict=True)), {**named, row.value: 1}))
        rows.append((dict(zip(WIRES, cells[-1], strict=True)), {}))
        self._steps.append(PermutationStep(cells))
        self.group(rows)
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
        selectors[: publics.size, SELECTORS.index("q_a")] = self.pooled(1)
        wires[publics.size : used - 1], selectors[publics.size : used - 1] = self.laid_out()
        wires[-1] = one
        selectors[-1, SELECTORS.index("q_r")] = self.pooled(1)
        table = np.arange(rows, dtype=np.int64)
        table[1 << self.table_bits :] = 0
        return Circuit(
            rows=rows,
            public_inputs=publics,
            inputs=np.concatenate([np.zeros(0, dtype=np.int64), *self._inputs]),
            wires=np.ascontiguousarray(self._representatives(wires).T),
            selectors=np.ascontiguousarray(selectors.T),
            pool=FR.encode(self.pool),
            table=table,
            variables=self._variables,
            steps=tuple(self._steps),
        )

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
