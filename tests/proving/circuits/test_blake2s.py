"""Blake2s's compression against hashlib, as answers, as traces and as a proof."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.circuits.blake2s import BLAKE2S, INITIAL, STATE
from proving.circuits.requests import U32, absorb, blocks, empty_chain
from proving.stark.air import check
from tests.proving.circuits.proofs import prove_and_refuse

BLOCK = 64
FINAL = 2**32 - 1


def words_of(data: bytes) -> U32:
    return np.frombuffer(data, dtype="<u4").astype(np.uint32)


def digest(message: bytes, key: bytes, length: int) -> bytes:
    """The hash of a message, on the circuit's compression."""
    state = np.array(INITIAL, dtype=np.uint32)
    state[0] ^= np.uint32(0x01010000 | len(key) << 8 | length)
    data = key.ljust(BLOCK, b"\0") + message if key else message
    count = max(1, -(-len(data) // BLOCK))
    padded = data.ljust(count * BLOCK, b"\0")
    for i in range(count):
        last = i == count - 1
        tweak = np.array([len(data) if last else (i + 1) * BLOCK, 0, FINAL if last else 0, 0], dtype=np.uint32)
        request = np.concatenate([state, words_of(padded[i * BLOCK : (i + 1) * BLOCK]), tweak])
        state = BLAKE2S.answer(request[None])[0]
    return state.astype("<u4").tobytes()[:length]


@given(st.binary(max_size=300), st.binary(max_size=32), st.integers(1, 32))
def test_blake2s_is_built_on_it(message: bytes, key: bytes, length: int) -> None:
    assert digest(message, key, length) == hashlib.blake2s(message, key=key, digest_size=length).digest()


def requests(count: int) -> U32:
    """Words of zeros, of ones, of one bit in each part, and random ones."""
    found = np.random.default_rng(2).integers(0, 2**32, (count, BLAKE2S.layout.input_words), dtype=np.uint32)
    found[0], found[1], found[2:5] = 0, 2**32 - 1, 0
    found[2, STATE - 1], found[3, -5], found[4, -1] = 1, 2**31, 2**31
    return found


@pytest.mark.parametrize("count", [6, *BLAKE2S.capacities[:2]])
def test_traces_satisfy_the_circuit_and_end_in_the_chain_of_the_answers(count: int) -> None:
    inputs, start = requests(count), empty_chain(BLAKE2S.kind)
    traces, publics = BLAKE2S.expand(start, inputs)
    assert check(BLAKE2S.circuit, traces, publics) == []
    assert np.array_equal(publics[4:], absorb(start, blocks(inputs, BLAKE2S.answer(inputs)))[-1])


@pytest.mark.parametrize("count", [0, BLAKE2S.capacities[0]])
def test_requests_are_proven_and_another_end_is_refused(count: int) -> None:
    prove_and_refuse(BLAKE2S, requests(BLAKE2S.capacities[0])[:count])
