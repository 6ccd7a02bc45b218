"""256-bit modular arithmetic against Python's integers, as answers, as traces and as a proof."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.circuits.arith256 import ARITH256
from proving.circuits.requests import absorb, blocks, empty_chain
from proving.stark.air import check
from tests.proving.circuits.numbers import EDGES, Request, answer, inputs, number, requests
from tests.proving.circuits.proofs import prove_and_refuse

NUMBER = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**256 - 1))


@given(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER))
def test_the_answer_is_that_of_integers(request: Request) -> None:
    assert number(ARITH256.answer(inputs([request]))[0]) == answer(request)


def test_many_answers_at_once() -> None:
    given_requests = requests(3000)
    found = ARITH256.answer(inputs(given_requests))
    assert [number(row) for row in found] == [answer(request) for request in given_requests]


def test_words_at_their_ends_where_a_quotient_is_guessed_wrong() -> None:
    """A word of the quotient is estimated from leading words; extreme words make the estimate too large, twice too."""
    rng = np.random.default_rng(4)
    ends = np.array([0, 1, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF], dtype=np.uint32)
    given_words = rng.choice(ends, (20_000, 32))
    # Moduli of every size.
    given_words[:, 24:] *= np.arange(8) < rng.integers(0, 9, (len(given_words), 1))
    expected = [answer((number(r[:8]), number(r[8:16]), number(r[16:24]), number(r[24:]))) for r in given_words]
    assert [number(row) for row in ARITH256.answer(given_words)] == expected


def test_moduli_just_below_the_power_of_two_which_take_no_division() -> None:
    """2^256 - d with d of one to seven words, ends of words everywhere; d of more than six is divided by again."""
    rng = np.random.default_rng(5)
    ends = np.array([0, 1, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF], dtype=np.uint32)
    given_words = rng.choice(ends, (20_000, 32))
    given_words[:, 24:] |= np.uint32(0xFFFFFFFF) * (np.arange(8) >= rng.integers(1, 8, (len(given_words), 1)))
    expected = [answer((number(r[:8]), number(r[8:16]), number(r[16:24]), number(r[24:]))) for r in given_words]
    assert [number(row) for row in ARITH256.answer(given_words)] == expected


def test_a_folded_product_that_passes_the_power_of_two_once_more() -> None:
    """2^256 - d with d below 2^64: what is left after the first fold is as large as can be, the second one carries."""
    rng = np.random.default_rng(6)
    words, expected = [], []
    for _ in range(2000):
        a, b, d = (number(rng.integers(0, 1 << 32, count, dtype=np.uint32)) for count in (8, 8, 2))
        upper, lower = divmod(a * b, 1 << 256)
        c = ((1 << 256) - 1 - upper * d - lower) % (1 << 256)
        if lower + c < 1 << 256:
            given = (a, b, c, (1 << 256) - d)
            words.append(np.frombuffer(b"".join(each.to_bytes(32, "little") for each in given), "<u4"))
            expected.append(answer(given))
    assert len(words) > 500
    assert [number(row) for row in ARITH256.answer(np.array(words))] == expected


def test_traces_of_edge_cases_satisfy_the_circuit_and_hold_the_answers() -> None:
    given_requests = requests(ARITH256.capacities[1])
    start = empty_chain(ARITH256.kind)
    traces, publics = ARITH256.expand(start, inputs(given_requests))
    assert check(ARITH256.circuit, traces, publics) == []
    names = ARITH256.circuit.table("arith256").main_names
    limbs = traces["arith256"][names.index("r[0]") : names.index("r[15]") + 1, : len(given_requests)]
    for request, row in zip(given_requests, limbs.T, strict=True):
        assert sum(int(limb) << 16 * i for i, limb in enumerate(row)) == answer(request)


def test_the_public_input_is_the_chain_of_the_requests() -> None:
    given_inputs = inputs(requests(10))
    start = empty_chain(ARITH256.kind)
    _, publics = ARITH256.expand(start, given_inputs)
    _, first = ARITH256.expand(start, given_inputs[:4])
    _, second = ARITH256.expand(first[4:], given_inputs[4:])
    assert np.array_equal(publics[:4], start) and np.array_equal(publics[4:], second[4:])
    assert np.array_equal(publics[4:], absorb(start, blocks(given_inputs, ARITH256.answer(given_inputs)))[-1])


@pytest.mark.parametrize("count", [0, 1, ARITH256.capacities[0]])
def test_requests_are_proven_and_another_end_is_refused(count: int) -> None:
    prove_and_refuse(ARITH256, inputs(requests(64)[64 - count :]))
