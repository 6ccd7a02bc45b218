"""Attacks on the low-degree test: words that are no polynomials, dishonest layers, and tables that are no lifts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from proving.backend.interface import HostArray, Opening, coset_shift
from proving.field import extension, goldilocks
from proving.field.goldilocks import PRIME
from proving.stark.errors import (
    ConstraintsViolated,
    DeepRefused,
    FinalPolynomialRefused,
    FoldRefused,
    OpeningRefused,
    ProofRefused,
)
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy

Honest: Any = type(toy.backend())


def offered(backend: Any, refusal: type[ProofRefused] | tuple[type[ProofRefused], ...]) -> None:
    key = toy.key()
    publics, traces = toy.traces()
    proof = prove(key, toy.QUICK, publics, traces, backend)
    with pytest.raises(refusal):
        verify(key, toy.QUICK, publics, proof)


def test_a_column_of_noise_is_refused() -> None:
    class Noisy(Honest):
        def lde(self, trace: HostArray, log_blowup: int, shift: int) -> HostArray:
            extended = super().lde(trace, log_blowup, shift)
            if trace.shape[0] == 5:
                extended[1] = np.random.default_rng(1).integers(0, PRIME, extended.shape[1], dtype=np.uint64)
            return extended

    offered(Noisy(), (ConstraintsViolated, FinalPolynomialRefused))


def test_a_deep_word_of_high_degree_is_refused() -> None:
    """The constraints hold at the point and the first layer equals the DEEP quotient; its degree is too high."""

    class Steep(Honest):
        """Commits to a spoiled copy of the first main matrix, and uses it from the DEEP quotient on."""

        def __init__(self) -> None:
            super().__init__()
            self.spoiled: tuple[HostArray, HostArray] | None = None

        def commit(self, matrices: Sequence[HostArray], cap_log: int, *hashing: Any) -> Any:
            if self.spoiled is None and len(matrices) == 3:
                copy = matrices[0].copy()
                copy[0, ::2] ^= np.uint64(1)
                self.spoiled = matrices[0], copy
                matrices = [copy, *matrices[1:]]
            return super().commit(matrices, cap_log, *hashing)

        def linear_combination(self, lde: HostArray, coefficients: HostArray) -> HostArray:
            if self.spoiled is not None and lde is self.spoiled[0]:
                lde = self.spoiled[1]
            return super().linear_combination(lde, coefficients)

    offered(Steep(), FinalPolynomialRefused)


def test_a_first_layer_that_is_not_the_deep_quotient_is_refused() -> None:
    """A low-degree word of the forger's own is folded instead."""

    class Replaced(Honest):
        def deep_quotient(self, terms: Any, log_rows: int, shift: int) -> HostArray:
            return np.ones((3, 1 << log_rows), dtype=np.uint64)

    offered(Replaced(), DeepRefused)


def test_a_layer_that_is_not_the_fold_of_the_layer_before_is_refused() -> None:
    class Skipping(Honest):
        folded = 0

        def fold(self, values: HostArray, beta: HostArray, log_arity: int, shift: int) -> HostArray:
            folded = super().fold(values, beta, log_arity, shift)
            self.folded += 1
            return np.zeros_like(folded) if self.folded == 1 else folded

    publics, traces = toy.traces(10)
    key = toy.key()
    proof = prove(key, toy.QUICK, publics, traces, Skipping())
    with pytest.raises((FoldRefused, FinalPolynomialRefused)):
        verify(key, toy.QUICK, publics, proof)


def test_a_final_polynomial_of_another_word_is_refused() -> None:
    class Ending(Honest):
        def coset_interpolate(self, values: HostArray, shift: int) -> HostArray:
            coefficients = super().coset_interpolate(values, shift)
            if values.shape[0] == 3 and values.shape[1] <= 256:
                coefficients[0, 0] = (int(coefficients[0, 0]) + 1) % PRIME
            return coefficients

    offered(Ending(), FinalPolynomialRefused)


def test_rows_of_other_indices_are_refused() -> None:
    class Elsewhere(Honest):
        def commit(self, matrices: Sequence[HostArray], cap_log: int, *hashing: Any) -> Any:
            tree = super().commit(matrices, cap_log, *hashing)
            honest = tree.open

            def shifted(indices: HostArray) -> Opening:
                return honest(indices ^ np.uint64(1))

            tree.open = shifted
            return tree

    offered(Elsewhere(), OpeningRefused)


def test_division_on_the_tables_own_domain_is_what_excludes_words_that_are_no_lifts() -> None:
    """A polynomial P of the largest height that is no lift passes a division by X - z and fails one by X^2 - z^2.

    The word P(x) on the tall domain agrees on half of its points with a lifted word, which is as much as a Johnson
    radius may allow; so the quotient, and not the code, has to tell lifts from others.
    """
    backend = toy.backend()
    log_height, log_blowup = 6, 2
    shift = coset_shift(log_height)
    random = np.random.default_rng(7)
    coefficients = random.integers(0, PRIME, (1, 1 << log_height), dtype=np.uint64)
    point = random.integers(0, PRIME, 3, dtype=np.uint64)
    word = backend.coset_evaluate(coefficients, log_blowup, shift)
    value = backend.open_at(word, log_blowup, shift, point)[0]
    lifted = coefficients.copy()
    lifted[:, 1::2] = 0
    square = extension.multiply(point, point)

    def degree_fits(polynomial: HostArray, own: HostArray, log_rows: int) -> bool:
        values = backend.coset_evaluate(polynomial, log_blowup, shift)
        opened = backend.open_at(values, log_blowup, shift, point)[0]
        identity = np.zeros((1, 1 << log_height), dtype=np.uint64)
        identity[0, 1] = 1
        points = backend.coset_evaluate(identity, log_blowup, shift)
        for _ in range(log_height - log_rows):
            points = goldilocks.multiply(points, points)
        numerator = goldilocks.subtract(extension.embed(values[0]), opened)
        inverse = extension.inverse(goldilocks.subtract(extension.embed(points[0]), own))
        quotient = np.ascontiguousarray(extension.multiply(numerator, inverse).T)
        high = backend.coset_interpolate(quotient, shift)[:, 1 << log_height :]
        return not high.any()

    assert value.any()
    assert degree_fits(coefficients, point, log_height)
    assert not degree_fits(coefficients, square, log_height - 1)
    assert degree_fits(lifted, square, log_height - 1)
