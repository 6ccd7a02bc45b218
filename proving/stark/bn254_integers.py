"""The arithmetic on plain integers under the family over BN254: the verifier of proofs that a SNARK verifies too.

A transcript's state is one digest. It starts as the element TRANSCRIPT; with H of :mod:`proving.hash.bn254`,

- a message of n elements moves it to ``H(TRANSCRIPT, n; state, packed elements)``, one of m digests to
  ``H(DIGESTS, m; state, digests)``;
- the k-th output after it is ``H(SQUEEZE, k; state)``. A challenge's coordinates are bits 0 to 79, 80 to 159 and 160 to
  239 of one output's canonical value, each reduced modulo p; an index is the lowest bits of an output's;
- a nonce moves it to ``H(GRIND, 0; state, nonce)``, whose canonical value must end in zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.field import goldilocks
from proving.hash import Tag, bn254
from proving.stark.arithmetic import Words
from proving.stark.errors import GrindingRefused
from proving.stark.integers import IntegerField, reduced

#: Bits of an output that become a coordinate of a challenge.
PIECE = 80

_TWO_64 = np.array(2**64 % goldilocks.PRIME, dtype=np.uint64)


class Bn254Arithmetic(IntegerField):
    """Implements :class:`proving.stark.arithmetic.Arithmetic`; digests have a trailing axis of four words."""

    def hash_rows(self, rows: Words) -> Words:
        """Hash every row in one native pass."""
        return bn254.hash_messages(Tag.LEAF, rows.shape[1], bn254.pack(rows))

    def hash_and_combine(self, rows: Words, challenge: Words) -> tuple[Words, Words]:
        """Hash every row in one native pass; combine all rows in one more."""
        return self.hash_rows(rows), self.combine_rows(rows, challenge)

    def climb(self, digests: Words, siblings: Words, digits: Words) -> Words:
        """Put every digest among its siblings and hash the four."""
        return bn254.hash_messages(Tag.NODE, bn254.ARITY, self.place_children(digests, siblings, digits))

    def join(self, parts: Sequence[Words]) -> Words:
        """Hash the parts of every node."""
        return bn254.hash_messages(Tag.JOIN, len(parts), np.stack(parts, axis=1))

    def start(self) -> Words:
        """Return the state ``(4,)`` of a transcript that has seen nothing."""
        return _element(Tag.TRANSCRIPT)

    def absorb(self, state: Words, words: Words) -> Words:
        """Absorb elements ``(n,)`` as one message."""
        message = np.concatenate([state[None], bn254.pack(words[None])[0]])
        return _hash_one(Tag.TRANSCRIPT, words.size, message)

    def absorb_digests(self, state: Words, digests: Words) -> Words:
        """Absorb digests ``(m, 4)`` as one message."""
        message = np.concatenate([state[None], digests])
        return _hash_one(Tag.DIGESTS, digests.shape[0], message)

    def challenges(self, state: Words, first: int, count: int) -> Words:
        """Return extension elements ``(count, 3)``, each from one output."""
        outputs = _outputs(state, first, count)
        pieces = []
        for bit in range(0, 3 * PIECE, PIECE):
            word, shift = divmod(bit, 64)
            both = outputs[:, word : word + 2]
            low = both[:, 0] if shift == 0 else both[:, 0] >> np.uint64(shift) | both[:, 1] << np.uint64(64 - shift)
            high = both[:, 1] >> np.uint64(shift) & np.uint64(2 ** (PIECE - 64) - 1)
            pieces.append(goldilocks.add(reduced(low), goldilocks.multiply(high, _TWO_64)))
        return np.stack(pieces, axis=1)

    def indices(self, state: Words, first: int, count: int, bits: int) -> Words:
        """Return ``(count, bits)``: the lowest bits of an output each, at most 64."""
        return self.bits(_outputs(state, first, count)[:, 0], bits)

    def work(self, state: Words, nonce: Words, bits: int) -> Words:
        """Bind a nonce ``(1,)`` and refuse unless the new state's canonical value ends in that many zero bits."""
        message = np.stack([state, _element(int(nonce[0]))])
        worked = _hash_one(Tag.GRIND, 0, message)
        self.require_equal(self.bits(worked[0], bits), np.array(0, dtype=np.uint64), GrindingRefused)
        return worked


def _outputs(state: Words, first: int, count: int) -> Words:
    numbers = np.arange(first, first + count, dtype=np.uint64)
    return bn254.hash_messages(Tag.SQUEEZE, numbers, np.broadcast_to(state, (count, 1, bn254.WORDS)))


def _hash_one(tag: Tag, number: int, message: Words) -> Words:
    digest: Words = bn254.hash_messages(tag, number, message[None])[0]
    return digest


def _element(value: int) -> Words:
    return np.array([value, 0, 0, 0], dtype=np.uint64)
