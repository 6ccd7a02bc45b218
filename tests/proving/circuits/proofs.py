"""Proofs of the basic circuits in their smallest shape."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proving.backend.native import NativeBackend
from proving.circuits.basic import LOG_BLOWUP, BasicCircuit
from proving.circuits.requests import U32, empty_chain
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.prover import prove
from proving.stark.verifier import verify
from runtime.errors import VerificationError


@cache
def small_key(circuit: BasicCircuit) -> Key:
    """A key of a circuit for its smallest shape alone."""
    return build_key(circuit.circuit, backend=NativeBackend(), log_blowup=LOG_BLOWUP, max_log_heights=circuit.shapes[0])


def prove_and_refuse(circuit: BasicCircuit, inputs: U32) -> None:
    """Prove requests; the proof is accepted, and refused for every other digest at start or end."""
    key = small_key(circuit)
    traces, publics = circuit.expand(empty_chain(circuit.kind), inputs)
    proof = prove(key, "proven100", publics, traces, NativeBackend())
    verify(key, "proven100", publics, proof)
    for place in (0, 4):
        other = publics.copy()
        other[place] ^= np.uint64(1)
        with pytest.raises(VerificationError):
            verify(key, "proven100", other, proof)
