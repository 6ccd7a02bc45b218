"""Writing down, in a circuit, that a proof holds."""

from __future__ import annotations

import numpy as np

from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.wires import Wires
from proving.stark.key import Key
from proving.stark.proof import Proof, assemble, parts_of
from proving.stark.shape import EXTENSION_DEGREE, Shape
from proving.stark.verifier import Claim, check


def require_proof(
    circuit: CircuitArithmetic,
    key: Key,
    shape: Shape,
    profile: str,
    *,
    publics: Wires,
    digest: Wires | None = None,
    cap: Wires | None = None,
) -> None:
    """Write down that a proof of a shape holds; its parts are the circuit's next hints, in the order of the format.

    Parameters
    ----------
    key
        The key of the proof; its constraints, layout and parameters are constants of the circuit.
    publics
        The proof's public input ``(key.publics,)``.
    digest, cap
        Key digest ``(4,)`` and preprocessed cap, where several keys with the same constraints are allowed; those of
        ``key`` otherwise.
    """
    parameters = key.parameters(profile)
    parts = [circuit.hint(part.shape, rows=part.rows) for part in parts_of(shape, parameters)]
    absent = circuit.constant(np.zeros((0, EXTENSION_DEGREE), dtype=np.uint64))
    proof: Proof[Wires] = assemble(shape, parts, absent)
    if cap is None and key.preprocessed_cap is not None:
        cap = circuit.constant(key.preprocessed_cap)
    claim = Claim(circuit.constant(key.digest) if digest is None else digest, cap, publics)
    check(circuit, key, shape, parameters, claim, proof)
