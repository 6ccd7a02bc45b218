from __future__ import annotations

import json

import numpy as np
import pytest

from cuda.backend import CudaBackend
from cuda.operations import (
    field_operations,
    invert,
    invert_extension,
    permute_poseidon,
    permute_poseidon2,
    prefix_sums,
)
from proving.field import extension, goldilocks
from proving.hash.permutation import Poseidon, Poseidon2
from tests import vectors
from tests.proving.elements import EDGES, PRIME, random_elements


def test_field_operations_on_all_pairs_of_edges(backend: CudaBackend) -> None:
    a, b = (grid.ravel().astype(np.uint64) for grid in np.meshgrid(*[np.array(EDGES, dtype=np.uint64)] * 2))
    results = field_operations(backend.memory, a, b)
    for at, (x, y) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        expected = [(x + y) % PRIME, (x - y) % PRIME, x * y % PRIME, (x * y + x) % PRIME, pow(x, PRIME - 2, PRIME)]
        assert results[:, at].tolist() == expected


def test_products_take_numbers_that_are_not_canonical(backend: CudaBackend) -> None:
    loose = np.array([PRIME, PRIME + 1, 2**64 - 1, 2**64 - 2, PRIME + 2**31, 3], dtype=np.uint64)
    a, b = (grid.ravel() for grid in np.meshgrid(loose, loose))
    products = field_operations(backend.memory, a, b)[2]
    assert products.tolist() == [x * y % PRIME for x, y in zip(a.tolist(), b.tolist(), strict=True)]


@pytest.mark.parametrize("count", [1, 127, 1024, 1025, 3000])
def test_batch_inversion(backend: CudaBackend, count: int) -> None:
    values = random_elements(count, 1, count)
    assert (values == 0).any() or count == 1
    inverses = backend.download(invert(backend.memory, backend.upload(values)))
    np.testing.assert_array_equal(inverses, goldilocks.inverse(values))
    elements = random_elements(count + 1, 3, count)
    elements[:, count // 2] = 0
    inverses = backend.download(invert_extension(backend.memory, backend.upload(elements)))
    np.testing.assert_array_equal(inverses.T, extension.inverse(np.ascontiguousarray(elements.T)))


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 31), (2, 256), (3, 257), (1, 5000), (1, 70000)])
def test_prefix_sums(backend: CudaBackend, columns: int, rows: int) -> None:
    values = random_elements(rows, columns, rows)
    sums = backend.download(prefix_sums(backend.memory, backend.upload(values)))
    expected = np.cumsum(values.astype(object), axis=1) % PRIME
    np.testing.assert_array_equal(sums, expected.astype(np.uint64))


@pytest.mark.parametrize("width", [8, 12, 16])
@pytest.mark.parametrize("count", [1, 127, 300])
def test_poseidon2_equals_the_native_kernel(backend: CudaBackend, width: int, count: int) -> None:
    states = random_elements(width, count, width)
    permuted = backend.download(permute_poseidon2(backend.memory, backend.upload(states.reshape(1, -1)), width))
    np.testing.assert_array_equal(permuted.reshape(count, width), Poseidon2(width).permute(states))


@pytest.mark.parametrize("width", [8, 12, 16])
def test_poseidon2_gives_the_published_answers(backend: CudaBackend, width: int) -> None:
    published = json.loads(vectors.path("crypto/poseidon2_goldilocks.json").read_text())
    cases = _cases(published, width)
    assert cases
    for given, expected in cases:
        states = backend.upload(np.array([given], dtype=np.uint64))
        assert backend.download(permute_poseidon2(backend.memory, states, width)).ravel().tolist() == expected


def test_poseidon_equals_the_reference(backend: CudaBackend) -> None:
    states = random_elements(3, 130, 12)
    states[0] = PRIME - 1
    permuted = backend.download(permute_poseidon(backend.memory, backend.upload(states.reshape(1, -1))))
    np.testing.assert_array_equal(permuted.reshape(-1, 12), Poseidon().permute(states))


def test_states_of_no_width_are_refused(backend: CudaBackend) -> None:
    states = backend.upload(np.zeros((1, 13), dtype=np.uint64))
    for width in (8, 9):
        with pytest.raises(ValueError, match="13 words"):
            permute_poseidon2(backend.memory, states, width)
    with pytest.raises(ValueError, match="13 words"):
        permute_poseidon(backend.memory, states)
    with pytest.raises(ValueError, match="3 columns"):
        invert_extension(backend.memory, states)


def _cases(published: dict[str, list[dict[str, object]]], width: int) -> list[tuple[list[int], list[int]]]:
    def words(texts: object) -> list[int]:
        assert isinstance(texts, list)
        return [int(str(text), 16) for text in texts]

    return [
        (words(case["input"]), words(case["output"]))
        for kind in ("known_answers", "vectors")
        for case in published[kind]
        if case["instance"] == f"plonky3_w{width}"
    ]
