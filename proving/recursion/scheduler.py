"""The scheduler: a batch's one proof.

Public input: key set, program commitment, protocol version, the eight words of the output. It verifies a recursion tip
or a tie, whose key is in the key set with that role, and takes a run only whose requests are all shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from proving.hash import DIGEST, WIDTH, compress
from proving.machine.state import empty_requests
from proving.recursion.aggregation import open_key, open_key_set
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.claims import Role
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.tip import TIP_CLAIM
from proving.recursion.verifying import require_proof
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.key import Key

#: Public input: key set, program commitment, protocol version, output.
SCHEDULER_CLAIM: Final = TIP_CLAIM - DIGEST + 1


def scheduler_words(key_set: Words, program: Words, protocol: int, output: Words) -> Words:
    """Return the public input of a scheduler ``(17,)``; the output is eight words."""
    version = np.array([protocol], dtype=np.uint64)
    return np.concatenate([key_set, program, version, output.astype(np.uint64)])


def write_scheduler(name: str, tip: Key, profile: str, protocol: int, keys: int) -> CompiledCircuit:
    """Write down the scheduler of a protocol version; its hints are those of :func:`scheduler_hints`.

    Parameters
    ----------
    tip
        The tip's key: all but its preprocessed cap is taken for granted.
    keys
        Number of entries of the key set.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(SCHEDULER_CLAIM)
    version = circuit.take(claim, slice(2 * DIGEST, 2 * DIGEST + 1))
    circuit.require_equal(version, circuit.constant(np.array([protocol], dtype=np.uint64)), ProofRefused)
    before, after = (circuit.take(claim, part) for part in (slice(0, 2 * DIGEST), slice(2 * DIGEST + 1, None)))
    entries = open_key_set(circuit, keys, circuit.take(claim, slice(0, DIGEST)))
    digest, cap = open_key(circuit, tip, entries, Role.TIP)
    nothing = circuit.constant(compress(empty_requests().reshape(WIDTH)))
    publics = circuit.concatenate([before, after, nothing], 0)
    require_proof(circuit, tip, tip.layout.largest(), profile, publics=publics, digest=digest, cap=cap)
    return compile_recording(name, circuit.recording)


def scheduler_hints(entries: Words, place: int, cap: Words, parts: Sequence[Words]) -> list[Words]:
    """Return a scheduler's hints.

    Parameters
    ----------
    entries
        Of the key set ``(n, 4)``.
    place, cap
        Place of the tip's or tie's key among them, and its preprocessed cap.
    parts
        Its proof's.
    """
    return [entries, np.array([place], dtype=np.uint64), cap, *parts]
