"""The proof format: little-endian 64-bit words, no header, every length given by the shape.

The words are, in this order:

1. the log heights of the tables, one word each; everything after them has the lengths that they and the key give;
2. the caps of the main tree, the bus tree and the quotient tree, with the tables' bus sums after the bus cap;
3. the openings in the order of :attr:`Shape.openings`;
4. the batching nonce (absent when the profile asks for no such work);
5. the caps of the FRI layers, the final polynomial's coefficients, the query nonce (absent likewise);
6. for every tree in the order of the phases, then for every FRI layer: the opened rows, matrix by matrix and query by
   query, and the paths.

Every word is below p, so a proof has one encoding, and each word is absorbed by the transcript or hashed under a cap
that is. Under the family over BN254 a digest is four words of a number below its modulus instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Generic

import numpy as np

from proving.field.goldilocks import PRIME
from proving.hash import DIGEST, HashFamily, bn254
from proving.stark.arithmetic import V, Words
from proving.stark.errors import NonCanonicalWord, ProofLength, ProofTooShort
from proving.stark.security import Parameters
from proving.stark.shape import EXTENSION_DEGREE, Layout, Phase, Shape, TreeShape

WORD_BYTES = 8


@dataclass(frozen=True)
class TreeOpening(Generic[V]):
    """Opened rows of one tree: per matrix ``(queries, columns)``, and paths ``(queries, depth, 3, 4)``."""

    rows: tuple[V, ...]
    path: V


@dataclass(frozen=True)
class Proof(Generic[V]):
    """A proof's parts as values of any arithmetic; absent parts are empty.

    Attributes
    ----------
    caps
        Caps ``(digests, 4)`` of the trees that the prover commits to; the preprocessed cap is the key's.
    bus_sums
        ``(tables with a bus, 3)``.
    openings
        ``(opened, 3)``.
    batching_nonce, query_nonce
        ``(1,)``, or ``(0,)`` where the profile asks for no work.
    layer_caps
        Caps of the FRI layers.
    final
        Coefficients of the final polynomial ``(length, 3)``, constant term first.
    trees, layers
        Openings at the queries.
    """

    caps: dict[Phase, V]
    bus_sums: V
    openings: V
    batching_nonce: V
    layer_caps: tuple[V, ...]
    final: V
    query_nonce: V
    trees: dict[Phase, TreeOpening[V]]
    layers: tuple[TreeOpening[V], ...]

    def parts(self) -> list[V]:
        """Return every part in the order of the format."""
        order = [self.caps[Phase.MAIN]]
        if Phase.BUS in self.caps:
            order += [self.caps[Phase.BUS], self.bus_sums]
        order += [self.caps[Phase.QUOTIENT], self.openings, self.batching_nonce]
        order += [*self.layer_caps, self.final, self.query_nonce]
        for opening in [*self.trees.values(), *self.layers]:
            order += [*opening.rows, opening.path]
        return order


@dataclass(frozen=True)
class Part:
    """One array of a proof: what it is, for people, its shape, and whether it holds opened rows or digests.

    The last axis of digests is the words of one.
    """

    name: str
    shape: tuple[int, ...]
    rows: bool = False
    digests: bool = False

    @property
    def words(self) -> int:
        """Number of words."""
        return prod(self.shape)


def parts_of(shape: Shape, parameters: Parameters) -> list[Part]:
    """Return a proof's parts in the order of the format."""

    def cap(name: str, tree: TreeShape) -> Part:
        return Part(f"{name} cap", (1 << tree.log_cap, DIGEST), digests=True)

    trees = shape.trees
    parts = [cap("main", trees[Phase.MAIN])]
    if Phase.BUS in trees:
        parts += [cap("bus", trees[Phase.BUS]), Part("bus sums", (len(shape.bus_tables), EXTENSION_DEGREE))]
    parts += [cap("quotient", trees[Phase.QUOTIENT]), Part("openings", (shape.opened, EXTENSION_DEGREE))]
    parts.append(Part("batching nonce", (int(parameters.batching_grinding > 0),)))
    parts += [cap("fri", layer) for layer in shape.layers]
    parts.append(Part("final polynomial", (shape.final_length, EXTENSION_DEGREE)))
    parts.append(Part("query nonce", (int(parameters.query_grinding > 0),)))
    named = [(phase.name.lower(), tree) for phase, tree in trees.items()] + [("fri", layer) for layer in shape.layers]
    for name, tree in named:
        parts += [Part(f"{name} rows", (parameters.queries, matrix.columns), rows=True) for matrix in tree.matrices]
        parts.append(Part(f"{name} paths", (parameters.queries, tree.depth, 3, DIGEST), digests=True))
    return parts


