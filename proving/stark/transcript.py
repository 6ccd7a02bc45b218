"""The Fiat-Shamir transcript.

The state is one digest, the chaining value ``cv``, started at ``(TRANSCRIPT, 0, 0, 0)``. What is absorbed between two
challenges is one message: ``count`` elements in blocks of 12,

    (TRANSCRIPT, count, e_0, ..., e_9), (e_10, ..., e_21), ..., zero padded,    cv = C(cv || block),

and the k-th output after it is ``C(cv || (SQUEEZE, k, 0, ..., 0))``, k from 0. Because a message states its length
first, the sequence of blocks reads in one way only, and no block that continues a message can be taken for an output.
Outputs do not change the state; every challenge of the protocol is followed by a message before the next one is
drawn, except those drawn together, which differ in k.

An extension challenge is the first three elements of one output. Query indices are the low bits of the elements'
unique representatives below p. Grinding binds the state with the tag GRIND in the place of SQUEEZE.
"""

from __future__ import annotations

from typing import Generic

import numpy as np

from proving.hash import DIGEST, RATE, WIDTH, Tag
from proving.stark.arithmetic import Arithmetic, V, Words


class Transcript(Generic[V]):
    """A transcript over any arithmetic: prover and verifier run the same text."""

    def __init__(self, arithmetic: Arithmetic[V]) -> None:
        self._arithmetic = arithmetic
        self._state = arithmetic.constant(_words([Tag.TRANSCRIPT, 0, 0, 0]))
        self._pending: list[V] = []
        self._outputs = 0

    def absorb(self, value: V) -> None:
        """Add every element of an array, in C order, to the message under way."""
        size = int(np.prod(self._arithmetic.shape(value), dtype=np.int64))
        if size:
            self._pending.append(self._arithmetic.reshape(value, (size,)))

    def absorb_words(self, *words: int) -> None:
        """Add integers that both sides know."""
        self.absorb(self._arithmetic.constant(_words(words)))

    def challenge(self) -> V:
        """Draw one extension element ``(3,)``."""
        return self._arithmetic.take(self._output(1), (0, slice(0, 3)))

    def elements(self, count: int) -> V:
        """Draw base elements ``(count,)``."""
        outputs = -(-count // DIGEST)
        flat = self._arithmetic.reshape(self._output(outputs), (outputs * DIGEST,))
        return self._arithmetic.take(flat, slice(0, count))

    def ground_state(self) -> V:
        """Finish the message under way and return the state that a grinding nonce must bind."""
        self._flush()
        return self._state

    def work(self, nonce: V) -> V:
        """Return the element whose low bits a nonce ``(1,)`` must make zero, as ``(1,)``."""
        self._flush()
        block = self._block([self._state, *self._constants([Tag.GRIND]), nonce])
        return self._arithmetic.take(self._arithmetic.compress(block), slice(0, 1))

    def _output(self, count: int) -> V:
        self._flush()
        arithmetic = self._arithmetic
        tails = np.zeros((count, RATE), dtype=np.uint64)
        tails[:, 0] = Tag.SQUEEZE
        tails[:, 1] = np.arange(self._outputs, self._outputs + count, dtype=np.uint64)
        self._outputs += count
        heads = arithmetic.broadcast(self._state, (count, DIGEST))
        return arithmetic.compress(arithmetic.concatenate([heads, arithmetic.constant(tails)], 1))

    def _flush(self) -> None:
        if not self._pending:
            return
        arithmetic = self._arithmetic
        message = arithmetic.concatenate(self._pending, 0)
        count = arithmetic.shape(message)[0]
        self._pending = []
        self._outputs = 0
        padding = -(count + 2) % RATE
        parts = [*self._constants([Tag.TRANSCRIPT, count]), message, *self._constants([0] * padding)]
        blocks = arithmetic.concatenate(parts, 0)
        for start in range(0, count + 2 + padding, RATE):
            block = arithmetic.take(blocks, slice(start, start + RATE))
            self._state = arithmetic.compress(arithmetic.concatenate([self._state, block], 0))

    def _constants(self, words: list[int]) -> list[V]:
        return [self._arithmetic.constant(_words(words))] if words else []

    def _block(self, parts: list[V]) -> V:
        filled = sum(self._arithmetic.shape(part)[0] for part in parts)
        return self._arithmetic.concatenate([*parts, *self._constants([0] * (WIDTH - filled))], 0)


def _words(values: list[int] | tuple[int, ...]) -> Words:
    return np.array([int(value) for value in values], dtype=np.uint64)
