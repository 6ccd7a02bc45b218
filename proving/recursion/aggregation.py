"""Aggregation: leaf circuits verify one basic proof, node circuits two adjacent proofs of leaves or nodes.

The public input of both is a claim: key set, start, end, type. Leaf and node circuits have the same tables of the same
heights, so one constraint program verifies both, and only their preprocessed caps tell them apart. A node hashes the
key of each child from its cap and finds it, with the role that it must have, in the key set that it exposes; whoever
reads the last proof knows the key set. A leaf's basic key is a constant of its circuit.

What a chain of claims shows is what :mod:`proving.machine` says of segments: adjacent steps join to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proving.hash import DIGEST, RATE, WIDTH, Tag
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.claims import CLAIM, Role
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.verifying import require_proof
from proving.recursion.wires import Wires
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.key import Key, key_frame
from proving.stark.shape import Phase, Shape

#: Children of a node.
ARITY = 2


class HeightsDiffer(ValueError):
    """A node would have other heights than its children; give leaves greater ones."""


def write_leaf(
    name: str, key: Key, shape: Shape, profile: str, circuit_type: int, log_heights: Mapping[str, int] | None = None
) -> CompiledCircuit:
    """Write down the leaf circuit of a basic circuit's proofs of one shape; public input (start, end) there.

    Its hints are the basic proof's public input ``(2, 4)``, then the proof's parts.

    Raises
    ------
    HeightsDiffer
        The leaf does not fit the heights, so that nothing could read it beside other leaves.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(CLAIM)
    own = circuit.hint((2, DIGEST))
    circuit.require_equal(_slice(circuit, claim, DIGEST, 3 * DIGEST), circuit.reshape(own, (2 * DIGEST,)), ProofRefused)
    expected = circuit.constant(np.array([circuit_type], dtype=np.uint64))
    circuit.require_equal(_slice(circuit, claim, 3 * DIGEST, CLAIM), expected, ProofRefused)
    require_proof(circuit, key, shape, profile, publics=circuit.reshape(own, (2 * DIGEST,)))
    compiled = compile_recording(name, circuit.recording, dict(log_heights or {}))
    if log_heights is not None and compiled.log_heights != dict(log_heights):
        raise HeightsDiffer(f"The leaf needs heights {compiled.log_heights}, the others have {dict(log_heights)}.")
    return compiled


