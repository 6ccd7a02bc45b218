from __future__ import annotations

import numpy as np
import pytest

from proving.hash import Tag, compress, hash_elements, hash_rows
from proving.hash.reference import merkle as reference
from tests.proving.elements import random_elements


@pytest.mark.parametrize("count", [1, 15, 16, 33])
def test_compression_equals_reference(count: int, each_isa: str) -> None:
    states = random_elements(count, count, 16, edges=0.4)
    assert compress(states).tolist() == [reference.compress([int(x) for x in state]) for state in states]


def test_compression_is_not_the_truncated_permutation() -> None:
    from proving.hash.permutation import Poseidon2

    state = random_elements(1, 1, 16)
    assert not np.array_equal(compress(state), Poseidon2(16).permute(state)[:, :4])


@pytest.mark.parametrize("length", [0, 1, 4, 11, 12, 13, 24, 25, 100])
def test_fixed_length_hash_equals_reference(length: int, each_isa: str) -> None:
    rows = random_elements(length, 3, length)
    expected = [reference.hash_elements(Tag.STATE, [int(x) for x in row]) for row in rows]
    assert hash_rows(Tag.STATE, rows).tolist() == expected
    assert hash_elements(Tag.STATE, rows[0]).tolist() == expected[0]


@pytest.mark.parametrize("count", [16, 40])
def test_many_rows_at_once(count: int, each_isa: str) -> None:
    rows = random_elements(count, count, 30)
    expected = [reference.hash_elements(Tag.LEAF, [int(x) for x in row]) for row in rows]
    assert hash_rows(Tag.LEAF, rows).tolist() == expected


def test_tag_and_length_separate_messages() -> None:
    message = random_elements(1, 11)
    digests = {
        tuple(hash_elements(tag, part).tolist())
        for tag in Tag
        for part in (message, np.append(message, np.uint64(0)), message[:10])
    }
    assert len(digests) == 3 * len(Tag)


def test_tags_are_distinct() -> None:
    assert len({int(tag) for tag in Tag}) == len(Tag)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="states"):
        compress(np.zeros((2, 12), dtype=np.uint64))
    with pytest.raises(ValueError, match="messages"):
        hash_rows(Tag.LEAF, np.zeros(3, dtype=np.uint64))
    with pytest.raises(ValueError, match="message"):
        hash_elements(Tag.LEAF, np.zeros((2, 3), dtype=np.uint64))
