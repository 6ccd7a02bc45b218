"""Keccak-f[1600] against pycryptodome and hashlib, as answers, as traces and as a proof."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from proving.circuits.keccak_f import KECCAK_F, round_constants
from proving.circuits.requests import U32, absorb, blocks, empty_chain
from proving.keys.family import Family
from proving.recursion.aggregation import write_leaf
from proving.recursion.claims import type_number
from proving.stark.air import check
from tests.proving.circuits.proofs import prove_and_refuse, small_key

#: The permutation of zeros (Keccak team's test vectors, first lanes).
OF_ZEROS = (0xF1258F7940E1DDE7, 0x84D5CCF933C0478A, 0xD598261EA65AA9EE, 0xBD1547306F80494D)


def sponge(message: bytes, rate: int, suffix: int, length: int) -> bytes:
    """The sponge of FIPS 202 on the circuit's permutation."""
    padded = bytearray(message + bytes([suffix]) + bytes(-(len(message) + 1) % rate))
    padded[-1] |= 0x80
    state = np.zeros((1, 50), dtype=np.uint32)
    for block in range(0, len(padded), rate):
        state[0, : rate // 4] ^= np.frombuffer(padded[block : block + rate], dtype="<u4")
        state = KECCAK_F.answer(state)
    return state.astype("<u4").tobytes()[:length]


@given(st.binary(max_size=600))
def test_keccak_256_and_sha3_are_built_on_it(message: bytes) -> None:
    assert sponge(message, 136, 0x01, 32) == keccak(message)
    assert sponge(message, 136, 0x06, 32) == hashlib.sha3_256(message).digest()
    assert sponge(message, 72, 0x06, 64) == hashlib.sha3_512(message).digest()


def states(count: int) -> U32:
    """States of zeros, of ones, of one bit, and random ones."""
    found = np.random.default_rng(2).integers(0, 2**32, (count, 50), dtype=np.uint32)
    found[0], found[1] = 0, 2**32 - 1
    found[2] = 0
    found[2, 49] = 2**31
    return found


def test_the_permutation_of_zeros_is_the_published_one() -> None:
    lanes = KECCAK_F.answer(states(1 + 2)[:1]).view("<u8")[0]
    assert tuple(int(lane) for lane in lanes[:4]) == OF_ZEROS
    assert round_constants()[-1] == 0x8000000080008008


def test_traces_satisfy_the_circuit_and_end_in_the_chain_of_the_answers() -> None:
    given_states = states(KECCAK_F.capacities[0])
    start = empty_chain(KECCAK_F.kind)
    traces, publics = KECCAK_F.expand(start, given_states)
    assert check(KECCAK_F.circuit, traces, publics) == []
    assert np.array_equal(publics[4:], absorb(start, blocks(given_states, KECCAK_F.answer(given_states)))[-1])


@pytest.mark.parametrize("count", [0, KECCAK_F.capacities[0]])
def test_requests_are_proven_and_another_end_is_refused(count: int) -> None:
    prove_and_refuse(KECCAK_F, states(KECCAK_F.capacities[0])[:count])


def test_its_leaf_has_the_heights_of_all_circuits_of_the_recursion() -> None:
    key, heights = small_key(KECCAK_F), Family("proven100", {}).log_heights
    write_leaf("leaf", key, key.layout.largest(), "proven100", type_number(KECCAK_F.kind), heights)
