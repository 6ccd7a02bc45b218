"""The hash family over BN254 inside a circuit: a digest is one variable.

The family's definition is `docs/security.md`'s and its native twin is in `proving.hash`; this module writes it down in
gates, for whole arrays of messages of one length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proving.hash import Tag
from proving.hash.bn254 import ARITY, PACKED
from proving.snark.bn254.field import Elements
from proving.snark.builder import Builder
from proving.snark.circuit import Ids
from proving.snark.representatives import WORD_BITS


def digests(builder: Builder, tag: Tag, numbers: Sequence[int], elements: Ids) -> Ids:
    """Return digests ``(lanes,)`` of messages ``(lanes, length)`` of elements of the scalar field.

    Two elements are absorbed by each permutation, whose first element of state carries on; it begins with the tag and
    each lane's number.
    """
    lanes, length = elements.shape
    zero = np.full(lanes, builder.constant(0))
    carried = np.array([builder.constant(int(tag) + (number << 32)) for number in numbers], dtype=np.int64)
    state = np.zeros((lanes, 3), dtype=np.int64)
    for begin in range(0, length, 2):
        second = elements[:, begin + 1] if begin + 1 < length else zero
        state = builder.permute(np.stack([carried, elements[:, begin], second], axis=1))
        carried = state[:, 0]
    return state[:, 1]


def pack(builder: Builder, words: Ids) -> Ids:
    """Return canonical words ``(lanes, n)`` three to an element, the lowest first, ``(lanes, ceil(n / 3))``."""
    lanes, count = words.shape
    padded = np.full((lanes, -(-count // PACKED) * PACKED), builder.constant(0), dtype=np.int64)
    padded[:, :count] = words
    factors = [1 << WORD_BITS * place for place in range(PACKED)]
    return builder.weighted_sum(padded.reshape(-1, PACKED), factors).reshape(lanes, -1)


def children(builder: Builder, digests: Ids, siblings: Ids, digits: Ids) -> Ids:
    """Return a node's children ``(lanes, 4)`` as the witness's program places them; nothing shows it.

    Parameters
    ----------
    digests, siblings, digits
        ``(lanes,)``, ``(lanes, 3)`` and ``(lanes, 2)``, the lowest bit of the child's place first.
    """
    placed = builder.new(digests.size * ARITY).reshape(-1, ARITY)
    builder.step(PlaceStep(digests, siblings, digits, placed))
    return placed


@dataclass(frozen=True)
class PlaceStep:
    """Children of a node from the one on the path, the other three in their order, and its place.

    Attributes
    ----------
    own, siblings, digits, out
        ``(lanes,)``, ``(lanes, 3)``, ``(lanes, 2)`` and ``(lanes, 4)``.
    """

    own: Ids
    siblings: Ids
    digits: Ids
    out: Ids

    def fill(self, values: Elements) -> None:
        """See `Step`."""
        place = values[self.digits].any(axis=2) @ np.array([1, 2])
        others = np.arange(ARITY)[None] != place[:, None]
        values[self.out[others]] = values[self.siblings.reshape(-1)]
        values[self.out[np.arange(place.size), place]] = values[self.own]
