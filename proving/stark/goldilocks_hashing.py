"""The hashes of proofs over Goldilocks elements, from one compression, for any arithmetic that has it.

A digest is four elements. The transcript's state is one digest, the chaining value ``cv``, started at
``(TRANSCRIPT, 0, 0, 0)``. A message begins with a header that says how many elements it has; the elements follow in
blocks of 12, zero padded,

    cv = C(cv || (TRANSCRIPT, count, 0, ..., 0)),    cv = C(cv || (e_0, ..., e_11)), ...

and the k-th output after it is ``C(cv || (SQUEEZE, k, 0, ..., 0))``. Because a message states its length first, the
sequence of blocks reads in one way only, and no block that continues a message can be taken for an output. Messages
begin at a block of their own, so that in a recursion circuit a block holds four extension elements or three digests,
none of them cut. Work moves the state to ``C(cv || (GRIND, nonce, 0, ..., 0))``, whose first element must end in zeros.

An extension challenge is the first three elements of one output. A query index is the low bits of the unique
representative below p of the first element of an output.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from proving.hash import DIGEST, RATE, WIDTH, Tag
from proving.stark.arithmetic import Index, V, Words
from proving.stark.errors import GrindingRefused, ProofRefused


class GoldilocksHashing(Protocol[V]):
    """Joins, transcript and work of :class:`proving.stark.arithmetic.Arithmetic` for whoever can compress."""

    @abstractmethod
    def constant(self, words: Words) -> V:
        """Return canonical words of any shape as a value."""
        ...

    @abstractmethod
    def shape(self, value: V) -> tuple[int, ...]:
        """Return the shape."""
        ...

    @abstractmethod
    def reshape(self, value: V, shape: tuple[int, ...]) -> V:
        """Return the same elements in C order under another shape."""
        ...

    @abstractmethod
    def broadcast(self, value: V, shape: tuple[int, ...]) -> V:
        """Repeat along leading or unit axes."""
        ...

    @abstractmethod
    def concatenate(self, values: Sequence[V], axis: int) -> V:
        """Join along an existing axis."""
        ...

    @abstractmethod
    def take(self, value: V, index: Index) -> V:
        """Index with constants."""
        ...

    @abstractmethod
    def bits(self, value: V, count: int) -> V:
        """Return the lowest bits ``(..., count)`` of the unique representative below p, lowest first."""
        ...

    @abstractmethod
    def require_equal(self, got: V, expected: V, error: type[ProofRefused]) -> None:
        """Refuse unless both values are equal everywhere."""
        ...

    @abstractmethod
    def compress(self, blocks: V) -> V:
        """Apply the compression function to blocks ``(..., 16)``, giving ``(..., 4)``."""
        ...

    @abstractmethod
    def chain(self, state: V, blocks: V) -> V:
        """Compress blocks ``(n, 12)`` one after the other into a chaining value ``(4,)``."""
        ...

    def join(self, parts: Sequence[V]) -> V:
        """Return ``C(parts, zero padded to 12 || (JOIN, 0, 0, 0))``."""
        queries = self.shape(parts[0])[0]
        tail = np.zeros((queries, WIDTH - DIGEST * len(parts)), dtype=np.uint64)
        tail[:, RATE - DIGEST * len(parts)] = Tag.JOIN
        return self.compress(self.concatenate([*parts, self.constant(tail)], 1))

    def start(self) -> V:
        """Return the state ``(4,)`` of a transcript that has seen nothing."""
        return self.constant(_words([Tag.TRANSCRIPT, 0, 0, 0]))

    def absorb(self, state: V, words: V) -> V:
        """Absorb elements ``(n,)`` as one message."""
        (size,) = self.shape(words)
        parts = [words]
        if padding := -size % RATE:
            parts.append(self.constant(_words([0] * padding)))
        blocks = self.reshape(self.concatenate(parts, 0), ((size + padding) // RATE, RATE))
        return self.chain(state, self.concatenate([self.constant(_block(Tag.TRANSCRIPT, size)), blocks], 0))

    def absorb_digests(self, state: V, digests: V) -> V:
        """Absorb digests ``(m, 4)`` as one message of their elements."""
        return self.absorb(state, self.reshape(digests, (self.shape(digests)[0] * DIGEST,)))

    def challenges(self, state: V, first: int, count: int) -> V:
        """Return extension elements ``(count, 3)``: the first three elements of an output each."""
        return self.take(self._outputs(state, first, count), (slice(None), slice(0, 3)))

    def indices(self, state: V, first: int, count: int, bits: int) -> V:
        """Return ``(count, bits)``: the lowest bits of the first element of an output each."""
        return self.bits(self.take(self._outputs(state, first, count), (slice(None), 0)), bits)

    def work(self, state: V, nonce: V, bits: int) -> V:
        """Bind a nonce ``(1,)`` and refuse unless the new state's first element ends in that many zero bits."""
        head = self.constant(_words([Tag.GRIND]))
        tail = self.constant(_words([0] * (RATE - 2)))
        worked = self.chain(state, self.reshape(self.concatenate([head, nonce, tail], 0), (1, RATE)))
        if bits:
            low = self.bits(self.take(worked, slice(0, 1)), bits)
            self.require_equal(low, self.constant(np.array(0, dtype=np.uint64)), GrindingRefused)
        return worked

    def _outputs(self, state: V, first: int, count: int) -> V:
        tails = np.concatenate([_block(Tag.SQUEEZE, number) for number in range(first, first + count)])
        heads = self.broadcast(state, (count, DIGEST))
        return self.compress(self.concatenate([heads, self.constant(tails)], 1))


def _words(values: Sequence[int]) -> Words:
    return np.array([int(value) for value in values], dtype=np.uint64)


def _block(tag: Tag, value: int) -> Words:
    """Return one block ``(1, 12)`` of a tag and a number."""
    block = np.zeros((1, RATE), dtype=np.uint64)
    block[0, :2] = tag, value
    return block
