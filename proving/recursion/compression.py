"""Compression layers: circuits that verify one proof and show the same public input.

They are layers over a batch's last proof: each is lower or has a smaller rate than the one before it, so that its own
proof costs less to verify, and the last one is hashed as a SNARK verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping

from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.verifying import require_proof
from proving.stark.key import Key


def write_layer(name: str, below: Key, profile: str, log_heights: Mapping[str, int] | None = None) -> CompiledCircuit:
    """Write down a layer; its hints are the parts of the proof below.

    Parameters
    ----------
    below
        The key of the proofs that it verifies, a constant of the circuit; their hash family is Goldilocks.
    log_heights
        log2 of the least heights, by table.
    """
    circuit = CircuitArithmetic()
    publics = circuit.public(below.publics)
    require_proof(circuit, below, below.layout.largest(), profile, publics=publics)
    return compile_recording(name, circuit.recording, dict(log_heights or {}))
