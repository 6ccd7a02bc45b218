"""The Fiat-Shamir transcript.

Every array that is absorbed is a message of its own, of elements or of digests; how it moves the state, and how outputs
are read off a state by their number, is the hash family's: see :mod:`proving.stark.goldilocks_hashing`.

Outputs do not change the state; every challenge of the protocol is followed by a message before the next one is drawn,
except those drawn together, which differ in their number. Work moves the state itself, so that the nonce is bound by
the same hash that shows the work.
"""

from __future__ import annotations

from typing import Generic

import numpy as np

from proving.stark.arithmetic import Arithmetic, V


class Transcript(Generic[V]):
    """A transcript over any arithmetic: prover and verifier run the same text."""

    def __init__(self, arithmetic: Arithmetic[V]) -> None:
        self._arithmetic = arithmetic
        self._state = arithmetic.start()
        self._outputs = 0

    @property
    def state(self) -> V:
        """The state, one digest, which a grinding nonce must bind."""
        return self._state

    def absorb(self, value: V) -> None:
        """Absorb every element of an array, in C order, as one message; an empty array is none."""
        arithmetic = self._arithmetic
        size = int(np.prod(arithmetic.shape(value), dtype=np.int64))
        if size:
            self._move(arithmetic.absorb(self._state, arithmetic.reshape(value, (size,))))

    def absorb_digests(self, digests: V) -> None:
        """Absorb digests, one axis of them, as one message."""
        self._move(self._arithmetic.absorb_digests(self._state, digests))

    def absorb_words(self, *words: int) -> None:
        """Absorb integers that both sides know, as one message."""
        self.absorb(self._arithmetic.constant(np.array(words, dtype=np.uint64)))

    def challenge(self) -> V:
        """Draw one extension element ``(3,)``."""
        drawn = self._arithmetic.challenges(self._state, self._outputs, 1)
        self._outputs += 1
        return self._arithmetic.take(drawn, 0)

    def indices(self, count: int, bits: int) -> V:
        """Draw indices as bits ``(count, bits)``, lowest first, each from an output of its own."""
        drawn = self._arithmetic.indices(self._state, self._outputs, count, bits)
        self._outputs += count
        return drawn

    def work(self, nonce: V, bits: int) -> None:
        """Bind a nonce ``(1,)`` and refuse one that does not show work of so many bits."""
        self._move(self._arithmetic.work(self._state, nonce, bits))

    def _move(self, state: V) -> None:
        self._state = state
        self._outputs = 0
