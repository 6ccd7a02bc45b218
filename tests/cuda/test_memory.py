from __future__ import annotations

import gc

import numpy as np
import pytest

from cuda.backend import CudaBackend
from cuda.emulated import EmulatedDevice
from cuda.errors import DeviceOutOfMemory
from cuda.memory import Pool
from proving.stark.prover import prove
from runtime.errors import Retry
from tests.proving.stark import toy


class Counting(EmulatedDevice):
    """Counts what the device gave out."""

    def __init__(self, memory: int = 1 << 20) -> None:
        super().__init__()
        self.memory = memory
        self.live: dict[int, int] = {}
        self.calls = 0

    def allocate(self, size: int) -> int:
        if sum(self.live.values()) + size > self.memory:
            raise DeviceOutOfMemory(requested=size)
        self.calls += 1
        pointer = super().allocate(size)
        self.live[pointer] = size
        return pointer

    def free(self, pointer: int) -> None:
        del self.live[pointer]
        super().free(pointer)


def test_pieces_are_reused_and_given_back() -> None:
    device = Counting()
    pool = Pool(device, 1 << 20)
    first = pool.allocate(1000)
    pointer = first.pointer
    assert (pool.used, pool.held, device.calls) == (1000, 1000, 1)
    del first
    again = pool.allocate(999)
    assert (again.pointer, pool.used, device.calls) == (pointer, 1000, 1)
    other = pool.allocate(500)
    assert pool.peak == 1504
    del again, other
    pool.give_back()
    assert (pool.used, pool.held, device.live) == (0, 0, {})


def test_unused_pieces_make_room_before_a_request_is_refused() -> None:
    pool = Pool(Counting(), 1000)
    piece = pool.allocate(800)
    del piece
    other = pool.allocate(400)
    assert pool.held == 400
    with pytest.raises(DeviceOutOfMemory, match=r"0\.0 MiB are in use, the budget is"):
        pool.allocate(800)
    del other


def test_a_device_that_has_less_than_the_budget_is_asked_again() -> None:
    device = Counting(memory=1000)
    pool = Pool(device, 1 << 20)
    piece = pool.allocate(800)
    del piece
    kept = pool.allocate(600)
    assert device.live == {kept.pointer: 600}
    with pytest.raises(DeviceOutOfMemory, match="the device has no more") as refused:
        pool.allocate(800)
    assert refused.value.details["requested"] == 800


def test_nothing_is_kept_when_so_wanted() -> None:
    device = Counting()
    pool = Pool(device, 1 << 20, keep=False)
    piece = pool.allocate(8)
    del piece
    other = pool.allocate(16)
    assert device.live == {other.pointer: 16}


def test_views_keep_their_memory() -> None:
    backend = CudaBackend(Counting())
    values = np.arange(32, dtype=np.uint64).reshape(4, 8)
    view = backend.upload(values).view(1, 2)
    gc.collect()
    backend.give_back()
    np.testing.assert_array_equal(backend.download(view), values[1:3])


def test_a_budget_beyond_the_device_is_refused() -> None:
    with pytest.raises(DeviceOutOfMemory, match="more than emulated has free, 1 MiB"):
        CudaBackend(Counting(), budget=2 << 20)


def test_a_proof_that_does_not_fit_is_refused_with_figures_and_the_backend_stays() -> None:
    backend = CudaBackend(Counting(), budget=64 << 10)
    small = backend.upload(np.ones((1, 64), dtype=np.uint64))
    with pytest.raises(DeviceOutOfMemory) as refused:
        backend.lde(backend.upload(np.ones((4, 1024), dtype=np.uint64)), 3, 7)
    assert refused.value.details["budget"] == 64 << 10
    assert backend.download(small).sum() == 64


def test_a_proof_in_too_little_memory_is_refused_and_the_next_one_in_enough_is_made() -> None:
    key, publics, expected = toy.proof()
    backend = CudaBackend(Counting(), budget=300 << 10)
    with pytest.raises(DeviceOutOfMemory, match=r"0\.3 MiB") as refused:
        prove(key, toy.QUICK, publics, toy.traces()[1], backend)
    assert refused.value.retry is Retry.LATER
    refused = None  # type: ignore[assignment]
    gc.collect()
    backend.pool.budget = 1 << 20
    assert prove(key, toy.QUICK, publics, toy.traces()[1], backend) == expected
