"""Ties that let requests pass which nobody has shown: witnesses are filled without checks, the circuit must refuse."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.circuits.requests import RequestType
from proving.hash import DIGEST
from proving.machine.state import empty_requests
from proving.recursion.claims import type_number
from proving.recursion.tip import MAIN_VM_TYPE, TIP_CLAIM, tip_words
from proving.stark.air.engine import check
from proving.stark.arithmetic import Words
from proving.stark.proof import parse
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.recursion import batch, chain

ASKING = batch.asking_state()
EMPTY = empty_requests()
ASKED = batch.ASKED
OTHER = RequestType.SHA256


def claim_of(after: Words) -> Words:
    return tip_words(batch.tip_claim()[:DIGEST], batch.PROGRAM, batch.words_of(ASKING), after)


def refused(
    claim: Words, shown: batch.Leaf, after: Words = EMPTY, before: Words = ASKING.requests, place: int = batch.TIP
) -> bool:
    return bool(check(batch.tie().circuit, batch.tie_traces(claim, shown, before, after, place=place), claim))


def test_an_honest_tie_is_read_as_a_tip() -> None:
    claim = claim_of(EMPTY)
    traces = batch.tie_traces(claim, batch.asked_leaf(), ASKING.requests, EMPTY)
    assert not check(batch.tie().circuit, traces, claim)
    key = batch.tie_key()
    proof = prove(key, chain.PROFILE, claim, traces, chain.backend())
    verify(key, chain.PROFILE, claim, proof)
    _, parts = parse(key.layout, key.parameters(chain.PROFILE), proof)
    wanted = batch.scheduler_claim()
    honest = batch.scheduler_traces(wanted, tuple(parts.parts()), place=batch.TIE, key=key)
    assert not check(batch.scheduler().circuit, honest, wanted)
    # The same proof under the place of another key, or with another key's cap.
    assert check(batch.scheduler().circuit, batch.scheduler_traces(wanted, tuple(parts.parts()), key=key), wanted)
    assert check(
        batch.scheduler().circuit, batch.scheduler_traces(wanted, tuple(parts.parts()), place=batch.TIE), wanted
    )


def test_a_run_whose_requests_nobody_shows_has_no_scheduler() -> None:
    claim = batch.scheduler_claim()
    assert check(batch.scheduler().circuit, batch.scheduler_traces(claim, batch.asking_tip_parts()), claim)


@pytest.mark.parametrize("place", range(TIP_CLAIM))
def test_every_element_of_a_ties_claim_counts(place: int) -> None:
    claim = claim_of(EMPTY)
    claim[place] ^= np.uint64(1)
    assert refused(claim, batch.asked_leaf())


@pytest.mark.parametrize("kind", list(RequestType))
def test_a_tie_takes_away_one_chain_only(kind: RequestType) -> None:
    """And in its place the chain of no request, nothing else."""
    after = EMPTY.copy()
    after[kind] += np.uint64(1)
    assert refused(claim_of(after), batch.asked_leaf(), after)


def test_requests_that_stay_stay() -> None:
    assert refused(claim_of(ASKING.requests), batch.asked_leaf(), ASKING.requests)


@pytest.mark.parametrize("change", [1, -1])
def test_a_chain_that_ends_elsewhere_than_the_state_says(change: int) -> None:
    """Shorter, longer and reordered chains end in other digests."""
    end = ASKING.requests[ASKED] + np.uint64(change % 2**64)
    shown = batch.prove_leaf(EMPTY[ASKED], end, circuit_type=type_number(ASKED))
    assert refused(claim_of(EMPTY), shown)


def test_a_chain_that_starts_elsewhere_than_at_no_request() -> None:
    shown = batch.prove_leaf(EMPTY[ASKED] + np.uint64(1), ASKING.requests[ASKED], circuit_type=type_number(ASKED))
    assert refused(claim_of(EMPTY), shown)


@pytest.mark.parametrize("number", sorted(batch.LEAVES.keys() - {type_number(ASKED)}))
def test_a_chain_of_another_type(number: int) -> None:
    """The digests are those of the type that was asked for."""
    shown = batch.prove_leaf(EMPTY[ASKED], ASKING.requests[ASKED], circuit_type=number)
    assert refused(claim_of(EMPTY), shown)


@pytest.mark.parametrize("number", [MAIN_VM_TYPE, *batch.NO_TYPES])
def test_a_number_that_is_of_no_type_of_requests(number: int) -> None:
    """What chooses among the types are polynomials in the number, which have values there too.

    The leaf shows the chain that they choose, and the claim has what they leave of the chains.
    """
    numbers = [type_number(kind) for kind in RequestType]
    chosen = np.array([
        prod((number - other) * pow(own - other, -1, PRIME) for other in numbers if other != own) % PRIME
        for own in numbers
    ], dtype=object)[:, None]  # fmt: skip
    before, empty = ASKING.requests.astype(object), EMPTY.astype(object)
    start, end = ((chosen * chains).sum(axis=0) % PRIME for chains in (empty, before))
    after = ((before + chosen * (empty - before)) % PRIME).astype(np.uint64)
    shown = batch.prove_leaf(start.astype(np.uint64), end.astype(np.uint64), circuit_type=number)
    assert refused(claim_of(after), shown, after)


def test_a_type_that_occurs_is_claimed_not_to() -> None:
    """The chains before the tie are claimed to be empty already, so that nothing is to be shown."""
    shown = batch.prove_leaf(EMPTY[ASKED], EMPTY[ASKED], circuit_type=type_number(ASKED))
    assert refused(claim_of(EMPTY), shown, before=EMPTY)
    assert refused(claim_of(EMPTY), shown)


def test_a_type_that_does_not_occur_is_claimed_to() -> None:
    """A chain that leads back from requests to none would take them from another run."""
    before = ASKING.requests.copy()
    before[OTHER] += np.uint64(1)
    assert refused(claim_of(EMPTY), batch.asked_leaf(), before=before)


@pytest.mark.parametrize("place", [0, batch.LEAF_AS_TIP, batch.TIE, batch.SLOTS, 2**40])
def test_a_ties_tip_needs_its_own_entry_with_the_role(place: int) -> None:
    assert refused(claim_of(EMPTY), batch.asked_leaf(), place=place)


def test_a_chain_under_another_key_set() -> None:
    other = batch.tip_claim()[:DIGEST] + np.uint64(1)
    shown = batch.prove_leaf(EMPTY[ASKED], ASKING.requests[ASKED], circuit_type=type_number(ASKED), key_set=other)
    assert refused(claim_of(EMPTY), shown)
