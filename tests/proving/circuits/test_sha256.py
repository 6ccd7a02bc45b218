"""SHA-256's compression against hashlib, as answers, as traces and as a proof."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.circuits.requests import U32, absorb, blocks, empty_chain
from proving.circuits.sha256 import SHA256, STATE, round_constants
from proving.stark.air import check
from tests.proving.circuits.proofs import prove_and_refuse

#: FIPS 180-4, section 5.3.
INITIAL = {
    "sha224": "c1059ed8367cd5073070dd17f70e5939ffc00b316858151164f98fa7befa4fa4",
    "sha256": "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19",
}


def words_of(data: bytes) -> U32:
    return np.frombuffer(data, dtype=">u4").astype(np.uint32)


def digest(name: str, message: bytes) -> bytes:
    """The hash of a message, on the circuit's compression."""
    padded = message + b"\x80" + bytes(-(len(message) + 9) % 64) + (8 * len(message)).to_bytes(8, "big")
    state = words_of(bytes.fromhex(INITIAL[name]))
    for block in range(0, len(padded), 64):
        request = np.concatenate([state, words_of(padded[block : block + 64])])
        state = SHA256.answer(request[None])[0]
    return state.astype(">u4").tobytes()[: hashlib.new(name).digest_size]


@given(st.binary(max_size=300))
def test_sha256_and_sha224_are_built_on_it(message: bytes) -> None:
    for name in INITIAL:
        assert digest(name, message) == hashlib.new(name, message).digest()


def test_the_constants_are_the_published_ones() -> None:
    assert (round_constants()[0], round_constants()[-1], len(round_constants())) == (0x428A2F98, 0xC67178F2, 64)


def requests(count: int) -> U32:
    """Words of zeros, of ones, of one bit in the state or the block, and random ones."""
    found = np.random.default_rng(2).integers(0, 2**32, (count, SHA256.layout.input_words), dtype=np.uint32)
    found[0], found[1], found[2:4] = 0, 2**32 - 1, 0
    found[2, STATE - 1], found[3, -1] = 1, 2**31
    return found


@pytest.mark.parametrize("count", [5, *SHA256.capacities[:2]])
def test_traces_satisfy_the_circuit_and_end_in_the_chain_of_the_answers(count: int) -> None:
    inputs, start = requests(count), empty_chain(SHA256.kind)
    traces, publics = SHA256.expand(start, inputs)
    assert check(SHA256.circuit, traces, publics) == []
    assert np.array_equal(publics[4:], absorb(start, blocks(inputs, SHA256.answer(inputs)))[-1])


@pytest.mark.parametrize("count", [0, SHA256.capacities[0]])
def test_requests_are_proven_and_another_end_is_refused(count: int) -> None:
    prove_and_refuse(SHA256, requests(SHA256.capacities[0])[:count])
