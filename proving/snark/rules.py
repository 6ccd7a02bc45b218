"""The rules of a circuit, row by row, and which of them a witness breaks, without proving.

A rule is one constraint of one row's gate, C0 to C3, or the lookup of one of its wires. Copies hold by construction:
a witness is a value for every variable.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.snark.bn254.field import FR, Elements
from proving.snark.circuit import UNUSED, Circuit
from proving.snark.columns import Column
from proving.snark.equations import E, constraints
from proving.snark.layout import MULTIPLICITY, NEXT_VALUES, PERMUTATION, PRODUCT, SELECTORS, SUM, TABLE, WIRES
from proving.snark.points import SCALAR_MODULUS
from proving.snark.steps import ConstantStep
from proving.snark.transcript import Challenges

#: Constraints of a row's gate: the first ones of `proving.snark.equations.constraints`.
GATES = 4
_LOOKUP = "lookup "
_ROUNDS = ("q_i", "q_f", "q_p")
_ARGUMENTS = (*PERMUTATION, TABLE, MULTIPLICITY, PRODUCT, SUM)
_NONE = Challenges(0, 0, 0)


@dataclass(frozen=True, order=True)
class Rule:
    """A constraint, ``C0`` to ``C3``, or ``lookup`` and a wire, of a row."""

    row: int
    name: str

    @property
    def wire(self) -> str:
        """The wire that is looked up; empty for a constraint."""
        return self.name.removeprefix(_LOOKUP) if self.name.startswith(_LOOKUP) else ""

    def __str__(self) -> str:
        return f"row {self.row}, {self.name}"


class Rules:
    """The rules of a circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._selectors = {
            name: Column(circuit.pool[places]) for name, places in zip(SELECTORS, circuit.selectors, strict=True)
        }
        self._zero = Column(np.zeros((circuit.rows, 4), dtype=np.uint64))
        self._pool = FR.decode(circuit.pool)

    def broken(self, wires: Mapping[str, Elements], public_inputs: Sequence[int]) -> set[Rule]:
        """Return the rules that columns of wires, ``(rows, 4) uint64`` by name, break."""
        row = self._selectors | {name: Column(column) for name, column in wires.items()}
        row |= dict.fromkeys(_ARGUMENTS, self._zero)
        publics = self._zero.array.copy()
        publics[: len(public_inputs)] = FR.negate(FR.encode(public_inputs))
        following = {name: Column(np.roll(row[name].array, -1, axis=0)) for name in NEXT_VALUES}
        terms = _gates(row, following, publics=Column(publics), zero=self._zero)
        found = {Rule(int(i), f"C{k}") for k in range(GATES) for i in np.flatnonzero(terms[k].array.any(axis=1))}
        looked_up = self._selectors["q_r"].array.any(axis=1)
        for name, column in wires.items():
            limbs = FR.to_limbs(column)
            outside = limbs[:, 1:].any(axis=1) | (limbs[:, 0] > np.uint64(self._circuit.table.max()))
            found |= {Rule(int(i), f"{_LOOKUP}{name}") for i in np.flatnonzero(looked_up & outside)}
        return found

    def variables(self, rule: Rule) -> list[int]:
        """Return the variables that a rule may depend on."""
        wires = self._circuit.wires
        if rule.wire:
            cells = [wires[WIRES.index(rule.wire), rule.row]]
        else:
            following = (rule.row + 1) % self._circuit.rows
            cells = [*wires[:, rule.row], *wires[: len("abc"), following]]
        return sorted({int(cell) for cell in cells if cell != UNUSED})

    def residual(self, rule: Rule, values: Mapping[int, int], public_inputs: Sequence[int]) -> int:
        """Return what a constraint of a gate makes of the values of `variables`; it holds where that is zero."""
        here, behind = (self._circuit.wires[:, (rule.row + i) % self._circuit.rows] for i in range(2))
        places = zip(SELECTORS, self._circuit.selectors[:, rule.row], strict=True)
        row = {name: self._pool[place] for name, place in places} | dict.fromkeys(_ARGUMENTS, 0)
        row |= {name: values.get(int(cell), 0) for name, cell in zip(WIRES, here, strict=True)}
        following = dict.fromkeys(NEXT_VALUES, 0) | {
            name: values.get(int(cell), 0) for name, cell in zip("abc", behind, strict=False)
        }
        publics = -public_inputs[rule.row] if rule.row < len(public_inputs) else 0
        terms: list[int] = _gates(row, following, publics=publics, zero=0)
        return terms[int(rule.name[1])] % SCALAR_MODULUS

    @functools.cached_property
    def every(self) -> list[Rule]:
        """All rules, but for what fixes the value of a constant, and lookups of constants."""
        circuit = self._circuit
        used = {name: column.array.any(axis=1) for name, column in self._selectors.items()}
        rounds = used["q_i"] | used["q_f"] | used["q_p"]
        linear = np.logical_or.reduce([used[name] for name in SELECTORS if name not in ("q_r", *_ROUNDS)])
        gates = (rounds | linear, rounds, rounds, used["q_p"])
        constants = [step.out for step in circuit.steps if isinstance(step, ConstantStep)]
        fixed = np.concatenate([np.array([UNUSED]), *constants])
        found = [Rule(int(i), f"C{k}") for k, rows in enumerate(gates) for i in np.flatnonzero(rows)]
        fixing: NDArray[np.bool_] = np.logical_not(used["q_n"] | rounds)
        for name, product, cells in zip(WIRES, ("q_ab", "q_ab", "q_cd", "q_cd"), circuit.wires, strict=True):
            fixing &= ~(used[f"q_{name}"] | used[product]) | np.isin(cells, fixed)
        found = [rule for rule in found if not fixing[rule.row]]
        for name, cells in zip(WIRES, circuit.wires, strict=True):
            free = used["q_r"] & ~np.isin(cells, fixed)
            found += [Rule(int(i), f"{_LOOKUP}{name}") for i in np.flatnonzero(free)]
        return sorted(found)


def _gates(row: Mapping[str, E], following: Mapping[str, E], *, publics: E, zero: E) -> list[E]:
    return constraints(row, following, x=zero, first=zero, publics=publics, challenges=_NONE)[:GATES]
