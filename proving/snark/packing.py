"""Goldilocks digests as elements of BN254's scalar field: two words to an element, one form per digest."""

from __future__ import annotations

from collections.abc import Sequence

from proving.field.goldilocks import PRIME
from proving.snark.errors import SnarkPublicInput

#: Bits of a word, words of a digest, words in an element.
WORD_BITS = 64
DIGEST_WORDS = 4
WORDS_PER_ELEMENT = 2


def pack_digest(words: Sequence[int]) -> tuple[int, int]:
    """Return a digest of four Goldilocks elements as ``e_0 + 2^64 e_1`` and ``e_2 + 2^64 e_3``.

    Raises
    ------
    SnarkPublicInput
        A word is not below the Goldilocks modulus, or there are not four.
    """
    if len(words) != DIGEST_WORDS or any(not 0 <= word < PRIME for word in words):
        raise SnarkPublicInput("A digest is not four numbers below the Goldilocks modulus.")
    first, second, third, fourth = words
    return first | second << WORD_BITS, third | fourth << WORD_BITS


def unpack_digest(elements: Sequence[int]) -> tuple[int, ...]:
    """Return the four Goldilocks elements of a packed digest.

    Raises
    ------
    SnarkPublicInput
        The elements are the packing of no digest.
    """
    if len(elements) != DIGEST_WORDS // WORDS_PER_ELEMENT or any(not 0 <= e < 1 << 128 for e in elements):
        raise SnarkPublicInput("A packed digest is not two numbers below 2^128.")
    words = tuple(word for e in elements for word in (e & (1 << WORD_BITS) - 1, e >> WORD_BITS))
    if any(word >= PRIME for word in words):
        raise SnarkPublicInput("A packed digest has a word that is not below the Goldilocks modulus.")
    return words
