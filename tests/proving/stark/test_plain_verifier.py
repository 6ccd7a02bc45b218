"""The second verifier agrees with the first: on honest proofs, and on forgeries."""

from __future__ import annotations

import numpy as np
import pytest

from proving.field.goldilocks import PRIME
from proving.stark.errors import ProofRefused
from proving.stark.verifier import verify
from tests.proving.stark import toy
from tests.proving.stark.plain_bn254 import Bn254Hashing
from tests.proving.stark.plain_verifier import Refused, plain_verify


@pytest.mark.parametrize(("log_blowup", "log_squares", "log_height"), [(2, 7, 8), (1, 8, 8), (3, 6, 9), (2, 10, 8)])
def test_both_accept_an_honest_proof(log_blowup: int, log_squares: int, log_height: int) -> None:
    key, publics, proof = toy.proof(log_blowup, log_squares, log_height)
    verify(key, toy.QUICK, publics, proof)
    plain_verify(key, toy.QUICK, publics.tolist(), proof)


@pytest.mark.parametrize("seed", range(12))
def test_both_refuse_a_changed_word(seed: int) -> None:
    key, publics, proof = toy.proof()
    words = np.frombuffer(proof, dtype="<u8").copy()
    random = np.random.default_rng(seed)
    place = int(random.integers(3, len(words) // (1 if seed % 2 else 8)))
    words[place] = (int(words[place]) + 1) % PRIME
    with pytest.raises(ProofRefused):
        verify(key, toy.QUICK, publics, words.tobytes())
    with pytest.raises(Refused):
        plain_verify(key, toy.QUICK, publics.tolist(), words.tobytes())


def test_both_accept_an_honest_proof_under_the_family_over_bn254() -> None:
    key, publics, proof = toy.bn254_proof()
    verify(key, toy.QUICK, publics, proof)
    plain_verify(key, toy.QUICK, publics.tolist(), proof, Bn254Hashing())


@pytest.mark.parametrize("seed", range(6))
def test_both_refuse_a_changed_word_under_the_family_over_bn254(seed: int) -> None:
    key, publics, proof = toy.bn254_proof()
    words = np.frombuffer(proof, dtype="<u8").copy()
    random = np.random.default_rng(seed)
    place = int(random.integers(3, len(words) // (1 if seed % 2 else 8)))
    words[place] = (int(words[place]) + 1) % PRIME
    with pytest.raises(ProofRefused):
        verify(key, toy.QUICK, publics, words.tobytes())
    with pytest.raises(Refused):
        plain_verify(key, toy.QUICK, publics.tolist(), words.tobytes(), Bn254Hashing())
