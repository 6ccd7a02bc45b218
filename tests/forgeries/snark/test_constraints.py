"""Every constraint is needed: without it, a witness that breaks only this one proves a false statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from proving.snark import prover
from proving.snark.bn254 import polynomials
from proving.snark.bn254.field import FR, Elements
from proving.snark.columns import Column
from proving.snark.equations import between_partial_rounds, full_round, partial_rounds
from proving.snark.layout import PRODUCT
from proving.snark.points import SCALAR_MODULUS
from proving.snark.poseidon2 import Row, schedule
from proving.snark.proving_key import make_key
from proving.snark.setup import insecure
from proving.snark.steps import PermutationStep
from proving.snark.transcript import Challenges
from tests.forgeries.snark.forger import accepts, false_statement, too_many_bits, without
from tests.proving.snark.circuits import SECRET, Case, every_gate
from tests.proving.snark.rows import broken_gates

#: Rows of two partial rounds, and a full round after them.
PARTIAL_ROW, FULL_ROW = 20, 33


@pytest.fixture(scope="module")
def case() -> Case:
    return every_gate()


def check(forger: prover.Prover, case: Case, publics: list[int], constraint: int) -> None:
    """The verifier without the constraint accepts, the right one does not, and the statement is false."""
    assert publics != case.statement()
    key = case.proving_key.key
    with pytest.MonkeyPatch.context() as patch:
        without(patch, constraint)
        forged = forger.prove()
        assert accepts(forged, publics, key)
    assert not accepts(forged, publics, key)


def permutation_with(case: Case, row: int, wire: int) -> dict[int, int]:
    """One cell of the permutation is one more than it should be, and all that follows from it agrees."""
    [cells] = [step.cells[:, :, 0] for step in case.circuit.steps if isinstance(step, PermutationStep)]
    values = case.values([0, 0, 0])
    state = FR.decode(values[cells[row]])
    state[wire] += 1
    changed = {int(cells[row, wire]): state[wire]}
    a, b, c, d = (int(x) for x in state)
    for i in range(row, len(schedule())):
        kind, constants = schedule()[i]
        if kind is Row.PARTIAL:
            if i > row or wire != 3:
                d = between_partial_rounds(a, b, c)[0] + constants[3]
                changed[int(cells[i, 3])] = d
            following = partial_rounds(a, b, c, d)
        else:
            following = full_round(a, b, c)
        a, b, c = ((x + constant) % SCALAR_MODULUS for x, constant in zip(following, constants[:3], strict=True))
        changed |= dict(zip(map(int, cells[i + 1, :3]), (a, b, c), strict=True))
    return changed


def test_the_first_constraint(case: Case) -> None:
    publics = false_statement(case)
    assert broken_gates(case.circuit, case.wires(), publics) == {(0, 0)}
    check(prover.Prover(case.proving_key, publics, case.wires()), case, publics, 0)


@pytest.mark.parametrize(
    ("constraint", "row", "wire"),
    [
        (0, FULL_ROW, 0),
        (1, FULL_ROW, 1),
        (2, FULL_ROW, 2),
        (0, PARTIAL_ROW, 0),
        (1, PARTIAL_ROW, 1),
        (2, PARTIAL_ROW, 2),
        (3, PARTIAL_ROW, 3),
    ],
)
def test_the_constraints_of_poseidon2(case: Case, constraint: int, row: int, wire: int) -> None:
    changed = permutation_with(case, row, wire)
    publics, wires = case.statement(changed), case.wires(changed)
    [(broken, _)] = broken_gates(case.circuit, wires, publics)
    assert broken == constraint
    check(prover.Prover(case.proving_key, publics, wires), case, publics, constraint)


def test_the_permutation(case: Case) -> None:
    class Forger(prover.Prover):
        def _product(self, _: Challenges) -> Elements:
            return np.tile(FR.scalar(1), (self._rows, 1))

    publics, wires = cut_copy(case)
    check(Forger(case.proving_key, publics, wires), case, publics, 4)


def cut_copy(case: Case) -> tuple[list[int], dict[str, Elements]]:
    """The public input's cell differs from the cell that it is a copy of, and no gate is broken."""
    publics, wires = false_statement(case), case.wires()
    wires["a"][0] = FR.scalar(publics[0])
    assert not broken_gates(case.circuit, wires, publics)
    return publics, wires


def test_the_first_row_of_the_permutation(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product of zeros satisfies C4. Its polynomial need not be zero: X^n - 1 is zero on the trace domain."""
    rows = case.circuit.rows
    longer = replace(case, proving_key=make_key(case.circuit, insecure.make(rows, secret=SECRET)))
    longer = replace(
        longer, proving_key=replace(longer.proving_key, powers=insecure.make(rows + 1, secret=SECRET).powers)
    )
    values = polynomials.values

    def folded(coefficients: Elements, log_size: int, shift: int = 1) -> Elements:
        low, high = coefficients[: 1 << log_size], coefficients[1 << log_size :]
        wrapped = Column(low.copy())
        if len(high):
            wrapped.array[: len(high)] = FR.add(
                low[: len(high)], FR.multiply(high, FR.scalar(pow(shift, 1 << log_size, SCALAR_MODULUS)))
            )
        return values(wrapped.array, log_size, shift)

    class Forger(prover.Prover):
        def _product(self, _: Challenges) -> Elements:
            return np.zeros((self._rows, 4), dtype=np.uint64)

        def _round(self, found: Mapping[str, Elements]) -> None:
            zero = np.zeros((1, 4), dtype=np.uint64)
            self._committed = {name: np.resize(np.r_[c, zero], (rows + 1, 4)) for name, c in self._committed.items()}
            padded = {name: np.r_[column, zero] for name, column in found.items()}
            if PRODUCT in padded:
                padded[PRODUCT][0] = FR.scalar(SCALAR_MODULUS - 1)
                padded[PRODUCT][-1] = FR.scalar(1)
            super()._round(padded)

    monkeypatch.setattr(polynomials, "values", folded)
    publics, wires = cut_copy(case)
    check(Forger(longer.proving_key, publics, wires), longer, publics, 5)


def test_the_lookup(case: Case) -> None:
    class Forger(prover.Prover):
        def _multiplicities(self) -> Elements:
            return np.tile(FR.scalar(1), (self._rows, 1))

    publics, wires = too_many_bits(case)
    assert not broken_gates(case.circuit, wires, publics)
    check(Forger(case.proving_key, publics, wires), case, publics, 6)
