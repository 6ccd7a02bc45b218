"""The scheduler: a batch's one proof.

Public input: key set, program commitment, protocol version, the eight words of the output. It verifies a recursion tip,
whose key is a constant of the circuit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from proving.hash import DIGEST
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.tip import TIP_CLAIM
from proving.recursion.verifying import require_proof
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.key import Key

#: Public input: key set, program commitment, protocol version, output.
SCHEDULER_CLAIM: Final = TIP_CLAIM + 1


def scheduler_words(key_set: Words, program: Words, protocol: int, output: Words) -> Words:
    """Return the public input of a scheduler ``(17,)``; the output is eight words."""
    version = np.array([protocol], dtype=np.uint64)
    return np.concatenate([key_set, program, version, output.astype(np.uint64)])


def write_scheduler(name: str, tip: Key, profile: str, protocol: int) -> CompiledCircuit:
    """Write down the scheduler of a protocol version; its hints are the parts of a tip's proof."""
    circuit = CircuitArithmetic()
    claim = circuit.public(SCHEDULER_CLAIM)
    version = circuit.take(claim, slice(2 * DIGEST, 2 * DIGEST + 1))
    circuit.require_equal(version, circuit.constant(np.array([protocol], dtype=np.uint64)), ProofRefused)
    before, after = (circuit.take(claim, part) for part in (slice(0, 2 * DIGEST), slice(2 * DIGEST + 1, None)))
    publics = circuit.concatenate([before, after], 0)
    require_proof(circuit, tip, tip.layout.largest(), profile, publics=publics)
    return compile_recording(name, circuit.recording)


def scheduler_hints(parts: Sequence[Words]) -> list[Words]:
    """Return a scheduler's hints: the parts of a tip's proof."""
    return list(parts)
