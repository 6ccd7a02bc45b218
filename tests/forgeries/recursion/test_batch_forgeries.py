"""Tips and schedulers about what is not so: witnesses are filled without checks, so constraints or buses must break."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.circuits.requests import RequestType
from proving.hash import DIGEST, Tag
from proving.machine.state import STATE_VERSION, State
from proving.recursion import tip as tip_module
from proving.recursion.claims import key_set_digest
from proving.recursion.scheduler import SCHEDULER_CLAIM, scheduler_words
from proving.recursion.tip import MAIN_VM_TYPE, TIP_CLAIM, tip_hints
from proving.recursion.witness import fill
from proving.stark.air.engine import check
from proving.stark.arithmetic import Words
from proving.stark.errors import ProofRefused
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.recursion import batch, chain

FINAL = batch.final_state()


def refused(claim: Words, under: batch.Leaf, final: State) -> bool:
    return bool(check(batch.tip().circuit, batch.tip_traces(claim, under, final), claim))


def claim_of(final: State) -> Words:
    return batch.tip_claim(final)


def test_an_honest_tip_and_scheduler_hold() -> None:
    assert not refused(batch.tip_claim(), batch.honest_leaf(), FINAL)
    claim = batch.scheduler_claim()
    traces = batch.scheduler_traces(claim, batch.tip_parts())
    assert not check(batch.scheduler().circuit, traces, claim)
    key = chain.aggregation_key(batch.scheduler())
    verify(key, chain.PROFILE, claim, prove(key, chain.PROFILE, claim, traces, chain.backend()))


@pytest.mark.parametrize("place", range(TIP_CLAIM))
def test_every_element_of_a_tips_claim_counts(place: int) -> None:
    claim = batch.tip_claim()
    claim[place] ^= np.uint64(1)
    assert refused(claim, batch.honest_leaf(), FINAL)


@pytest.mark.parametrize("request_type", range(len(RequestType)))
def test_a_tip_claims_the_requests_of_its_final_state(request_type: int) -> None:
    requests = FINAL.requests.copy()
    requests[request_type, 3] += np.uint64(1)
    final = dataclasses.replace(FINAL, requests=requests)
    under = batch.prove_leaf(batch.PROGRAM, final.digest())
    assert not refused(claim_of(final), under, final)
    assert refused(batch.tip_claim(), under, final)
    assert refused(claim_of(final), batch.honest_leaf(), final)


def test_a_run_that_has_not_halted_is_refused() -> None:
    final = dataclasses.replace(FINAL, halted=False)
    assert refused(claim_of(final), batch.prove_leaf(batch.PROGRAM, final.digest()), final)


@pytest.mark.parametrize("what", ["tag", "version"])
def test_a_digest_of_something_else_is_no_state(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain ends in a hash of the same form that is not of a state of this version."""
    other = {"tag": (Tag.KEY, STATE_VERSION), "version": (Tag.STATE, STATE_VERSION + 1)}[what]
    from proving.machine import state

    with monkeypatch.context() as changed:
        changed.setattr(state, "Tag", type("Other", (), {"STATE": other[0]}))
        changed.setattr(state, "STATE_VERSION", other[1])
        end = FINAL.digest()
        changed.setattr(tip_module, "Tag", type("Other", (), {"STATE": other[0]}))
        changed.setattr(tip_module, "STATE_VERSION", other[1])
        under = batch.prove_leaf(batch.PROGRAM, end)
        hints = tip_hints(batch.entries(), under.child, FINAL)
    claim = batch.tip_claim()
    assert check(batch.tip().circuit, fill(batch.tip().program, claim, hints), claim)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: dataclasses.replace(state, pc=state.pc + 4),
        lambda state: dataclasses.replace(state, memory_root=state.memory_root + np.uint64(1)),
        lambda state: dataclasses.replace(state, code_root=state.code_root + np.uint64(1)),
        *(
            lambda state, number=number: dataclasses.replace(
                state, registers=np.where(np.arange(32) == number, 7, state.registers).astype(np.uint32)
            )
            for number in (1, 4, 9, 10, 15, 16, 17, 18, 31)
        ),
    ],
)
def test_another_state_than_the_chain_ends_in_is_refused(change: Callable[[State], State]) -> None:
    final = change(FINAL)
    assert refused(claim_of(final), batch.honest_leaf(), final)
    assert refused(batch.tip_claim(), batch.honest_leaf(), final)


