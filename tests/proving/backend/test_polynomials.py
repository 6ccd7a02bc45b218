from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from proving import native
from proving.backend.interface import PRIME, coset_shift
from proving.backend.native import NativeBackend
from proving.field.reference import polynomials as reference
from proving.field.reference.arithmetic import Ext
from tests.proving.elements import random_elements

pytestmark = pytest.mark.usefixtures("each_isa")

BACKEND = NativeBackend()


def column(array: npt.NDArray[np.uint64]) -> list[int]:
    return [int(x) for x in array]


def extension_column(array: npt.NDArray[np.uint64]) -> list[Ext]:
    return [(int(a), int(b), int(c)) for a, b, c in array.T]


def element(array: npt.NDArray[np.uint64]) -> Ext:
    return (int(array[0]), int(array[1]), int(array[2]))


@pytest.mark.parametrize(("log_rows", "log_blowup"), [(0, 0), (0, 2), (1, 1), (2, 1), (3, 0), (4, 2), (6, 2), (7, 1)])
def test_extension_of_columns(log_rows: int, log_blowup: int) -> None:
    trace = random_elements(log_rows, 3, 1 << log_rows)
    shift = coset_shift(log_rows)
    extended = BACKEND.lde(trace, log_blowup, shift)
    assert extended.shape == (3, 1 << (log_rows + log_blowup))
    for values, result in zip(trace, extended, strict=True):
        assert column(result) == reference.lde(column(values), log_blowup, shift)


@pytest.mark.parametrize(("log_rows", "log_blowup", "shift"), [(0, 1, 7), (5, 1, 1), (6, 0, 49), (7, 2, 3)])
def test_evaluation_on_a_coset(log_rows: int, log_blowup: int, shift: int) -> None:
    coefficients = random_elements(log_rows, 2, 1 << log_rows)
    values = BACKEND.coset_evaluate(coefficients, log_blowup, shift)
    for given, result in zip(coefficients, values, strict=True):
        assert column(result) == reference.coset_evaluate(column(given), log_blowup, shift)


@pytest.mark.parametrize("log_rows", [0, 1, 3, 6, 7, 10, 13, 14, 17, 18])
def test_interpolation_undoes_evaluation(log_rows: int) -> None:
    coefficients = random_elements(log_rows, 2, 1 << log_rows)
    shift = coset_shift(log_rows)
    values = BACKEND.coset_evaluate(coefficients, 0, shift)
    assert np.array_equal(BACKEND.coset_interpolate(values, shift), coefficients)


@pytest.mark.parametrize("log_rows", [12, 13, 16, 18])
def test_large_transforms_at_sampled_points(log_rows: int) -> None:
    coefficients = random_elements(log_rows, 1, 1 << log_rows)
    values = BACKEND.coset_evaluate(coefficients, 1, 7)
    root = pow(7, (PRIME - 1) >> (log_rows + 1), PRIME)
    for index in (0, 1, 5, (1 << log_rows) - 1, (1 << log_rows) + 3):
        reversed_index = int(format(index, f"0{log_rows + 1}b")[::-1], 2)
        point = 7 * pow(root, reversed_index, PRIME) % PRIME
        assert int(values[0, index]) == reference.evaluate(column(coefficients[0]), point)


