"""Every check of the verifier carries weight: a verifier without it accepts a forgery that the whole one refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from proving.backend.interface import HostArray
from proving.field.goldilocks import PRIME
from proving.stark.air import Circuit, TableBuilder
from proving.stark.arithmetic import Words
from proving.stark.errors import (
    BusUnbalanced,
    ConstraintsViolated,
    DeepRefused,
    FinalPolynomialRefused,
    FoldRefused,
    GrindingRefused,
    OpeningRefused,
    ProofRefused,
)
from proving.stark.generate import build_key
from proving.stark.integers import IntegerArithmetic
from proving.stark.key import Key
from proving.stark.proof import parse, serialize
from proving.stark.prover import prove
from proving.stark.verifier import Claim, check, verify
from tests.proving.stark import toy

Forgery = tuple[Key, HostArray, bytes]
Honest: Any = type(toy.backend())


class Blind(IntegerArithmetic):
    """Does not look where one error would be raised."""

    def __init__(self, blind_to: type[ProofRefused]) -> None:
        self._blind_to = blind_to

    def require_equal(self, got: Words, expected: Words, error: type[ProofRefused]) -> None:
        if error is not self._blind_to:
            super().require_equal(got, expected, error)


def message_that_nobody_sent() -> Forgery:
    publics, traces = toy.traces()
    traces["sink"][:3, 3] = [11, 13, 143]
    return toy.key(), publics, prove(toy.key(), toy.QUICK, publics, traces, toy.backend())


def wrong_product() -> Forgery:
    publics, traces = toy.traces()
    traces["sink"][2, 3] += np.uint64(1)
    return toy.key(), publics, prove(toy.key(), toy.QUICK, publics, traces, toy.backend())


def wrong_output() -> Forgery:
    publics, traces = toy.traces()
    publics[2] = (int(publics[2]) + 1) % PRIME
    return toy.key(), publics, prove(toy.key(), toy.QUICK, publics, traces, toy.backend())


def no_work() -> Forgery:
    class Lazy(Honest):
        def grind(self, state: HostArray, bits: int, *hashing: Any) -> int:
            return 0

    key = toy.key()
    report = key.report(toy.QUICK)
    harder = dataclasses.replace(report.parameters, query_grinding=60, batching_grinding=60)
    key = dataclasses.replace(key, reports={toy.QUICK: dataclasses.replace(report, parameters=harder)})
    publics, traces = toy.traces()
    return key, publics, prove(key, toy.QUICK, publics, traces, Lazy())


def false_path() -> Forgery:
    key, publics, proof = toy.proof()
    shape, parts = parse(key.layout, key.parameters(toy.QUICK), proof)
    for opening in [*parts.trees.values(), *parts.layers]:
        opening.path[...] = 0
    return key, publics, serialize(shape, parts)


def table_of_false_squares() -> Forgery:
    """The prover commits to a preprocessed table of its own, in which 3 * 3 = 10, and looks that up."""

    class FalseSquares(toy.Squares):
        def build(self, t: TableBuilder) -> None:
            values = np.arange(self.rows, dtype=np.uint64)
            squares = values * values
            squares[3] = 10
            t.receive(toy.SQUARES, [t.preprocessed("k", values), t.preprocessed("square", squares)], t.main("count"))

    key = toy.key()
    circuit = Circuit("toy", [toy.Fibonacci(), toy.Sink(), FalseSquares(7)], publics=3, max_degree=5)
    bounds = key.max_log_heights
    own = build_key(circuit, backend=toy.backend(), log_blowup=2, max_log_heights=bounds)
    own = dataclasses.replace(own, digest=key.digest, reports=key.reports)
    publics, traces = toy.traces()
    sink, counts = traces["sink"], traces["squares"]
    counts[0, int(sink[3, 0])] -= np.uint64(1)
    counts[0, 3] += np.uint64(1)
    sink[3:5, 0] = [3, 10]
    sink[4, sink[3] == 3] = 10
    return key, publics, prove(own, toy.QUICK, publics, traces, toy.backend())


def foreign_first_layer() -> Forgery:
    class Replaced(Honest):
        def deep_quotient(self, terms: Any, log_rows: int, shift: int) -> HostArray:
            return np.ones((3, 1 << log_rows), dtype=np.uint64)

    publics, traces = toy.traces()
    return toy.key(), publics, prove(toy.key(), toy.QUICK, publics, traces, Replaced())


def foreign_second_layer() -> Forgery:
    class Skipping(Honest):
        folded = 0

        def fold(self, values: HostArray, beta: HostArray, log_arity: int, shift: int) -> HostArray:
            folded = super().fold(values, beta, log_arity, shift)
            self.folded += 1
            return np.zeros_like(folded) if self.folded == 1 else folded

    publics, traces = toy.traces(10)
    return toy.key(), publics, prove(toy.key(), toy.QUICK, publics, traces, Skipping())


def word_of_high_degree() -> Forgery:
    """The committed column is no polynomial; openings and constraints are those of one that it is half of."""

    class Steep(Honest):
        def __init__(self) -> None:
            super().__init__()
            self.spoiled: tuple[HostArray, HostArray] | None = None

        def commit(self, matrices: Sequence[HostArray], cap_log: int, *hashing: Any) -> Any:
            if self.spoiled is None and len(matrices) == 3:
                copy = matrices[1].copy()
                copy[0, ::2] ^= np.uint64(1)
                self.spoiled = matrices[1], copy
                matrices = [matrices[0], copy, matrices[2]]
            return super().commit(matrices, cap_log, *hashing)

        def linear_combination(self, lde: HostArray, coefficients: HostArray) -> HostArray:
            if self.spoiled is not None and lde is self.spoiled[0]:
                lde = self.spoiled[1]
            return super().linear_combination(lde, coefficients)

    publics, traces = toy.traces()
    return toy.key(), publics, prove(toy.key(), toy.QUICK, publics, traces, Steep())


@pytest.mark.parametrize(
    ("forge", "refusal"),
    [
        (message_that_nobody_sent, BusUnbalanced),
        (wrong_product, ConstraintsViolated),
        (wrong_output, ConstraintsViolated),
        (no_work, GrindingRefused),
        (false_path, OpeningRefused),
        (table_of_false_squares, OpeningRefused),
        (foreign_first_layer, DeepRefused),
        (foreign_second_layer, FoldRefused),
        (word_of_high_degree, FinalPolynomialRefused),
    ],
)
def test_a_check_is_what_stops_its_forgery(forge: Callable[[], Forgery], refusal: type[ProofRefused]) -> None:
    key, publics, forged = forge()
    with pytest.raises(refusal):
        verify(key, toy.QUICK, publics, forged)
    parameters = key.parameters(toy.QUICK)
    shape, parts = parse(key.layout, parameters, forged)
    check(Blind(refusal), key, shape, parameters, Claim(key.digest, key.preprocessed_cap, publics), parts)
