from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from proving import native
from proving.hash.permutation import POSEIDON2_WIDTHS, Poseidon, Poseidon2
from proving.hash.poseidon_constants import ROUND_CONSTANTS
from proving.hash.reference import poseidon as reference_poseidon
from proving.hash.reference import poseidon2 as reference_poseidon2
from tests import vectors
from tests.proving import instruction_sets
from tests.proving.elements import EDGES, PRIME, random_elements

# fmt: off
# Plonky3/Plonky3, goldilocks/src/poseidon2.rs, the tests of the default instances: (input, output).
PLONKY3_ANSWERS = (
    (
        [
            0x0000000000000000, 0x0000000000000001, 0x0000000000000002, 0x0000000000000003,
            0x0000000000000004, 0x0000000000000005, 0x0000000000000006, 0x0000000000000007,
        ],
        [
            0x020CF04A1B214D14, 0x84E14AAAEACAED25, 0x1AE0F640E81C7457, 0xA4D204CBAEB0D8A5,
            0x0CF637B627B3A7FF, 0x788D304D948B486B, 0x7327133EA1949AF4, 0xF415ABB924DA395B,
        ],
    ),
    (
        [
            0x0000000000000000, 0x0000000000000001, 0x0000000000000002, 0x0000000000000003,
            0x0000000000000004, 0x0000000000000005, 0x0000000000000006, 0x0000000000000007,
            0x0000000000000008, 0x0000000000000009, 0x000000000000000A, 0x000000000000000B,
        ],
        [
            0xF292AB67C0F14B03, 0x0A32F1B37656544C, 0x053C61AB895498DE, 0x02FF92E55B196FFB,
            0x58176E8F6F58CAB2, 0xB0AA1206E7AEC0F8, 0xE90C13F3DCE83CA4, 0xF4DA15333EDF39C2,
            0x23B701C053C2CA6C, 0xD233D593DCDFBF58, 0x4EFFA5F9516FB52E, 0x0AAF4489F1F40166,
        ],
    ),
    (
        [
            0x4D3F967FAB9D4979, 0x57E1FBA55677697E, 0x57429A86E75A3774, 0x31D379F3A592B5EB,
            0x497232E1B648E3F1, 0x325A7DB57173C39E, 0xA802252D78BEE916, 0x8920F55E154ADEF8,
            0xA1225BC9C7913658, 0xD687BE5097FFD038, 0x89F514EF0C913E48, 0x21FD4A9CF548CD84,
            0x570A1586ADA436FF, 0x46BFBF38CCD740AE, 0x23651B3F3AB26484, 0xE90F3B02127FA552,
        ],
        [
            0xF0F7717837C7032A, 0xF12FBCC838FEB15B, 0xD8661F6FA4165AD8, 0x351CDC546760D1A9,
            0x99474334BF02445F, 0x46FC4E9CEB376D6A, 0x4601808321FCD920, 0xC58BFD0342DC60DF,
            0xB7F3ACD43F3C029C, 0x5C7AFA6A6997DFC5, 0xECBEF8B82906C887, 0xD490E3B4E945D87C,
            0x31866766B83EBE0B, 0xB32D52F6E7A5BEA2, 0x9522431667B3C5F9, 0xEAF5638A69518F65,
        ],
    ),
)
# fmt: on

# 0xPolygonZero/plonky2, plonky2/src/hash/poseidon_goldilocks.rs, test_vectors: all zeros and 0, 1, ..., 11.
POSEIDON_OF_ZEROS = [0x3C18A9786CB0B359, 0xC4055E3364A246C3, 0x7953DB0AB48808F4, 0xC71603F33A1144CA]
POSEIDON_OF_RANGE = [0xD64E1E3EFC5B8E9E, 0x53666633020AAA47, 0xD40285597C6A8825, 0x613A4F81E81231D2]
POSEIDON_OF_MINUS_ONES = [0xBE0085CFC57A8357, 0xD95AF71847D05C09, 0xCF55A13D33C1C953, 0x95803A74F4530E82]


def numbers(texts: list[str]) -> list[int]:
    return [int(text, 16) for text in texts]


@pytest.mark.parametrize(("state", "permuted"), PLONKY3_ANSWERS)
def test_known_answers_of_plonky3(state: list[int], permuted: list[int], each_isa: str) -> None:
    states = np.array([state] * 19, dtype=np.uint64)
    assert Poseidon2(len(state)).permute(states).tolist() == [permuted] * 19
    assert reference_poseidon2.permute(state) == permuted


@pytest.mark.parametrize("instance", ["plonky3_w8", "plonky3_w12", "plonky3_w16"])
def test_published_vectors_of_plonky3(instance: str, each_isa: str) -> None:
    data = json.loads(vectors.path("crypto/poseidon2_goldilocks.json").read_text())
    found = [case for case in data["known_answers"] + data["vectors"] if case["instance"] == instance]
    assert found
    inputs = np.array([numbers(case["input"]) for case in found], dtype=np.uint64)
    outputs = np.array([numbers(case["output"]) for case in found], dtype=np.uint64)
    assert np.array_equal(Poseidon2(inputs.shape[1]).permute(inputs), outputs)
    assert np.array_equal(Poseidon2(inputs.shape[1]).permute(np.tile(inputs, (9, 1))), np.tile(outputs, (9, 1)))


