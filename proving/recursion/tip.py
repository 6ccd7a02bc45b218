"""The recursion tip: opens the state that a batch's last proof of `main_vm` ends in, and ties every chain to it.

Public input: key set, program commitment, the eight words of the output. The machine's claim starts at the program
commitment; the state that it ends in is halted, and the request chain of every other type is the empty one, since no
circuit proves their requests yet. What a state consists of, and how it is hashed, is :mod:`proving.machine.state`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from proving.circuits.requests import RequestType
from proving.hash import DIGEST, WIDTH, Tag
from proving.machine.state import STATE_VERSION, State, empty_requests
from proving.recursion.aggregation import child_hints, open_key_set, take_child
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
#: Public input: key set, program commitment, output.
TIP_CLAIM: Final = 2 * DIGEST + len(OUTPUT_REGISTERS)
_REGISTERS: Final = 32


def tip_words(key_set: Words, program: Words, output: Words) -> Words:
    """Return the public input of a tip ``(16,)`` from digests ``(4,)`` and the words of an output ``(8,)``."""
    return np.concatenate([key_set, program, output.astype(np.uint64)])


def write_tip(name: str, child: Key, profile: str, keys: int) -> CompiledCircuit:
    """Write down the recursion tip; its hints are those of :func:`tip_hints`.

    Parameters
    ----------
    child
        The key of any leaf or node: all but its preprocessed cap is taken for granted.
    keys
        Number of entries of the key set.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(TIP_CLAIM)
    key_set, program, output = (
        circuit.take(claim, slice(start, end))
        for start, end in ((0, DIGEST), (DIGEST, 2 * DIGEST), (2 * DIGEST, TIP_CLAIM))
    )
    entries = open_key_set(circuit, keys, key_set)
    shown = take_child(circuit, child, profile, entries, Role.AGGREGATION)
    circuit.require_equal(shown.key_set, key_set, ProofRefused)
    circuit.require_equal(shown.start, program, ProofRefused)
    circuit.require_equal(shown.circuit_type, _constants(circuit, MAIN_VM_TYPE), ProofRefused)
    digest, registers = _open_halted(circuit)
    circuit.require_equal(digest, shown.end, ProofRefused)
    words = circuit.take(registers, slice(OUTPUT_REGISTERS.start, OUTPUT_REGISTERS.stop))
    circuit.require_equal(words, output, ProofRefused)
    return compile_recording(name, circuit.recording)


def tip_hints(entries: Words, child: tuple[int, Words, Words, Sequence[Words]], final: State) -> list[Words]:
    """Return a tip's hints: the key set's entries, those of its child, and the opening of the final state."""
    control = np.array([Tag.STATE, STATE_VERSION, final.pc, int(final.halted)], dtype=np.uint64)
    registers = final.registers.astype(np.uint64).reshape(-1, DIGEST)
    opening = [registers, np.stack([final.memory_root, final.code_root]), final.requests, control[None]]
    return [entries, *child_hints(*child), *opening]


def _open_halted(circuit: CircuitArithmetic) -> tuple[Wires, Wires]:
    """Take the opening of a halted state without requests; return its digest ``(4,)`` and registers ``(32,)``."""
    registers = circuit.hint((_REGISTERS // DIGEST, DIGEST))
    roots = circuit.hint((2, DIGEST))
    requests = circuit.hint((len(RequestType), DIGEST))
    control = circuit.hint((1, DIGEST))
    blocks = circuit.reshape(registers, (2, WIDTH))
    _hold(circuit, [circuit.take(registers, place) for place in (0, WIDTH // DIGEST)])
    _hold(circuit, [circuit.take(requests, 0)])
    held = [circuit.compress(circuit.take(blocks, i)) for i in range(2)]
    parts = circuit.compress(circuit.concatenate([*held, circuit.reshape(roots, (2 * DIGEST,))], 0))
    chains = circuit.compress(circuit.reshape(requests, (WIDTH,)))
    rest = circuit.concatenate([circuit.take(control, 0), _constants(circuit, *[0] * DIGEST)], 0)
    digest = circuit.compress(circuit.concatenate([parts, chains, rest], 0))
    circuit.require_equal(requests, circuit.constant(empty_requests()), ProofRefused)
    for place, value in ((0, Tag.STATE), (1, STATE_VERSION), (3, True)):
        circuit.require_equal(circuit.take(control, (0, slice(place, place + 1))), _constants(circuit, value),
                              ProofRefused)  # fmt: skip
    return digest, circuit.reshape(registers, (_REGISTERS,))


def _hold(circuit: CircuitArithmetic, digests: Sequence[Wires]) -> None:
    """Give hinted digests a row that writes them, where those that use them can only read."""
    before, after = _constants(circuit, *[0] * DIGEST), _constants(circuit, *[0] * (WIDTH - 2 * DIGEST))
    for digest in digests:
        circuit.compress(circuit.concatenate([before, digest, after], 0))


def _constants(circuit: CircuitArithmetic, *values: int) -> Wires:
    return circuit.constant(np.array(values, dtype=np.uint64))