def assemble(shape: Shape, parts: Sequence[V], empty: V) -> Proof[V]:
    """Return the proof whose parts, in the order of the format, are these; ``empty`` stands for absent bus sums."""
    remaining = iter(parts)
    caps = {Phase.MAIN: next(remaining)}
    bus_sums = empty
    if Phase.BUS in shape.trees:
        caps[Phase.BUS], bus_sums = next(remaining), next(remaining)
    caps[Phase.QUOTIENT] = next(remaining)
    openings, batching_nonce = next(remaining), next(remaining)
    layer_caps = tuple(next(remaining) for _ in shape.layers)
    final, query_nonce = next(remaining), next(remaining)

    def opening(tree: TreeShape) -> TreeOpening[V]:
        rows = tuple(next(remaining) for _ in tree.matrices)
        return TreeOpening(rows, next(remaining))

    trees = {phase: opening(tree) for phase, tree in shape.trees.items()}
    layers = tuple(opening(layer) for layer in shape.layers)
    return Proof(caps, bus_sums, openings, batching_nonce, layer_caps, final, query_nonce, trees, layers)


def proof_words(shape: Shape, parameters: Parameters) -> int:
    """Return the number of words of a proof of this shape."""
    return len(shape.log_heights) + sum(part.words for part in parts_of(shape, parameters))


def serialize(shape: Shape, proof: Proof[Words]) -> bytes:
    """Return the proof's bytes."""
    heights = np.array(shape.log_heights, dtype=np.uint64)
    words = np.concatenate([heights, *(np.ascontiguousarray(part).reshape(-1) for part in proof.parts())])
    return words.astype("<u8").tobytes()


def parse(layout: Layout, parameters: Parameters, data: bytes) -> tuple[Shape, Proof[Words]]:
    """Read a proof strictly.

    Raises
    ------
    ProofTooShort, ShapeRefused, ProofLength, NonCanonicalWord
        The bytes are not the encoding of a proof under this key and these parameters. Memory stays within a small
        multiple of the bytes given.
    """
    tables = len(layout.tables)
    if len(data) < tables * WORD_BYTES:
        raise ProofTooShort(expected=f"at least {tables * WORD_BYTES} bytes", got=len(data))
    heights = np.frombuffer(data, dtype="<u8", count=tables)
    shape = layout.shape(tuple(int(height) for height in heights))
    expected = proof_words(shape, parameters) * WORD_BYTES
    if len(data) != expected:
        raise ProofLength(expected=expected, got=len(data))
    words = np.frombuffer(data, dtype="<u8").astype(np.uint64)
    parts = []
    position = tables
    for part in parts_of(shape, parameters):
        here = words[position : position + part.words]
        if part.digests and layout.family is HashFamily.BN254:
            _require_scalars(here, position)
        else:
            _require_elements(here, position)
        parts.append(here.reshape(part.shape))
        position += part.words
    return shape, assemble(shape, parts, np.zeros((0, EXTENSION_DEGREE), dtype=np.uint64))


def _require_elements(words: Words, position: int) -> None:
    too_large = np.flatnonzero(words >= np.uint64(PRIME))
    if too_large.size:
        first = int(too_large[0])
        raise NonCanonicalWord(f"Word {position + first} of the proof is not below the modulus.",
                               expected=f"< {PRIME}", got=int(words[first]))  # fmt: skip


def _require_scalars(words: Words, position: int) -> None:
    digests = words.reshape(-1, bn254.WORDS)
    first = bn254.first_unreduced(digests)
    if first is not None:
        raise NonCanonicalWord(
            f"The digest at word {position + first * bn254.WORDS} of the proof is not below the modulus.",
            expected=f"< {bn254.MODULUS}",
            got=int.from_bytes(digests[first].astype("<u8").tobytes(), "little"),
        )
