"""The compression layers over a batch's proof.

The last one takes minutes without AVX-512, so tests of it are marked ``long``;
``tests/proving/recursion/test_compression.py`` proves a small layer under its hash family.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proving import keys
from proving.hash import HashFamily
from proving.keys.errors import NotCompressed
from proving.stages import batch_proof, layers, recursion_proof
from proving.stages.batch_proof import Claim
from proving.stages.recursion_proof import RecursionProof
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.stages.batch import PROFILE, batch


@cache
def compressed() -> bytes:
    """Return the last layer's artifact of the small batch."""
    return layers.compress_proof(batch().proofs[-1], profile=PROFILE)


@pytest.mark.long
def test_the_last_layer_shows_the_batches_claim_under_the_family_over_bn254() -> None:
    last = compressed()
    claim, _ = batch_proof.unpack(batch().proofs[-1], protocol=PROTOCOL_VERSION)
    found = layers.verify_last(last, profile=PROFILE)
    assert np.array_equal(found.publics, claim.words)
    *others, last_name = keys.circuits_of(PROFILE).layers
    assert found.circuit == last_name and keys.key(last_name).layout.family is HashFamily.BN254
    assert all(keys.key(name).layout.family is HashFamily.GOLDILOCKS for name in others)


def test_a_batch_proof_that_does_not_hold_is_refused_before_anything_is_proven() -> None:
    proof = batch().proofs[-1]
    claim, scheduler = batch_proof.unpack(proof, protocol=PROTOCOL_VERSION)
    other = Claim(claim.key_set, claim.program_commitment, claim.protocol, bytes(31) + b"\1")
    for forged in (
        batch_proof.pack(claim, scheduler[:-8] + bytes(8), protocol=PROTOCOL_VERSION),
        batch_proof.pack(other, scheduler, protocol=PROTOCOL_VERSION),
        proof[:-1],
    ):
        with pytest.raises(VerificationError):
            layers.compress_proof(forged, profile=PROFILE)


@pytest.mark.long
def test_another_circuits_or_claims_proof_is_not_the_last_layers() -> None:
    last = compressed()
    found = recursion_proof.unpack(last, protocol=PROTOCOL_VERSION)
    scheduler = RecursionProof(keys.circuits_of(PROFILE).scheduler, found.publics, found.proof)
    with pytest.raises(InvalidInput, match="not of the last layer"):
        layers.verify_last(recursion_proof.pack(scheduler, protocol=PROTOCOL_VERSION), profile=PROFILE)
    publics = found.publics.copy()
    publics[-1] ^= np.uint64(1)
    other = RecursionProof(found.circuit, publics, found.proof)
    with pytest.raises(VerificationError):
        layers.verify_last(recursion_proof.pack(other, protocol=PROTOCOL_VERSION), profile=PROFILE)


def test_a_profile_above_what_the_last_family_gives_is_not_compressed() -> None:
    with pytest.raises(NotCompressed, match="proven128"):
        layers.compress_proof(b"", profile="proven128")


def test_progress_goes_from_none_to_all() -> None:
    told: list[float] = []
    halves = [layers._part_of(lambda fraction, _: told.append(fraction), number, 2) for number in (0, 1)]
    for part in halves:
        assert part is not None
        part(0.0, "main")
        part(1.0, "queries")
    assert told == [0.0, 0.5, 0.5, 1.0]
