"""Proofs of one thing offered for another: other key, other parameters, other tables, other sums."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from proving.field import goldilocks
from proving.stark.air import Circuit
from proving.stark.errors import BusUnbalanced, ConstraintsViolated, GrindingRefused, OpeningRefused, ProofRefused
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.proof import parse, serialize
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy


def test_another_keys_proof_of_the_same_shape_is_refused() -> None:
    """Same tables and heights, but the other key's bound differs: only the digest tells them apart."""
    _, publics, proof = toy.proof()
    other = toy.key(log_bound=13)
    assert other.digest.tolist() != toy.key().digest.tolist()
    with pytest.raises(ProofRefused):
        verify(other, toy.QUICK, publics, proof)


def test_every_word_of_the_key_digest_counts() -> None:
    key, publics, proof = toy.proof()
    for place in range(4):
        digest = key.digest.copy()
        digest[place] ^= np.uint64(1)
        with pytest.raises(ProofRefused):
            verify(dataclasses.replace(key, digest=digest), toy.QUICK, publics, proof)


def test_another_preprocessed_commitment_is_refused() -> None:
    key, publics, proof = toy.proof()
    assert key.preprocessed_cap is not None
    cap = key.preprocessed_cap.copy()
    cap[:, 0] ^= np.uint64(1)
    with pytest.raises(OpeningRefused):
        verify(dataclasses.replace(key, preprocessed_cap=cap), toy.QUICK, publics, proof)


@pytest.mark.parametrize("field", ["queries", "query_grinding", "batching_grinding"])
def test_parameters_are_bound_even_where_the_length_stays(field: str) -> None:
    key, publics, proof = toy.proof()
    report = key.report(toy.QUICK)
    changed = dataclasses.replace(report.parameters, **{field: getattr(report.parameters, field) - 1})
    weaker = dataclasses.replace(key, reports={toy.QUICK: dataclasses.replace(report, parameters=changed)})
    with pytest.raises(ProofRefused):
        verify(weaker, toy.QUICK, publics, proof)


def test_work_that_was_not_done_is_refused() -> None:
    key, publics, proof = toy.proof()
    report = key.report(toy.QUICK)
    harder = dataclasses.replace(report.parameters, query_grinding=60)
    impatient = dataclasses.replace(key, reports={toy.QUICK: dataclasses.replace(report, parameters=harder)})

    class Lazy(type(toy.backend())):  # type: ignore[misc]
        def grind(self, state: np.ndarray, bits: int, *hashing: Any) -> int:  # type: ignore[type-arg]
            return super().grind(state, min(bits, 4), *hashing)

    publics, traces = toy.traces()
    lazy = prove(impatient, toy.QUICK, publics, traces, Lazy())
    with pytest.raises(GrindingRefused):
        verify(impatient, toy.QUICK, publics, lazy)
    assert proof != lazy


def swapped(key: Key) -> Key:
    """The same tables in another order."""
    squares, sink, fibonacci = toy.Squares(7), toy.Sink(), toy.Fibonacci()
    circuit = Circuit("toy", [squares, sink, fibonacci], publics=3, max_degree=5)
    bounds = key.max_log_heights
    return toy.with_quick(build_key(circuit, backend=toy.backend(), log_blowup=2, max_log_heights=bounds))


def test_tables_cannot_be_swapped() -> None:
    key, publics, proof = toy.proof()
    other = swapped(key)
    words = np.frombuffer(proof, dtype="<u8").copy()
    words[:3] = words[2], words[1], words[0]
    for candidate in (proof, words.tobytes()):
        with pytest.raises(ProofRefused):
            verify(other, toy.QUICK, publics, candidate)


def test_bus_sums_must_balance_and_belong_to_their_tables() -> None:
    key, publics, proof = toy.proof()
    parameters = key.parameters(toy.QUICK)
    shape, parts = parse(key.layout, parameters, proof)
    one = np.array([1, 0, 0], dtype=np.uint64)
    moved = parts.bus_sums.copy()
    moved[0] = goldilocks.add(moved[0], one)
    with pytest.raises(BusUnbalanced):
        verify(key, toy.QUICK, publics, serialize(shape, dataclasses.replace(parts, bus_sums=moved)))
    moved[1] = goldilocks.subtract(moved[1], one)
    with pytest.raises(ProofRefused):
        verify(key, toy.QUICK, publics, serialize(shape, dataclasses.replace(parts, bus_sums=moved)))
    exchanged = parts.bus_sums[[1, 0, 2]]
    with pytest.raises(ProofRefused):
        verify(key, toy.QUICK, publics, serialize(shape, dataclasses.replace(parts, bus_sums=exchanged)))


def test_bus_sums_moved_between_tables_by_the_prover_are_refused() -> None:
    """The prover itself claims other sums that balance, and absorbs them."""

    class Mover(type(toy.backend())):  # type: ignore[misc]
        sign = 1

        def bus_columns(self, *arguments):  # type: ignore[no-untyped-def]
            columns, total = super().bus_columns(*arguments)
            if self.sign is None:
                return columns, total
            shift = np.array([5, 0, 0], dtype=np.uint64)
            total = goldilocks.add(total, shift) if self.sign > 0 else goldilocks.subtract(total, shift)
            self.sign = -1 if self.sign > 0 else None
            return columns, total

    publics, traces = toy.traces()
    key = toy.key()
    with pytest.raises(ConstraintsViolated):
        verify(key, toy.QUICK, publics, prove(key, toy.QUICK, publics, traces, Mover()))


def test_another_nonce_with_the_same_work_does_not_fit_the_openings() -> None:
    """Minimality of the nonce is not checked; a substituted one moves the queries, and old openings do not fit."""
    key, publics, proof = toy.proof()
    shape, parts = parse(key.layout, key.parameters(toy.QUICK), proof)
    refusals = []
    for step in range(1, 200):
        nonce = parts.query_nonce + np.uint64(step)
        with pytest.raises(ProofRefused) as caught:
            verify(key, toy.QUICK, publics, serialize(shape, dataclasses.replace(parts, query_nonce=nonce)))
        refusals.append(type(caught.value))
    assert set(refusals) == {GrindingRefused, OpeningRefused}