def test_many_columns_are_worked_on_in_groups() -> None:
    trace = random_elements(1, 4 * native.threads() + 1, 64)
    extended = BACKEND.lde(trace, 1, 7)
    for index in (0, len(trace) // 2, len(trace) - 1):
        assert np.array_equal(extended[index : index + 1], BACKEND.lde(trace[index : index + 1], 1, 7))


@pytest.mark.parametrize(("log_rows", "log_blowup", "columns"), [(3, 1, 1), (6, 2, 5), (7, 1, 4)])
def test_openings(log_rows: int, log_blowup: int, columns: int) -> None:
    coefficients = random_elements(1, columns, 1 << log_rows)
    shift = coset_shift(log_rows)
    point = random_elements(2, 3)
    opened = BACKEND.open_at(BACKEND.coset_evaluate(coefficients, log_blowup, shift), log_blowup, shift, point)
    for given, result in zip(coefficients, opened, strict=True):
        assert element(result) == reference.evaluate_ext(column(given), element(point))


def test_openings_of_many_rows() -> None:
    coefficients = random_elements(5, 3, 1 << 14)
    point = random_elements(6, 3)
    opened = BACKEND.open_at(BACKEND.coset_evaluate(coefficients, 0, 7), 0, 7, point)
    assert element(opened[2]) == reference.evaluate_ext(column(coefficients[2]), element(point))


@pytest.mark.parametrize(("columns", "rows"), [(1, 8), (9, 64), (20, 512), (1100, 16)])
def test_linear_combinations(columns: int, rows: int) -> None:
    values = random_elements(columns, columns, rows, edges=0.5)
    values[:, 0] = PRIME - 1
    coefficients = random_elements(7, columns, 3, edges=0.5)
    result = BACKEND.linear_combination(values, coefficients)
    expected = reference.linear_combination([column(c) for c in values], [element(c) for c in coefficients])
    assert extension_column(result) == expected


def test_linear_combination_of_largest_values() -> None:
    values = np.full((1500, 8), PRIME - 1, dtype=np.uint64)
    coefficients = np.full((1500, 3), PRIME - 1, dtype=np.uint64)
    assert BACKEND.linear_combination(values, coefficients).tolist() == [[1500] * 8] * 3


def test_deep_quotients() -> None:
    log_rows, shift = 6, coset_shift(4)
    terms = [
        (
            random_elements(seed, 3),
            random_elements(seed + 1, 3),
            {log_size: random_elements(seed + 2 + log_size, 3, 1 << log_size) for log_size in log_sizes},
        )
        for seed, log_sizes in ((10, (6, 5, 2)), (20, (6,)), (30, (3, 0)))
    ]
    result = BACKEND.deep_quotient(terms, log_rows, shift)
    expected = reference.deep_quotient(
        [(element(z), element(v), {k: extension_column(x) for k, x in vectors.items()}) for z, v, vectors in terms],
        log_rows,
        shift,
    )
    assert extension_column(result) == expected


def test_deep_quotient_of_an_opened_column_has_lower_degree() -> None:
    log_rows = 10
    shift = coset_shift(log_rows)
    coefficients = random_elements(1, 1, 1 << log_rows)
    values = BACKEND.coset_evaluate(coefficients, 1, shift)
    point, one = random_elements(2, 3), np.array([[1, 0, 0]], dtype=np.uint64)
    opened = BACKEND.open_at(values, 1, shift, point)[0]
    combined = BACKEND.linear_combination(values, one)
    quotient = BACKEND.deep_quotient([(point, opened, {log_rows + 1: combined})], log_rows + 1, shift)
    assert not BACKEND.coset_interpolate(quotient, shift)[:, (1 << log_rows) - 1 :].any()
    opened[0] ^= np.uint64(1)
    quotient = BACKEND.deep_quotient([(point, opened, {log_rows + 1: combined})], log_rows + 1, shift)
    assert BACKEND.coset_interpolate(quotient, shift)[:, (1 << log_rows) - 1 :].any()


@pytest.mark.parametrize("log_size", [3, 6])
@pytest.mark.parametrize("log_arity", [1, 2, 3])
def test_folding_and_grouping(log_size: int, log_arity: int) -> None:
    values = random_elements(log_size, 3, 1 << log_size)
    beta = random_elements(log_arity, 3)
    folded = BACKEND.fold(values, beta, log_arity, 11)
    assert extension_column(folded) == reference.fold(extension_column(values), element(beta), log_arity, 11)
    grouped = BACKEND.group(values, log_arity)
    assert grouped.tolist() == reference.group(extension_column(values), log_arity)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        BACKEND.lde(np.zeros((1, 3), dtype=np.uint64), 1, 7)
    with pytest.raises(ValueError, match="uint64"):
        BACKEND.lde(np.zeros((1, 4)), 1, 7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="columns"):
        BACKEND.fold(np.zeros((2, 4), dtype=np.uint64), np.zeros(3, dtype=np.uint64), 1, 7)
    with pytest.raises(ValueError, match="rows"):
        BACKEND.linear_combination(np.zeros((1, 4), dtype=np.uint64), np.zeros((1, 3), dtype=np.uint64))
    with pytest.raises(ValueError, match="fewer"):
        BACKEND.open_at(np.zeros((1, 4), dtype=np.uint64), 0, 7, np.zeros(3, dtype=np.uint64))
    with pytest.raises(ValueError, match="does not fit"):
        BACKEND.deep_quotient([(np.ones(3, np.uint64), np.ones(3, np.uint64), {3: np.ones((3, 4), np.uint64)})], 3, 7)
    with pytest.raises(ValueError, match="grind"):
        BACKEND.grind(np.zeros(4, dtype=np.uint64), 41)
