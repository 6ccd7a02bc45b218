"""Which gates a witness breaks, row by row, without proving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from proving.snark.bn254.field import FR, Elements
from proving.snark.circuit import Circuit
from proving.snark.columns import Column
from proving.snark.equations import constraints
from proving.snark.layout import NEXT_VALUES, WIRES
from proving.snark.transcript import Challenges

GATES = 4


def fill(circuit: Circuit, public_inputs: Sequence[int], inputs: Sequence[int]) -> dict[str, Elements]:
    """The wires' columns."""
    filled = circuit.fill(FR.encode(public_inputs), FR.encode(inputs))
    return dict(zip(WIRES, filled[circuit.wires], strict=True))


def broken_gates(circuit: Circuit, wires: Mapping[str, Elements], public_inputs: Sequence[int]) -> set[tuple[int, int]]:
    """Number of the constraint, C0 to C3, and row of each gate that does not hold."""
    zero = Column(np.zeros((circuit.rows, 4), dtype=np.uint64))
    row = {name: Column(column) for name, column in (circuit.preprocessed() | dict(wires)).items()}
    row |= {"z": zero, "p": zero, "m": zero}
    publics = zero.array.copy()
    publics[: len(public_inputs)] = FR.negate(FR.encode(public_inputs))
    terms = constraints(
        row,
        {name: Column(np.roll(row[name].array, -1, axis=0)) for name in NEXT_VALUES},
        x=zero,
        first=zero,
        publics=Column(publics),
        challenges=Challenges(0, 0, 0),
    )
    return {(k, int(i)) for k in range(GATES) for i in np.flatnonzero(terms[k].array.any(axis=1))}


def broken_lookups(circuit: Circuit, wires: Mapping[str, Elements]) -> set[int]:
    """Rows that are looked up and hold a value that the table does not."""
    looked_up = circuit.preprocessed()["q_r"].any(axis=1)
    outside = np.zeros(circuit.rows, dtype=bool)
    for column in wires.values():
        limbs = FR.to_limbs(column)
        outside |= limbs[:, 1:].any(axis=1) | (limbs[:, 0] > np.uint64(circuit.table.max()))
    return set(np.flatnonzero(looked_up & outside).tolist())


def forge(circuit: Circuit, inputs: Sequence[int], changed: Mapping[int, int], publics: Sequence[int] = (5,)) -> bool:
    """Whether a witness passes in which a forger set some variables and computed the rest from them.

    Copies hold by construction, so gates and lookups are what can refuse it.
    """
    values = circuit.fill(FR.encode(publics), FR.encode(inputs))
    encoded = {variable: FR.scalar(value % FR.modulus) for variable, value in changed.items()}
    for variable, element in encoded.items():
        values[variable] = element
    for step in circuit.steps if changed else ():
        step.fill(values)
        for variable, element in encoded.items():
            values[variable] = element
    wires = dict(zip(WIRES, values[circuit.wires], strict=True))
    return not broken_gates(circuit, wires, publics) and not broken_lookups(circuit, wires)
