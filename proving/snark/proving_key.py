"""What a prover holds of a circuit: the preprocessed polynomials, the setup's powers and the verifying key."""

from __future__ import annotations

from dataclasses import dataclass

from proving.backend.bn254 import Bn254Kernels
from proving.snark.bn254 import curve, polynomials
from proving.snark.bn254.curve import Points
from proving.snark.bn254.field import Elements
from proving.snark.bn254.kernels import NATIVE
from proving.snark.circuit import Circuit
from proving.snark.errors import SnarkKeyRefused
from proving.snark.key import SnarkKey
from proving.snark.layout import PREPROCESSED
from proving.snark.points import Point
from proving.snark.setup.powers import Setup


@dataclass(frozen=True)
class ProvingKey:
    """A circuit's proving key.

    Attributes
    ----------
    circuit
        Wiring and witness program.
    key
        The verifying key.
    powers
        ``(rows, 8) uint64``: the setup's.
    columns
        Values of the preprocessed columns by name, ``(rows, 4) uint64`` each.
    polynomials
        Their coefficients.
    """

    circuit: Circuit
    key: SnarkKey
    powers: Points
    columns: dict[str, Elements]
    polynomials: dict[str, Elements]


def make_key(circuit: Circuit, setup: Setup, known: SnarkKey | None = None) -> ProvingKey:
    """Return the keys of a circuit.

    Parameters
    ----------
    known
        The verifying key, where it has been made before; the commitments are most of the work. No proof that is made
        with a wrong one is accepted.

    Raises
    ------
    SetupPower
        The setup has fewer powers than the circuit has rows.
    SnarkKeyRefused
        The key that is known is not of this circuit and setup.
    """
    powers = setup.first(circuit.rows)
    columns = circuit.preprocessed()
    coefficients = {name: polynomials.coefficients(columns[name]) for name in PREPROCESSED}
    stated = (setup.mark, circuit.rows, circuit.public_inputs.size, setup.point)
    if known is None:
        commitments = {name: commit(powers, polynomial) for name, polynomial in coefficients.items()}
        mark, rows, public_inputs, point = stated
        known = SnarkKey(mark, rows, public_inputs, commitments, point)
    elif stated != (known.mark, known.rows, known.public_inputs, known.setup_point):
        raise SnarkKeyRefused("The key is not of this circuit and this setup.")
    return ProvingKey(circuit, known, powers, columns, coefficients)


def commit(powers: Points, polynomial: Elements, kernels: Bn254Kernels = NATIVE) -> Point:
    """Return the commitment to a polynomial's coefficients, ``(count, 4)``."""
    [point] = curve.decode(kernels.multiply_sum(powers, polynomial)[None])
    return point
