from __future__ import annotations

import gc
import itertools
import tracemalloc

import numpy as np
import pytest

from proving.native import memory

LARGE = memory.MIN_BYTES // 8


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("shape", [(0,), (3, 5), (2, LARGE), (LARGE // 4, 4), (LARGE + 1,)])
def test_arrays_are_ordinary_ones(shape: tuple[int, ...]) -> None:
    array = memory.zeros(shape)
    assert array.shape == shape
    assert array.dtype == np.uint64
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert not array.any()
    array[...] = 7
    assert memory.empty(shape).shape == shape
    assert (array == 7).all()


def test_zeros_clears_memory_that_was_used_before() -> None:
    used = memory.empty((LARGE * 3,))
    used[...] = 5
    place = address(used)
    del used
    gc.collect()
    cleared = memory.zeros((LARGE * 3,))
    assert address(cleared) == place
    assert not cleared.any()


@pytest.mark.parametrize("count", [0, 1, LARGE // 4 + 3, LARGE + 1])
def test_a_copy_fills_the_beginning_and_nothing_else(count: int) -> None:
    source = np.arange(1, count + 1, dtype=np.uint64)
    target = memory.zeros((LARGE + 2,))
    memory.copy(target, source)
    np.testing.assert_array_equal(target[:count], source)
    assert not target[count:].any()


def test_a_copy_that_does_not_fit_is_refused() -> None:
    target = memory.zeros((8,))
    for source in (np.ones(9, dtype=np.uint64), np.ones(8, dtype=np.uint64)[::2]):
        with pytest.raises(ValueError, match="do not fit"):
            memory.copy(target, source)
    assert not target.any()


def test_memory_lives_as_long_as_a_view() -> None:
    array = memory.zeros((4, LARGE))
    view = array[2].reshape(-1, 8)[1:]
    array[...] = 9
    del array
    gc.collect()
    other = memory.zeros((4, LARGE))
    assert (view == 9).all()
    assert not other.any()


def test_random_arrays_never_overlap() -> None:
    draw = np.random.default_rng(1)
    alive: dict[int, np.ndarray] = {}
    for step in range(200):
        if alive and draw.random() < 0.5:
            mark = int(draw.choice(list(alive)))
            array = alive.pop(mark)
            assert (array[[0, len(array) // 2, -1]] == mark).all()
        else:
            array = memory.empty((int(draw.integers(1, 4 * LARGE)),))
            array[[0, len(array) // 2, -1]] = step
            alive[step] = array
    spans = sorted((address(array), address(array) + array.nbytes) for array in alive.values())
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_release_keeps_what_is_in_use() -> None:
    kept = memory.empty((LARGE,))
    kept[...] = 3
    dropped = memory.empty((LARGE,))
    dropped[...] = 4
    del dropped
    gc.collect()
    memory.release()
    assert (kept == 3).all()
    again = memory.empty((LARGE,))
    assert not again.any()


def test_tracemalloc_counts_the_arrays() -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    array = memory.empty((LARGE * 2,))
    during, _ = tracemalloc.get_traced_memory()
    del array
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert during - before >= 16 * LARGE
    assert after - before < LARGE


def test_an_impossible_size_is_refused() -> None:
    with pytest.raises(MemoryError):
        memory.empty((1 << 57,))
