from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.stark.errors import SecurityBelowProfile, UnknownProfile
from proving.stark.security import (
    GAP_FRACTION,
    MIN_LOG_HEIGHT,
    PROFILES,
    ROUNDING,
    Facts,
    Reading,
    Regime,
    Report,
    profile,
    solve,
    solve_profile,
)

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


def published(name: str, log_blowup: int) -> Report:
    """The profile as the Ethereum Foundation's soundness calculator has it: the erratum, 20 bits of work, no margin."""
    plain = dataclasses.replace(PROFILES[name], query_grinding=20, margin=0)
    return solve_profile(plain, facts(log_blowup), [Reading.ERRATUM])


# Points of that calculator: 2^20 rows, 100 batched polynomials, fold 8, cubic extension, 20 grinding bits on the
# queries.
@pytest.mark.parametrize(("log_blowup", "queries"), [(1, 165), (2, 82), (3, 54), (4, 41), (6, 27), (8, 21), (9, 18)])
def test_proven100_needs_the_published_number_of_queries(log_blowup: int, queries: int) -> None:
    parameters = published("proven100", log_blowup).parameters
    assert (parameters.queries, parameters.query_grinding, parameters.batching_grinding) == (queries, 20, 0)


@pytest.mark.parametrize(("log_blowup", "queries"), [(1, 171), (2, 85), (3, 56), (4, 42), (5, 34)])
def test_proven100_does_little_work_and_asks_for_the_queries_in_its_place(log_blowup: int, queries: int) -> None:
    parameters = solve("proven100", facts(log_blowup)).parameters
    assert (parameters.queries, parameters.query_grinding, parameters.batching_grinding) == (queries, 17, 0)


@pytest.mark.parametrize(
    ("log_blowup", "queries", "batching"), [(1, 223, 0), (2, 110, 0), (3, 73, 0), (4, 55, 1), (6, 37, 6)]
)
def test_proven128_needs_the_published_queries_and_batching_work(log_blowup: int, queries: int, batching: int) -> None:
    parameters = published("proven128", log_blowup).parameters
    assert (parameters.queries, parameters.batching_grinding) == (queries, batching)


@pytest.mark.parametrize(("log_blowup", "bits"), [(1, 135), (2, 132), (3, 130), (4, 127), (6, 122), (8, 117), (9, 115)])
def test_batching_term_equals_the_published_one(log_blowup: int, bits: int) -> None:
    report = published("proven100", log_blowup)
    assert math.floor(next(term.bits for term in report.terms if term.name == "batching")) == bits


def test_legacy_profile_gives_a_query_the_conjectured_bits() -> None:
    report = solve("legacy-conjectured", facts(3))
    assert (report.parameters.queries, report.parameters.query_grinding) == (28, 16)
    assert report.parameters.profile.regime is Regime.CONJECTURED


def test_bits_are_shown_with_their_kind() -> None:
    believed = solve("legacy-conjectured", facts(2))
    assert believed.summary == "57.4 bits proven (100.0 bits CONJECTURED)"
    assert believed.bits == pytest.approx(100, abs=1e-6)
    assert believed.proven_bits == pytest.approx(57.4, abs=0.05)
    assert solve("proven100", facts(2)).summary == "100.8 bits proven"
    for name in PROFILES:
        report = solve(name, facts(2))
        assert report.summary in report.table()


def test_no_other_module_formats_bits_without_their_kind() -> None:
    root = Path(__file__).parents[3]
    modules = [
        path for folder in ("actors", "cli", "core", "gateway", "proving") for path in (root / folder).rglob("*.py")
    ]
    assert len(modules) > 100
    bare = re.compile(r"\{[^{}]*security[^{}]*bits[^{}]*\}|\.bits:")
    assert [path.name for path in modules if bare.search(path.read_text())] == ["security.py"]


@pytest.mark.parametrize("log_blowup", [1, 2, 3])
def test_proven128_has_its_margin_under_both_readings_and_over_all_rounds(log_blowup: int) -> None:
    report = solve("proven128", facts(log_blowup))
    parameters = report.parameters
    assert parameters.profile.margin == 3
    for reading in Reading:
        found = solve_profile(parameters.profile, facts(log_blowup), [reading])
        assert found.parameters.queries == parameters.queries
        assert found.parameters.batching_grinding <= parameters.batching_grinding
    assert all(term.bits >= 131 - ROUNDING for term in report.terms if term.name != "hash")
    assert next(term.bits for term in report.terms if term.name == "hash") == pytest.approx(128.5, abs=1e-6)
    assert report.total >= 128


def test_the_readings_differ_by_five_bits_where_words_are_combined() -> None:
    printed, corrected = (solve_profile(PROFILES["proven100"], facts(2), [reading]) for reading in Reading)
    for a, b in zip(printed.terms, corrected.terms, strict=True):
        differs = a.name == "batching" or a.name.startswith("fold")
        assert b.bits - a.bits == pytest.approx(5 if differs else 0, abs=0.1), a.name
    assert solve("proven100", facts(2)).terms == printed.terms


def test_the_total_is_where_the_errors_of_all_rounds_sum_to_one() -> None:
    report = solve("proven128", facts(2))
    work = 2.0**report.total
    errors = [(work * 2.0**-term.bits) ** (2 if term.name == "hash" else 1) for term in report.terms]
    assert sum(errors) == pytest.approx(1)
    rounds_only = -math.log2(sum(2.0**-term.bits for term in report.terms if term.name != "hash"))
    assert report.total < min(rounds_only, 128.5)


def test_a_profile_whose_rounds_sum_to_too_much_is_an_error() -> None:
    tight = dataclasses.replace(PROFILES["proven128"], margin=1)
    with pytest.raises(SecurityBelowProfile, match="all rounds together 127"):
        solve_profile(tight, facts(2))


def test_one_query_less_misses_the_target() -> None:
    for name in ("proven100", "proven128"):
        report = solve(name, facts(2))
        parameters = report.parameters
        per_query = (report.terms[-2].bits - parameters.query_grinding) / parameters.queries
        assert report.terms[-2].name == "queries"
        goal = parameters.profile.target + parameters.profile.margin
        assert report.terms[-2].bits >= goal > report.terms[-2].bits - per_query


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