@pytest.mark.parametrize("width", POSEIDON2_WIDTHS)
@pytest.mark.parametrize("horizen", [False, True])
def test_reference_against_published_vectors(width: int, horizen: bool) -> None:
    data = json.loads(vectors.path("crypto/poseidon2_goldilocks.json").read_text())
    instance = f"horizenlabs_t{width}" if horizen else f"plonky3_w{width}"
    found = [case for case in data["known_answers"] + data["vectors"] if case["instance"] == instance]
    assert found
    for case in found:
        assert reference_poseidon2.permute(numbers(case["input"]), horizen=horizen) == numbers(case["output"])


@pytest.mark.parametrize("width", POSEIDON2_WIDTHS)
@pytest.mark.parametrize("count", [1, 7, 16, 37])
def test_native_equals_reference(width: int, count: int, each_isa: str) -> None:
    states = random_elements(width + count, count, width, edges=0.5)
    expected = [reference_poseidon2.permute([int(x) for x in state]) for state in states]
    assert Poseidon2(width).permute(states).tolist() == expected


@pytest.mark.parametrize("width", POSEIDON2_WIDTHS)
def test_states_of_one_repeated_edge_case(width: int, each_isa: str) -> None:
    states = np.repeat(np.array(EDGES, dtype=np.uint64)[:, np.newaxis], width, axis=1)
    expected = [reference_poseidon2.permute([int(x) for x in state]) for state in states]
    assert Poseidon2(width).permute(states).tolist() == expected


def test_instruction_sets_agree_on_many_states() -> None:
    instruction_sets.build_emulated()
    for width in POSEIDON2_WIDTHS:
        states = random_elements(width, 3000, width, edges=0.3)
        results = []
        for name in native.runnable_isas():
            with native.forced_isa(name):
                results.append(Poseidon2(width).permute(states))
        assert all(np.array_equal(result, results[0]) for result in results)


def test_poseidon_gives_plonky2s_answers(each_isa: str) -> None:
    states = np.array([[0] * 12, list(range(12)), [PRIME - 1] * 12], dtype=np.uint64)
    expected = [POSEIDON_OF_ZEROS, POSEIDON_OF_RANGE, POSEIDON_OF_MINUS_ONES]
    assert Poseidon().permute(states)[:, :4].tolist() == expected
    assert [reference_poseidon.permute([int(x) for x in state])[:4] for state in states] == expected


def test_poseidon_equals_reference(each_isa: str) -> None:
    states = random_elements(9, 4, 12, edges=0.5)
    assert Poseidon().permute(states).tolist() == [reference_poseidon.permute([int(x) for x in s]) for s in states]


def test_poseidon_leaves_its_input_unchanged() -> None:
    states = random_elements(9, 2, 12)
    before = states.copy()
    Poseidon().permute(states)
    assert np.array_equal(states, before)


def chacha8_numbers() -> Iterator[int]:
    """64-bit numbers of ChaCha8 with the seed that rand_core expands from 0 (PCG32)."""
    state, key = 0, []
    for _ in range(8):
        state = (state * 6364136223846793005 + 11634580027462260723) % 2**64
        word, turn = ((state >> 18 ^ state) >> 27) % 2**32, state >> 59
        key.append((word >> turn | word << (32 - turn)) % 2**32)
    counter = 0
    while True:
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, counter, 0, 0, 0]
        words = list(start)
        for _ in range(4):
            for shift in (0, 1):
                for i in range(4):
                    a, b, c, d = i, 4 + (i + shift) % 4, 8 + (i + 2 * shift) % 4, 12 + (i + 3 * shift) % 4
                    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                        words[x] = (words[x] + words[y]) % 2**32
                        mixed = words[z] ^ words[x]
                        words[z] = (mixed << turn | mixed >> (32 - turn)) % 2**32
        block = [(word + first) % 2**32 for word, first in zip(words, start, strict=True)]
        yield from (block[i] | block[i + 1] << 32 for i in range(0, 16, 2))
        counter += 1


def test_poseidons_constants_are_the_stated_stream() -> None:
    products = (number * PRIME for number in chacha8_numbers())
    accepted = (product >> 64 for product in products if product % 2**64 <= PRIME - 1)
    assert tuple(next(accepted) for _ in range(360)) == ROUND_CONSTANTS


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="width 9"):
        Poseidon2(9)
    with pytest.raises(ValueError, match="shape"):
        Poseidon2(8).permute(np.zeros((2, 12), dtype=np.uint64))
    with pytest.raises(ValueError, match="shape"):
        Poseidon().permute(np.zeros((2, 8), dtype=np.uint64))
