from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proving.hash.bn254_constants import WIDTH
from proving.hash.reference.bn254 import permute as permuted
from proving.snark.bn254 import poseidon2
from proving.snark.bn254.field import FR
from tests import vectors
from tests.proving.snark.bn254.numbers import elements, numbers

R = FR.modulus

# HorizenLabs/poseidon2, the known answer of the instance over bn256, and states of edge cases that its code permuted:
# (input, output).
ANSWERS = (
    (
        [
            0x0000000000000000000000000000000000000000000000000000000000000000,
            0x0000000000000000000000000000000000000000000000000000000000000001,
            0x0000000000000000000000000000000000000000000000000000000000000002,
        ],
        [
            0x0BB61D24DACA55EEBCB1929A82650F328134334DA98EA4F847F760054F4A3033,
            0x303B6F7C86D043BFCBCC80214F26A30277A15D3F74CA654992DEFE7FF8D03570,
            0x1ED25194542B12EEF8617361C3BA7C52E660B145994427CC86296242CF766EC8,
        ],
    ),
    (
        [
            0x10C5145F7D27345CB6A4596F4F46CCC385C000D09DC01F1A654C3E3F97E84E93,
            0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000000,
            0x0000000000000000000000000000000000000000000000000000000000000001,
        ],
        [
            0x0CF7E84BAF356553961011CC75293A6F97D56622809F76A6DF3EA8BD1C98425A,
            0x09055E1AE3A6511961589FEBF1C8FBFC9247BA8956C80622BAAF05E7A09DEA41,
            0x11FE1EF61464433D63D29756482E930E4D65A99252A3816E1082ECBE706F9F49,
        ],
    ),
    (
        [
            0x1692AC11046A18DBDDF1D9C44D788CDEF982A5846548C60AC1DBA02AA843545D,
            0x0000000000000000000000000000000000000000000000000000000000000000,
            0x0000000000000000000000000000000000000000000000000000000000000000,
        ],
        [
            0x2CBB324F60BDE238C9F7A02877ACA064CF63DBC5E725EA9114C03EB2763B5B1F,
            0x305EB4377297F57FAC01360F6D8B0D178075E0F953749CF6DA60034D02CD27D9,
            0x2E2BC5C88BB557C1B910DEFBC02F4F018D57DB48238237C09D74888737F6B7D8,
        ],
    ),
)


def native(states: list[list[int]]) -> list[list[int]]:
    array = FR.encode(x for state in states for x in state).reshape(-1, WIDTH, 4)
    flat = FR.decode(poseidon2.permute(array).reshape(-1, 4))
    return [flat[at : at + WIDTH] for at in range(0, len(flat), WIDTH)]


@pytest.mark.parametrize(("state", "answer"), ANSWERS)
def test_known_answers(state: list[int], answer: list[int], each_isa: str) -> None:
    assert permuted(state) == answer
    assert native([state] * 19) == [answer] * 19


def test_published_vectors(each_isa: str) -> None:
    data = json.loads(vectors.path("crypto/poseidon2_bn254_t3.json").read_text())
    cases = data["known_answers"] + data["vectors"]
    states, answers = ([[int(x, 16) for x in case[side]] for case in cases] for side in ("input", "output"))
    assert native(states) == answers


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 130])
def test_states_of_a_batch_are_independent(count: int, each_isa: str) -> None:
    flat = numbers(FR, count, WIDTH * count)
    states = [flat[at : at + WIDTH] for at in range(0, len(flat), WIDTH)]
    assert native(states) == [permuted(state) for state in states]


@pytest.mark.parametrize("value", [0, 1, R - 1, pow(2, -256, R), -pow(2, -256, R) % R])
def test_edges_in_every_place(value: int, each_isa: str) -> None:
    assert native([[value] * WIDTH]) == [permuted([value] * WIDTH)]


@given(st.lists(elements(FR), min_size=WIDTH, max_size=WIDTH))
@settings(max_examples=30, deadline=None)
def test_permutation_is_that_of_integers(state: list[int]) -> None:
    assert native([state]) == [permuted(state)]


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(\.\.\., 3, 4\)"):
        poseidon2.permute(np.zeros((3, 2, 4), dtype=np.uint64))
