"""Every barrier of every kernel is needed: with any one of them switched off, a result changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cuda import programs, sources
from cuda.backend import CudaBackend
from cuda.bn254 import scalars
from cuda.bn254_msm import ENTRIES, Bases, Windows, multiply_sum
from cuda.bn254_transforms import Bn254Transforms
from cuda.emulated import EmulatedDevice
from cuda.errors import LaunchRefused
from cuda.operations import prefix_sums
from proving.snark.bn254 import curve
from proving.snark.bn254.field import FR
from tests.cuda.tables import LOG_HEIGHT, Given, tables
from tests.proving.elements import random_elements

Words = npt.NDArray[np.uint64]


def barriers() -> list[tuple[str, int]]:
    """File and line of every barrier in the kernels."""
    return [
        (path.name, number)
        for path in (*sources.units(), *sources.FOLDER.glob("*.cuh"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "__sync" in line.split("//")[0]
    ]


def everything(backend: CudaBackend) -> Iterator[Words]:
    """Results of all kernels that have barriers, at sizes for which each of them matters."""
    for log_rows in (10, 12, 13, 16):
        trace = backend.upload(random_elements(log_rows, 1, 1 << log_rows))
        yield backend.download(backend.lde(trace, 1, 7))
    yield backend.download(prefix_sums(backend.memory, backend.upload(random_elements(1, 2, 1000))))
    polynomial = backend.upload(scalars(range(7, 7 + (1 << 11))))
    yield backend.download(Bn254Transforms(backend.memory).values(polynomial, 11, 1))
    yield backend.open_at(backend.upload(random_elements(2, 3, 1 << 9)), 0, 7, random_elements(3, 3))


def multiplication(backend: CudaBackend) -> Iterator[Words]:
    """A multi-scalar multiplication, apart because it would take wrong prefix sums for places in memory.

    Neighbouring buckets have entries in many pieces.
    """
    [point] = curve.encode([(1, 2)])
    scalars = [3 + place // (4 * ENTRIES) for place in range(24 * ENTRIES)]
    bases = Bases.upload(backend.memory, curve.multiply_base(point, FR.encode(range(1, 1 + len(scalars)))))
    yield multiply_sum(backend.memory, bases, backend.upload(FR.encode(scalars)), Windows(11))


def program(backend: CudaBackend) -> Iterator[Words]:
    """A straight-line kernel of more than one warp, the device having no other way to the quotient."""
    yield Given(tables("memory")["access"], LOG_HEIGHT, 1).quotient(backend)


def straight_line_device(folder: Path) -> EmulatedDevice:
    unit = folder / "program.cu"
    [unit_text, _] = programs.texts([tables("memory")["access"]]).values()
    unit.write_text(unit_text)
    return EmulatedDevice(
        units=[*(sources.FOLDER / f"{name}.cu" for name in ("constraints", "field")), unit], quick=True
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, int] | None, str], list[Words]]:
    devices = {"": EmulatedDevice()}
    devices["straight_line.cuh"] = straight_line_device(tmp_path_factory.mktemp("programs"))
    works = {"bn254_msm.cu": multiplication, "straight_line.cuh": program}

    def run(skipped: tuple[str, int] | None, file: str) -> list[Words]:
        device = devices.get(file, devices[""])
        device.skip_barrier(skipped)
        try:
            return list(works.get(file, everything)(CudaBackend(device)))
        finally:
            device.skip_barrier(None)

    return run


def test_there_are_barriers() -> None:
    assert len(barriers()) >= 5


@pytest.mark.parametrize("place", barriers(), ids=lambda place: f"{place[0]}-{place[1]}")
def test_removing_a_barrier_is_noticed(
    results: Callable[[tuple[str, int] | None, str], list[Words]], place: tuple[str, int]
) -> None:
    sound = results(None, place[0])
    try:
        changed = results(place, place[0])
    except LaunchRefused:
        return
    assert any((a != b).any() for a, b in zip(sound, changed, strict=True))
