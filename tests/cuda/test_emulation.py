"""The emulation keeps CUDA's rules and finds kernels that break them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cuda.device import WORD
from cuda.emulated import EmulatedDevice
from cuda.errors import KernelBuildError, LaunchRefused

KERNELS = Path(__file__).parent / "kernels" / "faulty.cu"
THREADS = 64


@pytest.fixture(scope="module")
def device() -> EmulatedDevice:
    return EmulatedDevice(units=[KERNELS])


def run(
    device: EmulatedDevice, kernel: str, argument: int, *, grid: tuple[int, int] = (1, 1), shared: int = WORD * THREADS
) -> npt.NDArray[np.uint64]:
    out = np.empty(grid[0] * grid[1] * THREADS, dtype=np.uint64)
    pointer = device.allocate(out.nbytes)
    try:
        device.launch(kernel, grid, THREADS, [pointer, argument], shared=shared)
        device.copy_out(out, pointer)
    finally:
        device.free(pointer)
    return out


def test_threads_meet_at_barriers(device: EmulatedDevice) -> None:
    for seed in range(20):
        device.seed(seed)
        assert set(run(device, "block_total", 0).tolist()) == {THREADS * (THREADS - 1) // 2}


@pytest.mark.parametrize("fault", [1, 2])
def test_a_missing_barrier_shows_in_every_order(device: EmulatedDevice, fault: int) -> None:
    for seed in range(20):
        device.seed(seed)
        assert set(run(device, "block_total", fault).tolist()) != {THREADS * (THREADS - 1) // 2}


def test_a_barrier_can_be_switched_off(device: EmulatedDevice) -> None:
    line = next(number for number, text in enumerate(KERNELS.read_text().splitlines(), 1) if "fault != 1" in text)
    device.skip_barrier(("faulty.cu", line))
    try:
        assert set(run(device, "block_total", 0).tolist()) != {THREADS * (THREADS - 1) // 2}
    finally:
        device.skip_barrier(None)
    assert set(run(device, "block_total", 0).tolist()) == {THREADS * (THREADS - 1) // 2}


@pytest.mark.parametrize("limit", [1, 31, 63])
def test_diverging_barriers_are_refused(device: EmulatedDevice, limit: int) -> None:
    with pytest.raises(LaunchRefused, match=r"diverged barriers: .*faulty.cu:\d+"):
        run(device, "diverging", limit)
    with pytest.raises(LaunchRefused, match="has ended"):
        run(device, "leaving", limit)


def test_barriers_that_all_reach_are_taken(device: EmulatedDevice) -> None:
    assert run(device, "diverging", THREADS).tolist() == list(range(THREADS))
    assert run(device, "leaving", THREADS).tolist() == list(range(THREADS))


def test_shuffles_stay_in_their_warp(device: EmulatedDevice) -> None:
    totals = run(device, "warp_total", 5)
    for first in (0, 32):
        assert totals[first] == sum(range(first, first + 32)) + 32 * 5


def test_every_thread_has_its_place(device: EmulatedDevice) -> None:
    found = run(device, "places", 3 * THREADS, grid=(3, 2)).tolist()
    expected = [
        (3 << 32) + (y << 16) + (x << 8) + thread for y in range(2) for x in range(3) for thread in range(THREADS)
    ]
    assert found == expected


def test_new_memory_is_not_zero(device: EmulatedDevice) -> None:
    content = np.zeros(4, dtype=np.uint64)
    pointer = device.allocate(content.nbytes)
    device.copy_out(content, pointer)
    device.free(pointer)
    assert (content != 0).all()


def test_impossible_launches_are_refused(device: EmulatedDevice) -> None:
    for grid, block, shared in (((0, 1), 32, 0), ((1, 1 << 16), 32, 0), ((1, 1), 1025, 0), ((1, 1), 32, 49153)):
        with pytest.raises(LaunchRefused, match="cannot run"):
            device.launch("places", grid, block, [0, 0], shared=shared)
    with pytest.raises(LaunchRefused, match="takes 2 parameters"):
        device.launch("places", (1, 1), 32, [0])
    with pytest.raises(LaunchRefused, match="takes None parameters"):
        device.launch("unknown", (1, 1), 32, [0])


def test_a_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.cu"
    broken.write_text('extern "C" __global__ void broken(unsigned long long* out) { nonsense }\n')
    with pytest.raises(KernelBuildError, match=r"broken\.cu"):
        EmulatedDevice(units=[broken])
