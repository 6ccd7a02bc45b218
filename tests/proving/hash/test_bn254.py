from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from proving.backend.native import NativeBackend
from proving.hash import Tag, bn254
from proving.hash.reference import bn254 as reference
from proving.hash.reference import merkle
from tests.proving.elements import random_elements

HASHING = bn254.Bn254Hashing()
BACKEND = NativeBackend()
#: Edges of the modulus and of a packed element.
EDGES = [0, 1, bn254.MODULUS - 1, 2**192 - 1, 2**253]

KNOWN = 0x197AB9A376C832A59B920068D6B7816897B83B37B456505BC36AD98559D17AEC


def words(elements: list[int]) -> npt.NDArray[np.uint64]:
    packed = b"".join(element.to_bytes(32, "little") for element in elements)
    return np.frombuffer(packed, dtype="<u8").astype(np.uint64).reshape(-1, bn254.WORDS)


def numbers(digests: npt.NDArray[np.uint64]) -> list[int]:
    data = np.ascontiguousarray(digests).astype("<u8").tobytes()
    return [int.from_bytes(data[at : at + 32], "little") for at in range(0, len(data), 32)]


def some_elements(seed: int, count: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int.from_bytes(rng.bytes(32), "little") % bn254.MODULUS for _ in range(count)]


@pytest.mark.usefixtures("each_isa")
@pytest.mark.parametrize("length", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("count", [1, 5, 16, 19])
def test_messages_are_hashed_by_the_definition(length: int, count: int) -> None:
    messages = [some_elements(100 * length + m, length) for m in range(count)]
    array = words([x for message in messages for x in message]).reshape(count, length, bn254.WORDS)
    starts = np.arange(count, dtype=np.uint64) + np.uint64(2**32 - 10)
    found = numbers(bn254.hash_messages(Tag.SQUEEZE, starts % np.uint64(2**32), array))
    expected = [
        reference.hash_elements(Tag.SQUEEZE, int(start) % 2**32, message)
        for start, message in zip(starts, messages, strict=True)
    ]
    assert found == expected


@pytest.mark.usefixtures("each_isa")
def test_edges_are_hashed_by_the_definition() -> None:
    for element in EDGES:
        for message in ([element], [element] * 2, [element] * 5):
            found = numbers(bn254.hash_messages(Tag.NODE, 4, words(message)[None]))
            assert found == [reference.hash_elements(Tag.NODE, 4, message)]


def test_a_known_digest() -> None:
    """H(NODE, 4; 0, 1, 2, 3), frozen: another constant, order or capacity is another hash."""
    digest = numbers(bn254.hash_messages(Tag.NODE, 4, words([0, 1, 2, 3])[None]))[0]
    assert digest == KNOWN


def test_number_tag_and_length_separate_messages() -> None:
    """Zero filling alone would make these equal."""
    one, two = words([5]), words([5, 0])
    digests = [
        bn254.hash_messages(Tag.LEAF, 1, one[None]),
        bn254.hash_messages(Tag.LEAF, 2, one[None]),
        bn254.hash_messages(Tag.LEAF, 3, two[None]),
        bn254.hash_messages(Tag.JOIN, 1, one[None]),
    ]
    assert len({digest.tobytes() for digest in digests}) == len(digests)


def test_words_are_packed_three_to_an_element_and_no_two_messages_alike() -> None:
    rows = random_elements(3, 4, 7)
    assert [numbers(row) for row in bn254.pack(rows)] == [reference.pack([int(x) for x in row]) for row in rows]
    swapped = rows.copy()
    swapped[:, [0, 1]] = rows[:, [1, 0]]
    assert not np.array_equal(bn254.pack(rows), bn254.pack(swapped))


@pytest.mark.usefixtures("each_isa")
@pytest.mark.parametrize(
    ("shapes", "cap_log"),
    [([(3, 4)], 0), ([(13, 5)], 1), ([(5, 3), (4, 6), (1, 5), (12, 6)], 1), ([(2, 2)], 4), ([(7, 3), (2, 2)], 0)],
)
def test_cap_rows_and_paths_equal_the_reference(shapes: list[tuple[int, int]], cap_log: int) -> None:
    matrices = [random_elements(10 * k, columns, 1 << log_rows) for k, (columns, log_rows) in enumerate(shapes)]
    tallest = max(log_rows for _, log_rows in shapes)
    lists = [[[int(x) for x in column] for column in matrix] for matrix in matrices]
    levels = reference.build_tree(lists, cap_log)
    tree = BACKEND.commit(matrices, cap_log, HASHING)
    assert numbers(tree.cap) == levels[-1]
    for index in (0, 1, (1 << tallest) - 1, (1 << tallest) // 3):
        path = tree.open(np.array([index], dtype=np.uint64)).path[0]
        expected = merkle.open_path([[[x] for x in level] for level in levels], index)
        assert [[[x] for x in numbers(siblings)] for siblings in path] == expected


@pytest.mark.usefixtures("each_isa")
@pytest.mark.parametrize("bits", [0, 1, 7])
def test_work_is_the_smallest_nonce(bits: int) -> None:
    (state,) = some_elements(4, 1)
    nonce = 0
    while reference.hash_elements(Tag.GRIND, 0, [state, nonce]) % 2**bits:
        nonce += 1
    assert BACKEND.grind(words([state])[0], bits, HASHING) == nonce


def test_the_first_digest_that_is_not_reduced_is_named() -> None:
    assert bn254.first_unreduced(words([0, bn254.MODULUS - 1])) is None
    assert bn254.first_unreduced(words([0, bn254.MODULUS, 2**256 - 1])) == 1


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        bn254.hash_messages(Tag.NODE, 4, np.zeros((4, 4), dtype=np.uint64))
    with pytest.raises(ValueError, match="with a length"):
        bn254.hash_messages(Tag.NODE, 0, np.zeros((1, 0, 4), dtype=np.uint64))
    with pytest.raises(ValueError, match="do not fit"):
        bn254.hash_messages(Tag.SQUEEZE, np.zeros(3, dtype=np.uint64), np.zeros((2, 1, 4), dtype=np.uint64))
    with pytest.raises(ValueError, match="cannot grind"):
        HASHING.grind(np.zeros(4, dtype=np.uint64), 41)