def test_a_chain_from_elsewhere_than_the_program_is_refused() -> None:
    start = batch.PROGRAM + np.uint64(1)
    assert refused(batch.tip_claim(), batch.prove_leaf(start, FINAL.digest()), FINAL)


def test_a_chain_of_another_type_is_refused() -> None:
    under = batch.prove_leaf(batch.PROGRAM, FINAL.digest(), circuit_type=MAIN_VM_TYPE + 1)
    assert refused(batch.tip_claim(), under, FINAL)


def test_a_child_under_another_key_set_is_refused() -> None:
    other = key_set_digest(batch.entries()) + np.uint64(1)
    assert refused(batch.tip_claim(), batch.prove_leaf(batch.PROGRAM, FINAL.digest(), key_set=other), FINAL)


@pytest.mark.parametrize("place", [1, 2, 3, 2**40])
def test_a_tips_child_needs_its_own_entry_with_the_role(place: int) -> None:
    """Entry 2 is the leaf's own key with the role of a tip."""
    assert refused(batch.tip_claim(), dataclasses.replace(batch.honest_leaf(), place=place), FINAL)


def test_every_part_of_a_tips_child_counts() -> None:
    random = np.random.default_rng(5)
    for number in random.permutation(len(batch.honest_leaf().parts))[:8]:
        parts = [np.array(part) for part in batch.honest_leaf().parts]
        flat = parts[int(number)].reshape(-1)
        place = int(random.integers(flat.size))
        flat[place] = (int(flat[place]) + 1) % PRIME
        assert refused(batch.tip_claim(), dataclasses.replace(batch.honest_leaf(), parts=tuple(parts)), FINAL)


def test_a_false_tip_makes_no_proof_that_is_accepted() -> None:
    final = dataclasses.replace(FINAL, halted=False)
    claim = claim_of(final)
    traces = batch.tip_traces(claim, batch.prove_leaf(batch.PROGRAM, final.digest()), final)
    with pytest.raises(ProofRefused):
        verify(
            batch.tip_key(), chain.PROFILE, claim, prove(batch.tip_key(), chain.PROFILE, claim, traces, chain.backend())
        )


@pytest.mark.parametrize("place", range(SCHEDULER_CLAIM))
def test_every_element_of_a_schedulers_claim_counts(place: int) -> None:
    claim = batch.scheduler_claim()
    claim[place] ^= np.uint64(1)
    assert check(batch.scheduler().circuit, batch.scheduler_traces(claim, batch.tip_parts()), claim)


def test_another_protocol_version_is_refused() -> None:
    """Also where the version stands in for nothing else of the claim."""
    claim = scheduler_words(key_set_digest(batch.entries()), batch.PROGRAM, batch.PROTOCOL + 1, batch.words_of(FINAL))
    violations = check(batch.scheduler().circuit, batch.scheduler_traces(claim, batch.tip_parts()), claim)
    assert {violation.table for violation in violations} == {"field"}


def test_every_part_of_a_schedulers_tip_counts() -> None:
    random = np.random.default_rng(6)
    claim = batch.scheduler_claim()
    for number in random.permutation(len(batch.tip_parts()))[:8]:
        parts = [np.array(part) for part in batch.tip_parts()]
        flat = parts[int(number)].reshape(-1)
        place = int(random.integers(flat.size))
        flat[place] = (int(flat[place]) + 1) % PRIME
        assert check(batch.scheduler().circuit, batch.scheduler_traces(claim, tuple(parts)), claim)


def test_claims_have_the_order_that_is_documented() -> None:
    claim = batch.scheduler_claim()
    assert claim[DIGEST : 2 * DIGEST].tolist() == batch.PROGRAM.tolist()
    assert claim[2 * DIGEST] == batch.PROTOCOL
    assert claim[2 * DIGEST + 1 :].tolist() == FINAL.registers[10:18].tolist()
