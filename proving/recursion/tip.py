"""The recursion tip: opens the state that a batch's last proof of `main_vm` ends in.

Public input: key set, program commitment, the eight words of the output, and the digest of the four request chains of
the final state. The machine's claim starts at the program commitment, and the state that it ends in is halted. That
other proofs show what was requested is for whoever reads the tip (:mod:`proving.recursion.tie`). What a state consists
of, and how it is hashed, is :mod:`proving.machine.state`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from proving.circuits.requests import RequestType
from proving.hash import DIGEST, WIDTH, Tag, compress
from proving.machine.state import STATE_VERSION, State
from proving.recursion.aggregation import child_hints, hold, open_key_set, take_child
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.claims import Role
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.wires import Wires
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.key import Key

#: The type of `main_vm` in claims.
MAIN_VM_TYPE: Final = 0
#: The registers that hold the output, one word each.
OUTPUT_REGISTERS: Final = range(10, 18)
#: Public input: key set, program commitment, output, digest of the request chains.
TIP_CLAIM: Final = 3 * DIGEST + len(OUTPUT_REGISTERS)
_REGISTERS: Final = 32


def tip_words(key_set: Words, program: Words, output: Words, requests: Words) -> Words:
    """Return the public input of a tip ``(20,)``.

    Parameters
    ----------
    key_set, program
        Digests ``(4,)``.
    output
        Its words ``(8,)``.
    requests
        The request chains ``(4, 4)`` of the final state that are still to be shown; of others the empty one.
    """
    return np.concatenate([key_set, program, output.astype(np.uint64), compress(requests.reshape(WIDTH))])


def write_tip(
    name: str, child: Key, profile: str, keys: int, log_heights: Mapping[str, int] | None = None
) -> CompiledCircuit:
    """Write down the recursion tip; its hints are those of :func:`tip_hints`.

    Parameters
    ----------
    child
        The key of any leaf or node: all but its preprocessed cap is taken for granted.
    keys
        Number of entries of the key set.
    log_heights
        Least heights, so that ties have them too.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(TIP_CLAIM)
    key_set, program, output, requests = (
        circuit.take(claim, slice(start, end))
        for start, end in pairwise((0, DIGEST, 2 * DIGEST, TIP_CLAIM - DIGEST, TIP_CLAIM))
    )
    entries = open_key_set(circuit, keys, key_set)
    shown = take_child(circuit, child, profile, entries, Role.AGGREGATION)
    circuit.require_equal(shown.key_set, key_set, ProofRefused)
    circuit.require_equal(shown.start, program, ProofRefused)
    circuit.require_equal(shown.circuit_type, _constants(circuit, MAIN_VM_TYPE), ProofRefused)
    digest, registers, chains = _open_halted(circuit)
    circuit.require_equal(chains, requests, ProofRefused)
    circuit.require_equal(digest, shown.end, ProofRefused)
    words = circuit.take(registers, slice(OUTPUT_REGISTERS.start, OUTPUT_REGISTERS.stop))
    circuit.require_equal(words, output, ProofRefused)
    return compile_recording(name, circuit.recording, dict(log_heights or {}))


def tip_hints(entries: Words, child: tuple[int, Words, Words, Sequence[Words]], final: State) -> list[Words]:
    """Return a tip's hints: the key set's entries, those of its child, and the opening of the final state."""
    control = np.array([Tag.STATE, STATE_VERSION, final.pc, int(final.halted)], dtype=np.uint64)
    registers = final.registers.astype(np.uint64).reshape(-1, DIGEST)
    opening = [registers, np.stack([final.memory_root, final.code_root]), final.requests, control[None]]
    return [entries, *child_hints(*child), *opening]


def _open_halted(circuit: CircuitArithmetic) -> tuple[Wires, Wires, Wires]:
    """Take the opening of a halted state; return its digest ``(4,)``, registers ``(32,)``, request digest ``(4,)``."""
    registers = circuit.hint((_REGISTERS // DIGEST, DIGEST))
    roots = circuit.hint((2, DIGEST))
    requests = circuit.hint((len(RequestType), DIGEST))
    control = circuit.hint((1, DIGEST))
    blocks = circuit.reshape(registers, (2, WIDTH))
    hold(circuit, [circuit.take(registers, place) for place in (0, WIDTH // DIGEST)])
    hold(circuit, [circuit.take(requests, 0)])
    held = [circuit.compress(circuit.take(blocks, i)) for i in range(2)]
    parts = circuit.compress(circuit.concatenate([*held, circuit.reshape(roots, (2 * DIGEST,))], 0))
    chains = circuit.compress(circuit.reshape(requests, (WIDTH,)))
    rest = circuit.concatenate([circuit.take(control, 0), _constants(circuit, *[0] * DIGEST)], 0)
    digest = circuit.compress(circuit.concatenate([parts, chains, rest], 0))
    for place, value in ((0, Tag.STATE), (1, STATE_VERSION), (3, True)):
        circuit.require_equal(circuit.take(control, (0, slice(place, place + 1))), _constants(circuit, value),
                              ProofRefused)  # fmt: skip
    return digest, circuit.reshape(registers, (_REGISTERS,)), chains


def _constants(circuit: CircuitArithmetic, *values: int) -> Wires:
    return circuit.constant(np.array(values, dtype=np.uint64))
