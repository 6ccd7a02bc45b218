"""A digest has one packed form, and every other is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.backend.interface import PRIME
from proving.snark.errors import SnarkPublicInput
from proving.snark.packing import pack_digest, unpack_digest
from proving.snark.points import SCALAR_MODULUS

WORDS = st.integers(0, PRIME - 1) | st.sampled_from([0, 1, PRIME - 1])


@given(st.tuples(WORDS, WORDS, WORDS, WORDS))
def test_packing_is_undone(words: tuple[int, ...]) -> None:
    packed = pack_digest(words)
    assert unpack_digest(packed) == words
    assert all(element < SCALAR_MODULUS for element in packed)


@given(st.integers(0, 3), st.integers(PRIME, 2**64 - 1))
def test_a_word_that_is_not_canonical(place: int, word: int) -> None:
    words = [1, 2, 3, 4]
    words[place] = word
    with pytest.raises(SnarkPublicInput):
        pack_digest(words)
    aliased = [words[0] | words[1] << 64, words[2] | words[3] << 64]
    with pytest.raises(SnarkPublicInput, match="Goldilocks"):
        unpack_digest(aliased)


@pytest.mark.parametrize("elements", [(1 << 128, 0), (0, 1 << 128), (SCALAR_MODULUS, 0), (-1, 0), (0,), (0, 0, 0)])
def test_elements_that_are_no_digest(elements: tuple[int, ...]) -> None:
    with pytest.raises(SnarkPublicInput):
        unpack_digest(elements)


def test_another_number_of_words() -> None:
    for words in ([1, 2, 3], [1, 2, 3, 4, 5], []):
        with pytest.raises(SnarkPublicInput):
            pack_digest(words)
