from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from proving.field.goldilocks import PRIME
from proving.hash import HashFamily, Tag, bn254
from proving.hash.reference import bn254 as reference
from proving.keys import stored
from proving.stark.bn254_integers import Bn254Arithmetic
from proving.stark.errors import GrindingRefused, SecurityBelowProfile
from proving.stark.generate import build_key
from proving.stark.prover import prove
from proving.stark.transcript import Transcript
from proving.stark.verifier import verify
from tests.proving.elements import random_elements
from tests.proving.hash.test_bn254 import numbers, some_elements, words
from tests.proving.stark import toy

INTEGERS = Bn254Arithmetic()


def outputs(state: int, first: int, count: int) -> list[int]:
    return [reference.hash_elements(Tag.SQUEEZE, k, [state]) for k in range(first, first + count)]


def test_the_transcript_is_the_documented_one() -> None:
    made = Transcript(INTEGERS)
    message, digests = random_elements(1, 1, 7)[0], some_elements(2, 3)
    made.absorb(message)
    state = reference.hash_elements(Tag.TRANSCRIPT, 7, [int(Tag.TRANSCRIPT), *reference.pack(message.tolist())])
    made.absorb_digests(words(digests))
    state = reference.hash_elements(Tag.DIGESTS, 3, [state, *digests])
    assert numbers(made.state[None]) == [state]
    drawn = [made.challenge(), made.challenge()]
    for output, challenge in zip(outputs(state, 0, 2), drawn, strict=True):
        assert challenge.tolist() == [(output >> 80 * i) % 2**80 % PRIME for i in range(3)]
    indices = [[output >> bit & 1 for bit in range(40)] for output in outputs(state, 2, 5)]
    assert made.indices(5, 40).tolist() == indices
    made.work(np.array([9], dtype=np.uint64), 0)
    assert numbers(made.state[None]) == [reference.hash_elements(Tag.GRIND, 0, [state, 9])]


def test_the_first_message_differs_from_its_own_state_and_kinds_of_messages_from_each_other() -> None:
    """A digest below 2^192 absorbed as a digest, or as the three elements that pack to it."""
    state = INTEGERS.start()
    three = random_elements(5, 1, 3)[0]
    as_digest = INTEGERS.absorb_digests(state, bn254.pack(three[None])[0])
    assert not np.array_equal(INTEGERS.absorb(state, three), as_digest)


def test_work_that_was_not_done_is_refused() -> None:
    nonce = np.array([bn254.Bn254Hashing().grind(INTEGERS.start(), 6)], dtype=np.uint64)
    INTEGERS.work(INTEGERS.start(), nonce, 6)
    with pytest.raises(GrindingRefused):
        INTEGERS.work(INTEGERS.start(), nonce + np.uint64(1), 6)


def test_rows_of_any_length_are_leaves_of_the_tree() -> None:
    for length in (1, 2, 3, 6, 7, 24):
        rows = random_elements(length, 5, length)
        expected = [reference.hash_elements(Tag.LEAF, length, reference.pack(row.tolist())) for row in rows]
        assert numbers(INTEGERS.hash_rows(rows)) == expected


@pytest.mark.usefixtures("each_isa")
def test_an_honest_proof_is_accepted_and_the_same_everywhere() -> None:
    key, publics, proof = toy.bn254_proof()
    assert verify(key, toy.QUICK, publics, proof).log_heights == (8, 6, 7)
    _, traces = toy.traces()
    assert prove(key, toy.QUICK, publics, traces, toy.backend()) == proof


def test_the_shipped_profile_holds_and_the_report_says_what_a_digest_gives() -> None:
    key = toy.bn254_key()
    publics, traces = toy.traces()
    verdict = verify(key, "proven100", publics, prove(key, "proven100", publics, traces, toy.backend()))
    assert verdict.security.reached
    digest = next(term for term in verdict.security.terms if term.name == "hash")
    assert 127 < digest.bits < 128


def test_a_profile_above_the_digest_is_refused() -> None:
    with pytest.raises(SecurityBelowProfile):
        build_key(
            toy.circuit(),
            backend=toy.backend(),
            log_blowup=2,
            max_log_heights={"fibonacci": 12, "sink": 10},
            profiles=["proven128"],
            form={"family": HashFamily.BN254},
        )


def test_a_stored_key_keeps_its_family_and_others_do_not_mention_one() -> None:
    for quick in (toy.bn254_key(), toy.key()):
        made = dataclasses.replace(quick, reports={"proven100": quick.report("proven100")})
        data = memoryview(stored.encode(made))
        length = stored.head_length(data)
        found = stored.decode(bytes(data[:length]), data[length:])
        assert found.layout == made.layout
        assert found.layout.family is made.layout.family
        assert (b"family" in data.tobytes()) is (made.layout.family is HashFamily.BN254)
