"""Vectors of several heights: sums, columns and blocks."""

from __future__ import annotations

import numpy as np
import pytest

from proving import native
from proving.backend.interface import PRIME
from proving.backend.native import NativeBackend
from tests.proving import instruction_sets


def elements(shape: tuple[int, ...], seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).integers(0, PRIME, size=shape, dtype=np.uint64)
    found.reshape(-1)[:2] = (PRIME - 1, 0)
    return found


@pytest.mark.parametrize("isa", instruction_sets.EVERY)
@pytest.mark.parametrize("heights", [(0,), (3, 1), (6, 6, 4), (2, 12, 9)])
def test_lift_sum_reads_every_vector_at_its_own_height(isa: str, heights: tuple[int, ...]) -> None:
    instruction_sets.require(isa)
    parts = [elements((3, 1 << height), seed) for seed, height in enumerate(heights)]
    log_rows = max(heights) + 1
    expected = np.zeros((3, 1 << log_rows), dtype=object)
    for part, height in zip(parts, heights, strict=True):
        expected = (expected + part.astype(object)[:, np.arange(1 << log_rows) >> (log_rows - height)]) % PRIME
    with native.forced_isa(isa):
        assert NativeBackend().lift_sum(parts, log_rows).tolist() == expected.tolist()


def test_lift_sum_refuses_a_vector_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        NativeBackend().lift_sum([elements((3, 16), 1)], 3)


def test_split_blocks_puts_the_lowest_coefficients_first() -> None:
    coefficients = elements((3, 32), 1)
    for count in (4, 3, 1):
        blocks = NativeBackend().split_blocks(coefficients, count, 8)
        lowest = coefficients[:, : 8 * count]
        assert np.array_equal(blocks.reshape(count, 3, 8).transpose(1, 0, 2).reshape(3, 8 * count), lowest)