def write_node(name: str, child: Key, profile: str, keys: int) -> CompiledCircuit:
    """Write down the node circuit, in the heights of its children.

    Its hints are those of :func:`node_hints`.

    Parameters
    ----------
    child
        The key of any leaf or node of the family: all but its preprocessed cap is taken for granted.
    keys
        Number of keys in the key set.

    Raises
    ------
    HeightsDiffer
        The node does not fit the heights of its children, and could not be a child itself.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(CLAIM)
    entries = open_key_set(circuit, keys, _slice(circuit, claim, 0, DIGEST))
    before = _slice(circuit, claim, DIGEST, 2 * DIGEST)
    for _ in range(ARITY):
        shown = take_child(circuit, child, profile, entries, Role.AGGREGATION)
        circuit.require_equal(shown.key_set, _slice(circuit, claim, 0, DIGEST), ProofRefused)
        circuit.require_equal(shown.start, before, ProofRefused)
        circuit.require_equal(shown.circuit_type, _slice(circuit, claim, 3 * DIGEST, CLAIM), ProofRefused)
        before = shown.end
    circuit.require_equal(before, _slice(circuit, claim, 2 * DIGEST, 3 * DIGEST), ProofRefused)
    compiled = compile_recording(name, circuit.recording, dict(child.max_log_heights))
    if compiled.log_heights != child.max_log_heights:
        raise HeightsDiffer(f"The node needs heights {compiled.log_heights}, its children have "
                            f"{child.max_log_heights}.")  # fmt: skip
    return compiled


@dataclass(frozen=True)
class Shown:
    """What a child shows: digests ``(4,)`` and its type ``(1,)``."""

    key_set: Wires
    start: Wires
    end: Wires
    circuit_type: Wires


def open_key_set(circuit: CircuitArithmetic, keys: int, digest: Wires) -> Wires:
    """Take the entries ``(keys, 4)`` of the key set with a digest ``(4,)`` as the next hint."""
    entries = circuit.hint((keys, DIGEST))
    circuit.require_equal(
        hash_message(circuit, Tag.KEY, circuit.reshape(entries, (keys * DIGEST,))), digest, ProofRefused
    )
    return entries


def take_child(circuit: CircuitArithmetic, child: Key, profile: str, entries: Wires, role: Role) -> Shown:
    """Verify the proof of a leaf or node whose key is an entry of the key set with a role.

    The next hints are as :func:`child_hints` returns them.
    """
    digest, cap = open_key(circuit, child, entries, role)
    digests, kind = circuit.hint((3, DIGEST)), circuit.element()
    publics = circuit.concatenate([circuit.reshape(digests, (3 * DIGEST,)), kind], 0)
    require_proof(circuit, child, child.layout.largest(), profile, publics=publics, digest=digest, cap=cap)
    key_set, start, end = (circuit.take(digests, i) for i in range(3))
    return Shown(key_set, start, end, kind)


def open_key(circuit: CircuitArithmetic, child: Key, entries: Wires, role: Role) -> tuple[Wires, Wires]:
    """Take a child's key, an entry of the key set with a role; return its digest ``(4,)`` and preprocessed cap.

    The next hints are its place ``(1,)`` among the entries and its cap.
    """
    place = circuit.element()
    cap = circuit.hint((1 << child.layout.largest().trees[Phase.PREPROCESSED].log_cap, DIGEST))
    digest = _key_digest(circuit, child, cap)
    tail = np.zeros(RATE, dtype=np.uint64)
    tail[:2] = Tag.KEY, role
    found = circuit.compress(circuit.concatenate([digest, circuit.constant(tail)], 0))
    require_entry(circuit, entries, place, circuit.reshape(found, (1, DIGEST)))
    return digest, cap


def hold(circuit: CircuitArithmetic, digests: Sequence[Wires]) -> None:
    """Give hinted digests a row that writes them, where those that use them can only read."""
    for digest in digests:
        circuit.compress(circuit.concatenate([_zeros(circuit, DIGEST), digest, _zeros(circuit, WIDTH - 2 * DIGEST)], 0))


def require_entry(circuit: CircuitArithmetic, entries: Wires, place: Wires, digest: Wires) -> None:
    """Write down that a digest ``(1, 4)`` is the entry ``(n, 4)`` at a place ``(1,)`` of the prover's choice."""
    circuit.compress(circuit.concatenate([_zeros(circuit, DIGEST), place, _zeros(circuit, RATE - 1)], 0))
    count, _ = circuit.shape(entries)
    outside = circuit.constant(np.ones(1, dtype=np.uint64))
    for number in range(count):
        away = circuit.subtract(place, circuit.constant(np.array([number], dtype=np.uint64)))
        outside = circuit.multiply(outside, away)
    circuit.require_equal(outside, _zeros(circuit, 1), ProofRefused)
    circuit.read_cap(circuit.cap(entries), place, digest)


def hash_message(circuit: CircuitArithmetic, tag: Tag, message: Wires) -> Wires:
    """Hash a message of fixed length ``(n,)`` in a circuit, as :func:`proving.hash.hash_elements` does."""
    (length,) = circuit.shape(message)
    padded = circuit.concatenate([message, _zeros(circuit, -length % RATE)], 0)
    start = circuit.constant(np.array([tag, length, 0, 0], dtype=np.uint64))
    return circuit.chain(start, circuit.reshape(padded, (-(-length // RATE), RATE)))


def _key_digest(circuit: CircuitArithmetic, child: Key, cap: Wires) -> Wires:
    frame = key_frame(child.layout, child.program, child.reports)
    entries, _ = circuit.shape(cap)
    own = hash_message(circuit, Tag.KEY, circuit.reshape(cap, (entries * DIGEST,)))
    return hash_message(circuit, Tag.KEY, circuit.concatenate([circuit.constant(frame), own], 0))


def _slice(circuit: CircuitArithmetic, value: Wires, start: int, end: int) -> Wires:
    return circuit.take(value, slice(start, end))


def _zeros(circuit: CircuitArithmetic, count: int) -> Wires:
    return circuit.constant(np.zeros(count, dtype=np.uint64))


def child_hints(place: int, cap: Words, claim: Words, parts: Sequence[Words]) -> list[Words]:
    """Return the hints of one child.

    Parameters
    ----------
    place
        Of its key in the key set.
    cap
        Its preprocessed cap.
    claim, parts
        Its public input ``(13,)`` and its proof's parts.
    """
    own = [claim[: 3 * DIGEST].reshape(3, DIGEST), claim[3 * DIGEST :]]
    return [np.array([place], dtype=np.uint64), cap, *own, *parts]


def node_hints(entries: Words, children: Sequence[tuple[int, Words, Words, Sequence[Words]]]) -> list[Words]:
    """Return a node's hints: the key set's entries ``(n, 4)``, then those of each child; see :func:`child_hints`."""
    return [entries, *(hint for child in children for hint in child_hints(*child))]
