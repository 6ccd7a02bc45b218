from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.stark.errors import SecurityBelowProfile, UnknownProfile
from proving.stark.security import GAP_FRACTION, MIN_LOG_HEIGHT, PROFILES, Facts, Regime, profile, solve

REFERENCE = Facts(
    log_height=20,
    log_blowup=1,
    batched=100,
    constraints=150,
    degree=3,
    interactions=20 << 20,
    arity=8,
    folds=(3, 3, 3, 3, 3),
)


def facts(log_blowup: int) -> Facts:
    return dataclasses.replace(REFERENCE, log_blowup=log_blowup)


# Points of the Ethereum Foundation's soundness calculator: 2^20 rows, 100 batched polynomials, fold 8, cubic
# extension, 20 grinding bits on the queries.
@pytest.mark.parametrize(("log_blowup", "queries"), [(1, 165), (2, 82), (3, 54), (4, 41), (6, 27), (8, 21), (9, 18)])
def test_proven100_needs_the_published_number_of_queries(log_blowup: int, queries: int) -> None:
    parameters = solve("proven100", facts(log_blowup)).parameters
    assert (parameters.queries, parameters.query_grinding, parameters.batching_grinding) == (queries, 20, 0)


@pytest.mark.parametrize(
    ("log_blowup", "queries", "batching"), [(1, 223, 0), (2, 110, 0), (3, 73, 0), (4, 55, 1), (6, 37, 6)]
)
def test_proven128_needs_the_published_queries_and_batching_work(log_blowup: int, queries: int, batching: int) -> None:
    parameters = solve("proven128", facts(log_blowup)).parameters
    assert (parameters.queries, parameters.batching_grinding) == (queries, batching)


@pytest.mark.parametrize(("log_blowup", "bits"), [(1, 135), (2, 132), (3, 130), (4, 127), (6, 122), (8, 117), (9, 115)])
def test_batching_term_equals_the_published_one(log_blowup: int, bits: int) -> None:
    report = solve("proven100", facts(log_blowup))
    assert math.floor(next(term.bits for term in report.terms if term.name == "batching")) == bits


def test_legacy_profile_gives_a_query_the_conjectured_bits() -> None:
    report = solve("legacy-conjectured", facts(3))
    assert (report.parameters.queries, report.parameters.query_grinding) == (28, 16)
    assert report.parameters.profile.regime is Regime.CONJECTURED
    assert "CONJECTURED" in report.table()


def test_one_query_less_misses_the_target() -> None:
    for name in ("proven100", "proven128"):
        report = solve(name, facts(2))
        parameters = report.parameters
        per_query = (report.terms[-2].bits - parameters.query_grinding) / parameters.queries
        assert report.terms[-2].name == "queries"
        assert report.terms[-2].bits >= parameters.profile.target > report.terms[-2].bits - per_query


def test_a_term_that_nothing_can_mend_is_an_error() -> None:
    with pytest.raises(SecurityBelowProfile, match="fold 0"):
        solve("proven128", facts(8))


def test_too_many_openings_are_an_error_once_the_batching_work_is_spent() -> None:
    crowded = dataclasses.replace(facts(6), batched=2**22)
    with pytest.raises(SecurityBelowProfile, match="batching"):
        solve("proven128", crowded)


def test_unknown_profile_is_named() -> None:
    with pytest.raises(UnknownProfile, match="proven100"):
        profile("proven1000")


def test_the_degree_slack_of_lifting_stays_inside_the_gap() -> None:
    assert math.sqrt(1 + 2.0**-MIN_LOG_HEIGHT) < 1 + GAP_FRACTION


def test_the_report_prints_every_term() -> None:
    report = solve("proven100", REFERENCE)
    names = ["bus", "constraints", "deep", "lifting", "batching", "queries", "hash", *(f"fold {i}" for i in range(5))]
    assert all(name in report.table() for name in names)
    assert report.table().count("\n") == len(report.terms)


@given(
    log_height=st.integers(6, 24),
    log_blowup=st.integers(1, 4),
    batched=st.integers(1, 2000),
    constraints=st.integers(1, 5000),
    interactions=st.integers(0, 2**32),
)
def test_every_solution_reaches_its_target_and_smaller_heights_never_hurt(
    log_height: int, log_blowup: int, batched: int, constraints: int, interactions: int
) -> None:
    folds = (3,) * max(1, -(-(log_height - 5) // 3))
    wanted = Facts(log_height, log_blowup, batched, constraints, (1 << log_blowup) + 1, interactions, 20, folds)
    report = solve("proven100", wanted)
    assert report.bits >= PROFILES["proven100"].target
    smaller = dataclasses.replace(wanted, log_height=6, folds=(3,))
    assert solve("proven100", smaller).parameters.queries == report.parameters.queries
    assert solve("proven100", smaller).bits >= report.bits - 1e-9
