"""Aggregation: leaf circuits verify one basic proof, node circuits two adjacent proofs of leaves or nodes.

The public input of both is a claim: key set, start, end, type. Leaf and node circuits have the same tables of the same
heights, so one constraint program verifies both, and only their preprocessed caps tell them apart. A node hashes the
key of each child from its cap and finds it, with the role that it must have, in the key set that it exposes; whoever
reads the last proof knows the key set. A leaf's basic key is a constant of its circuit.

What a chain of claims shows is what :mod:`proving.machine` says of segments: adjacent steps join to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

import numpy as np

from proving.hash import DIGEST, RATE, WIDTH, Tag, compress, hash_elements
from proving.recursion.arithmetic import CircuitArithmetic
from proving.recursion.compile import CompiledCircuit, compile_recording
from proving.recursion.verifying import require_proof
from proving.recursion.wires import Wires
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.key import Key, key_frame
from proving.stark.shape import Phase, Shape

#: Public input of a leaf or node: key set, start, end, type.
CLAIM = 3 * DIGEST + 1
#: Children of a node.
ARITY = 2


class HeightsDiffer(ValueError):
    """A node would have other heights than its children; give leaves greater ones."""


class Role(IntEnum):
    """What a key of the key set may be used for."""

    #: A leaf or a node: a child of nodes and of the recursion tip.
    AGGREGATION = 1
    #: The recursion tip: a child of the scheduler.
    TIP = 2
    #: The scheduler: read by the compressor and by whoever takes the batch.
    SCHEDULER = 3


def claim_words(key_set: Words, start: Words, end: Words, circuit_type: int) -> Words:
    """Return the public input of a leaf or node ``(13,)``."""
    return np.concatenate([key_set, start, end, np.array([circuit_type], dtype=np.uint64)])


def entry(digest: Words, role: Role) -> Words:
    """Return the key set's entry ``(4,)`` of a key with a role."""
    block = np.zeros(WIDTH, dtype=np.uint64)
    block[:DIGEST], block[DIGEST], block[DIGEST + 1] = digest, Tag.KEY, role
    return compress(block)


def key_set_digest(entries: Words) -> Words:
    """Return the digest ``(4,)`` of a key set's entries ``(n, 4)``."""
    return hash_elements(Tag.KEY, entries.reshape(-1))


def write_leaf(
    name: str, key: Key, shape: Shape, profile: str, circuit_type: int, log_heights: Mapping[str, int] | None = None
) -> CompiledCircuit:
    """Write down the leaf circuit of a basic circuit's proofs of one shape; public input (start, end) there.

    Its hints are the basic proof's public input ``(2, 4)``, then the proof's parts.
    """
    circuit = CircuitArithmetic()
    claim = circuit.public(CLAIM)
    own = circuit.hint((2, DIGEST))
    circuit.require_equal(_slice(circuit, claim, DIGEST, 3 * DIGEST), circuit.reshape(own, (2 * DIGEST,)), ProofRefused)
    expected = circuit.constant(np.array([circuit_type], dtype=np.uint64))
    circuit.require_equal(_slice(circuit, claim, 3 * DIGEST, CLAIM), expected, ProofRefused)
    require_proof(circuit, key, shape, profile, publics=circuit.reshape(own, (2 * DIGEST,)))
    return compile_recording(name, circuit.recording, dict(log_heights or {}))


def write_node(name: str, child: Key, profile: str, keys: int) -> CompiledCircuit:
    """Write down the node circuit, in the heights of its children.

    Its hints are the key set's entries ``(keys, 4)``, then for each child: its place in the key set ``(1,)``, its
    preprocessed cap, its claim's digests ``(3, 4)`` and type ``(1,)``, and the parts of its proof.

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
    entries = circuit.hint((keys, DIGEST))
    key_set = hash_message(circuit, Tag.KEY, circuit.reshape(entries, (keys * DIGEST,)))
    circuit.require_equal(key_set, _slice(circuit, claim, 0, DIGEST), ProofRefused)
    shape = child.layout.largest()
    before = _slice(circuit, claim, DIGEST, 2 * DIGEST)
    for _ in range(ARITY):
        place = circuit.element()
        cap = circuit.hint((1 << shape.trees[Phase.PREPROCESSED].log_cap, DIGEST))
        digests, kind = circuit.hint((3, DIGEST)), circuit.element()
        digest = _key_digest(circuit, child, cap)
        tail = np.zeros(RATE, dtype=np.uint64)
        tail[:2] = Tag.KEY, Role.AGGREGATION
        found = circuit.compress(circuit.concatenate([digest, circuit.constant(tail)], 0))
        require_entry(circuit, entries, place, circuit.reshape(found, (1, DIGEST)))
        publics = circuit.concatenate([circuit.reshape(digests, (3 * DIGEST,)), kind], 0)
        require_proof(circuit, child, shape, profile, publics=publics, digest=digest, cap=cap)
        own_set, start, end = (circuit.take(digests, i) for i in range(3))
        circuit.require_equal(own_set, _slice(circuit, claim, 0, DIGEST), ProofRefused)
        circuit.require_equal(start, before, ProofRefused)
        circuit.require_equal(kind, _slice(circuit, claim, 3 * DIGEST, CLAIM), ProofRefused)
        before = end
    circuit.require_equal(before, _slice(circuit, claim, 2 * DIGEST, 3 * DIGEST), ProofRefused)
    compiled = compile_recording(name, circuit.recording, dict(child.max_log_heights))
    if compiled.layout.log_heights != child.max_log_heights:
        raise HeightsDiffer(f"The node needs heights {compiled.layout.log_heights}, its children have "
                            f"{child.max_log_heights}.")  # fmt: skip
    return compiled


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
    return circuit.absorb(start, circuit.reshape(padded, (-(-length // RATE), RATE)))


def _key_digest(circuit: CircuitArithmetic, child: Key, cap: Wires) -> Wires:
    frame = key_frame(child.layout, child.program, child.reports)
    entries, _ = circuit.shape(cap)
    own = hash_message(circuit, Tag.KEY, circuit.reshape(cap, (entries * DIGEST,)))
    return hash_message(circuit, Tag.KEY, circuit.concatenate([circuit.constant(frame), own], 0))


def _slice(circuit: CircuitArithmetic, value: Wires, start: int, end: int) -> Wires:
    return circuit.take(value, slice(start, end))


def _zeros(circuit: CircuitArithmetic, count: int) -> Wires:
    return circuit.constant(np.zeros(count, dtype=np.uint64))


def node_hints(entries: Words, children: Sequence[tuple[int, Words, Words, Sequence[Words]]]) -> list[Words]:
    """Return a node's hints.

    Parameters
    ----------
    entries
        The key set's entries ``(n, 4)``.
    children
        Of each child: its key's place in the key set, its preprocessed cap, its claim ``(13,)``, its proof's parts.
    """
    hints = [entries]
    for place, cap, claim, parts in children:
        hints += [np.array([place], dtype=np.uint64), cap, claim[: 3 * DIGEST].reshape(3, DIGEST), claim[3 * DIGEST :]]
        hints += parts
    return hints
