"""The Fiat-Shamir transcript.

The state is one digest, the chaining value ``cv``, started at ``(TRANSCRIPT, 0, 0, 0)``. Every array that is absorbed
is a message of its own: a header with the number of its elements, then the elements in blocks of 12, zero padded,

    cv = C(cv || (TRANSCRIPT, count, 0, ..., 0)),    cv = C(cv || (e_0, ..., e_11)), ...

and the k-th output after it is ``C(cv || (SQUEEZE, k, 0, ..., 0))``, k from 0. Because a message states its length
first, the sequence of blocks reads in one way only, and no block that continues a message can be taken for an output.
Messages begin at a block of their own, so that in a recursion circuit a block holds four extension elements or three
digests, none of them cut.

Outputs do not change the state; every challenge of the protocol is followed by a message before the next one is
drawn, except those drawn together, which differ in k. Work moves the state itself to ``C(cv || (GRIND, nonce, 0,
..., 0))``, whose first element must end in zeros: the nonce is bound by the same compression that shows the work.

An extension challenge is the first three elements of one output. A query index is the low bits of the unique
representative below p of the first element of an output of its own.
"""

from __future__ import annotations

from typing import Generic

import numpy as np

from proving.hash import DIGEST, RATE, Tag
from proving.stark.arithmetic import Arithmetic, V, Words


class Transcript(Generic[V]):
    """A transcript over any arithmetic: prover and verifier run the same text."""

    def __init__(self, arithmetic: Arithmetic[V]) -> None:
        self._arithmetic = arithmetic
        self._state = arithmetic.constant(_words([Tag.TRANSCRIPT, 0, 0, 0]))
        self._outputs = 0

    @property
    def state(self) -> V:
        """The chaining value ``(4,)``, which a grinding nonce must bind."""
        return self._state

    def absorb(self, value: V) -> None:
        """Absorb every element of an array, in C order, as one message; an empty array is none."""
        arithmetic = self._arithmetic
        size = int(np.prod(arithmetic.shape(value), dtype=np.int64))
        if not size:
            return
        parts = [arithmetic.reshape(value, (size,))]
        if padding := -size % RATE:
            parts.append(arithmetic.constant(_words([0] * padding)))
        blocks = arithmetic.reshape(arithmetic.concatenate(parts, 0), ((size + padding) // RATE, RATE))
        header = arithmetic.constant(_block(Tag.TRANSCRIPT, size))
        self._state = arithmetic.absorb(self._state, arithmetic.concatenate([header, blocks], 0))
        self._outputs = 0

    def absorb_words(self, *words: int) -> None:
        """Absorb integers that both sides know, as one message."""
        self.absorb(self._arithmetic.constant(_words(words)))

    def challenge(self) -> V:
        """Draw one extension element ``(3,)``."""
        return self._arithmetic.take(self._output(1), (0, slice(0, 3)))

    def elements(self, count: int) -> V:
        """Draw base elements ``(count,)``, each from an output of its own."""
        return self._arithmetic.take(self._output(count), (slice(None), 0))

    def work(self, nonce: V) -> V:
        """Bind a nonce ``(1,)`` and return the element ``(1,)`` whose low bits it must make zero."""
        arithmetic = self._arithmetic
        head = arithmetic.constant(_words([Tag.GRIND]))
        tail = arithmetic.constant(_words([0] * (RATE - 2)))
        block = arithmetic.reshape(arithmetic.concatenate([head, nonce, tail], 0), (1, RATE))
        self._state = arithmetic.absorb(self._state, block)
        self._outputs = 0
        return arithmetic.take(self._state, slice(0, 1))

    def _output(self, count: int) -> V:
        arithmetic = self._arithmetic
        tails = np.concatenate([_block(Tag.SQUEEZE, self._outputs + k) for k in range(count)])
        self._outputs += count
        heads = arithmetic.broadcast(self._state, (count, DIGEST))
        return arithmetic.compress(arithmetic.concatenate([heads, arithmetic.constant(tails)], 1))


def _words(values: list[int] | tuple[int, ...]) -> Words:
    return np.array([int(value) for value in values], dtype=np.uint64)


def _block(tag: Tag, value: int) -> Words:
    """Return one block ``(1, 12)`` of a tag and a number."""
    block = np.zeros((1, RATE), dtype=np.uint64)
    block[0, :2] = tag, value
    return block
