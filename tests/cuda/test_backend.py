"""Every method of the interface on the device gives the bits of the native backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cuda.backend import CudaBackend
from cuda.transforms import passes
from proving.backend.interface import PRIME, coset_shift
from proving.backend.native import NativeBackend
from proving.hash.bn254 import Bn254Hashing
from tests.proving.elements import random_elements

Words = npt.NDArray[np.uint64]

#: Of every shape of tile: below a step, below a block, a whole tile, two passes and three; 2^21 takes too long here.
SIZES = [
    (0, 0),
    (0, 2),
    (1, 1),
    (2, 2),
    (3, 0),
    (4, 2),
    (5, 1),
    (6, 2),
    (7, 3),
    (9, 1),
    (10, 1),
    (12, 1),
    (13, 1),
    (15, 0),
    (16, 0),
    (17, 1),
]

#: (columns, log rows) of the matrices of a tree, and the cap's logarithm.
TREES = [
    ([(3, 4)], 0),
    ([(13, 5)], 1),
    ([(2, 4), (30, 3)], 0),
    ([(5, 3), (4, 6), (1, 5), (12, 6)], 1),
    ([(2, 7), (3, 6), (4, 5), (5, 4)], 2),
    ([(2, 2)], 4),
    ([(1, 3), (2, 3), (1, 2)], 3),
    ([(7, 9), (25, 8)], 3),
]


def equal(backend: CudaBackend, array: object, expected: Words) -> None:
    np.testing.assert_array_equal(backend.download(array), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("log_rows", "log_blowup"), SIZES)
def test_transforms(backend: CudaBackend, native: NativeBackend, log_rows: int, log_blowup: int) -> None:
    trace, shift = random_elements(log_rows, 3, 1 << log_rows), coset_shift(log_rows)
    extended = native.lde(trace, log_blowup, shift)
    equal(backend, backend.lde(backend.upload(trace), log_blowup, shift), extended)
    equal(
        backend, backend.coset_interpolate(backend.upload(extended), shift), native.coset_interpolate(extended, shift)
    )
    for other in (shift, 1, PRIME - 1):
        expected = native.coset_evaluate(trace, log_blowup, other)
        equal(backend, backend.coset_evaluate(backend.upload(trace), log_blowup, other), expected)


def test_transforms_take_few_passes() -> None:
    assert passes(0) == [0]
    assert passes(12) == [12]
    assert passes(16) == [8, 8]
    assert passes(17) == [5, 6, 6]
    assert passes(24) == [8, 8, 8]
    for log_size in range(27):
        assert sum(passes(log_size)) == log_size


@pytest.mark.parametrize("value", [0, 1, PRIME - 1, 2**32 - 1])
def test_transforms_of_one_value_everywhere(backend: CudaBackend, native: NativeBackend, value: int) -> None:
    trace = np.full((1, 256), value, dtype=np.uint64)
    equal(backend, backend.lde(backend.upload(trace), 1, 7), native.lde(trace, 1, 7))
    equal(backend, backend.coset_evaluate(backend.upload(trace), 1, 7), native.coset_evaluate(trace, 1, 7))


@pytest.mark.parametrize(("log_rows", "log_blowup"), [(3, 0), (6, 2), (10, 1), (13, 0)])
def test_openings(backend: CudaBackend, native: NativeBackend, log_rows: int, log_blowup: int) -> None:
    lde, shift = random_elements(log_rows, 5, 1 << (log_rows + log_blowup)), coset_shift(log_rows)
    held = backend.upload(lde)
    for seed in range(4):
        point = random_elements(seed + 50, 3)
        expected = native.open_at(lde, log_blowup, shift, point)
        np.testing.assert_array_equal(backend.open_at(held, log_blowup, shift, point), expected)


@pytest.mark.parametrize("log_rows", [3, 6, 10])
@pytest.mark.parametrize("columns", [1, 2, 13])
def test_linear_combinations(backend: CudaBackend, native: NativeBackend, log_rows: int, columns: int) -> None:
    values, coefficients = random_elements(1, columns, 1 << log_rows), random_elements(2, columns, 3)
    expected = native.linear_combination(values, coefficients)
    equal(backend, backend.linear_combination(backend.upload(values), coefficients), expected)


@pytest.mark.parametrize("log_rows", [3, 5, 11])
def test_deep_quotients_and_lifted_sums(backend: CudaBackend, native: NativeBackend, log_rows: int) -> None:
    shift = coset_shift(log_rows)
    vectors = {log_rows - down: random_elements(down, 3, 1 << (log_rows - down)) for down in (0, 1, 3)}
    held = {log_size: backend.upload(vector) for log_size, vector in vectors.items()}
    points, values = random_elements(20, 3, 3, edges=0), random_elements(21, 3, 3)
    for count in (0, 1, 3):
        terms = [(points[k], values[k], vectors) for k in range(count)]
        on_device = [(points[k], values[k], held) for k in range(count)]
        expected = native.deep_quotient(terms, log_rows, shift) if count else np.zeros((3, 1 << log_rows), np.uint64)
        equal(backend, backend.deep_quotient(on_device, log_rows, shift), expected)
    expected = native.lift_sum(list(vectors.values()), log_rows)
    equal(backend, backend.lift_sum(list(held.values()), log_rows), expected)
    equal(backend, backend.lift_sum([], log_rows), np.zeros((3, 1 << log_rows), dtype=np.uint64))


@pytest.mark.parametrize("log_arity", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("log_rows", [5, 8, 11])
def test_folds_and_groups(backend: CudaBackend, native: NativeBackend, log_rows: int, log_arity: int) -> None:
    values, beta = random_elements(log_rows, 3, 1 << log_rows), random_elements(3, 3)
    held = backend.upload(values)
    shift = coset_shift(log_rows)
    equal(backend, backend.fold(held, beta, log_arity, shift), native.fold(values, beta, log_arity, shift))
    equal(backend, backend.group(held, log_arity), native.group(values, log_arity))


def test_blocks(backend: CudaBackend, native: NativeBackend) -> None:
    for parts, size in ((1, 32), (2, 16), (3, 8), (32, 1)):
        coefficients = random_elements(parts, 3, 32)
        expected = native.split_blocks(coefficients, parts, size)
        equal(backend, backend.split_blocks(backend.upload(coefficients), parts, size), expected)


@pytest.mark.parametrize(("shapes", "cap_log"), TREES)
def test_trees(backend: CudaBackend, native: NativeBackend, shapes: Sequence[tuple[int, int]], cap_log: int) -> None:
    matrices = [random_elements(10 * k, columns, 1 << log_rows) for k, (columns, log_rows) in enumerate(shapes)]
    tree, expected = backend.commit([backend.upload(m) for m in matrices], cap_log), native.commit(matrices, cap_log)
    np.testing.assert_array_equal(tree.cap, expected.cap)
    tallest = max(log_rows for _, log_rows in shapes)
    for indices in (np.arange(1 << tallest), np.array([3, 3, 0]), np.array([], dtype=np.int64)):
        opening, wanted = tree.open(indices.astype(np.uint64)), expected.open(indices.astype(np.uint64))
        np.testing.assert_array_equal(opening.path, wanted.path)
        for rows, wanted_rows in zip(opening.rows, wanted.rows, strict=True):
            np.testing.assert_array_equal(rows, wanted_rows)


@pytest.mark.parametrize("bits", [0, 1, 5, 11])
def test_grinding_finds_the_smallest_nonce(backend: CudaBackend, native: NativeBackend, bits: int) -> None:
    state = random_elements(bits, 4)
    assert backend.grind(state, bits) == native.grind(state, bits)


def test_another_family_is_hashed_on_the_host(backend: CudaBackend, native: NativeBackend) -> None:
    matrices, hashing = [random_elements(k, k + 2, 1 << 4 + k) for k in range(3)], Bn254Hashing()
    tree = backend.commit([backend.upload(matrix) for matrix in matrices], 1, hashing)
    expected = native.commit(matrices, 1, hashing)
    indices = np.array([0, 7, 63], dtype=np.uint64)
    np.testing.assert_array_equal(tree.cap, expected.cap)
    np.testing.assert_array_equal(tree.open(indices).path, expected.open(indices).path)
    state = np.array([5, 0, 0, 0], dtype=np.uint64)
    assert backend.grind(state, 5, hashing) == native.grind(state, 5, hashing)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    order=st.integers(0, 2**32 - 1),
    log_rows=st.integers(3, 9),
    log_blowup=st.integers(0, 2),
    columns=st.integers(1, 9),
)
def test_every_order_of_threads_gives_the_same_bits(
    backend: CudaBackend, native: NativeBackend, seed: int, order: int, log_rows: int, log_blowup: int, columns: int
) -> None:
    if backend.name == "emulated":
        backend.device.seed(order)  # type: ignore[attr-defined]
    trace, shift = random_elements(seed, columns, 1 << log_rows), coset_shift(log_rows)
    expected, extended = native.lde(trace, log_blowup, shift), backend.lde(backend.upload(trace), log_blowup, shift)
    equal(backend, extended, expected)
    np.testing.assert_array_equal(backend.commit([extended], 1).cap, native.commit([expected], 1).cap)
    point = random_elements(seed + 1, 3)
    opened = backend.open_at(extended, log_blowup, shift, point)
    np.testing.assert_array_equal(opened, native.open_at(expected, log_blowup, shift, point))


def test_arrays_that_do_not_fit_are_refused(backend: CudaBackend) -> None:
    with pytest.raises(ValueError, match="matrix of uint64"):
        backend.upload(np.zeros(4, dtype=np.uint64))
    with pytest.raises(ValueError, match="power of two"):
        backend.lde(backend.upload(np.zeros((1, 3), dtype=np.uint64)), 1, 7)
    with pytest.raises(ValueError, match="on the device"):
        backend.lde(np.zeros((1, 4), dtype=np.uint64), 1, 7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 3 columns"):
        backend.group(backend.upload(np.zeros((2, 8), dtype=np.uint64)), 1)
    with pytest.raises(ValueError, match="at least 8 rows"):
        backend.fold(backend.upload(np.zeros((3, 4), dtype=np.uint64)), np.zeros(3, dtype=np.uint64), 3, 7)
    with pytest.raises(ValueError, match="cannot open"):
        backend.open_at(backend.upload(np.zeros((1, 8), dtype=np.uint64)), 1, 7, np.ones(3, dtype=np.uint64))
    with pytest.raises(ValueError, match="does not fit"):
        backend.lift_sum([backend.upload(np.zeros((3, 16), dtype=np.uint64))], 3)
    with pytest.raises(ValueError, match="does not fit"):
        term = (
            np.ones(3, dtype=np.uint64),
            np.ones(3, dtype=np.uint64),
            {4: backend.upload(np.zeros((3, 8), np.uint64))},
        )
        backend.deep_quotient([term], 4, 7)
    with pytest.raises(ValueError, match="at least one"):
        backend.commit([], 0)
    with pytest.raises(ValueError, match="does not reach"):
        backend.commit([backend.upload(np.zeros((1, size), dtype=np.uint64)) for size in (64, 4)], 4)
    tree = backend.commit([backend.upload(np.zeros((1, 16), dtype=np.uint64))], 0)
    for index in (16, -1):
        with pytest.raises(ValueError, match="indices"):
            tree.open(np.array([index]))
    with pytest.raises(ValueError, match="grind"):
        backend.grind(np.zeros(4, dtype=np.uint64), 41)
