"""Which gates a witness breaks, row by row, without proving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proving.snark.bn254.field import FR, Elements
from proving.snark.circuit import Circuit
from proving.snark.layout import WIRES
from proving.snark.removal import Adversary
from proving.snark.rules import Rules


def fill(circuit: Circuit, public_inputs: Sequence[int], inputs: Sequence[int]) -> dict[str, Elements]:
    """The wires' columns."""
    filled = circuit.fill(FR.encode(public_inputs), FR.encode(inputs))
    return dict(zip(WIRES, filled[circuit.wires], strict=True))


def broken_gates(circuit: Circuit, wires: Mapping[str, Elements], public_inputs: Sequence[int]) -> set[tuple[int, int]]:
    """Number of the constraint, C0 to C3, and row of each gate that does not hold."""
    broken = Rules(circuit).broken(wires, public_inputs)
    return {(int(rule.name[1]), rule.row) for rule in broken if not rule.wire}


def broken_lookups(circuit: Circuit, wires: Mapping[str, Elements]) -> set[int]:
    """Rows that are looked up and hold a value that the table does not."""
    return {rule.row for rule in Rules(circuit).broken(wires, ()) if rule.wire}


def forge(circuit: Circuit, inputs: Sequence[int], changed: Mapping[int, int], publics: Sequence[int] = (5,)) -> bool:
    """Whether a witness passes in which a forger set some variables and computed the rest from them.

    Copies hold by construction, so gates and lookups are what can refuse it.
    """
    return not Adversary(circuit, publics, inputs).broken(changed)
