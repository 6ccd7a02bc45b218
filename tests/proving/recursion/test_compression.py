from __future__ import annotations

import functools

import numpy as np
import pytest

from proving.hash import HashFamily
from proving.recursion.compile import CompiledCircuit
from proving.recursion.compression import write_layer
from proving.recursion.witness import fill
from proving.stark.air.engine import check
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.generate import build_key
from proving.stark.proof import parse
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy

#: The toy at the bounds of its key, as a layer takes proofs.
BELOW = (2, 7, 12)


@functools.cache
def layer() -> CompiledCircuit:
    return write_layer("layer", toy.key(), toy.QUICK)


def filled(publics: Words) -> dict[str, Words]:
    key, _, proof = toy.proof(*BELOW)
    _, parts = parse(key.layout, key.parameters(toy.QUICK), proof)
    return fill(layer().program, publics, parts.parts())


def test_a_layer_shows_the_public_input_of_the_proof_below_it() -> None:
    _, publics, _ = toy.proof(*BELOW)
    assert check(layer().circuit, filled(publics), publics) == []


@pytest.mark.parametrize("number", range(3))
def test_another_public_input_breaks_a_constraint_or_a_bus(number: int) -> None:
    _, publics, _ = toy.proof(*BELOW)
    other = publics.copy()
    other[number] ^= np.uint64(1)
    assert check(layer().circuit, filled(other), other)
    assert check(layer().circuit, filled(publics), other)


def test_a_layer_is_proven_under_the_family_over_bn254() -> None:
    _, publics, _ = toy.proof(*BELOW)
    made = layer()
    key = build_key(
        made.circuit,
        backend=toy.backend(),
        log_blowup=3,
        max_log_heights=made.log_heights,
        profiles=["proven100"],
        form={"family": HashFamily.BN254},
    )
    proof = prove(key, "proven100", publics, filled(publics), toy.backend())
    assert verify(key, "proven100", publics, proof).security.reached
    with pytest.raises(ProofRefused):
        verify(key, "proven100", publics ^ np.uint64(1), proof)
