"""Straight-line kernels compute what the native backend computes, for the programs that they are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu_constraints
from cuda import bytecode, programs, sources, straight_line
from cuda.backend import CudaBackend
from cuda.emulated import EmulatedDevice
from proving.backend.native import NativeBackend
from proving.backend.program import TableProgram
from tests.cuda.tables import LOG_HEIGHT, PROVEN, Given, tables

#: What is launched beside the straight-line kernels.
NEEDED = ("constraints", "field", "fri")


def known() -> list[TableProgram]:
    """The tables of proven circuits; programs of others are interpreted."""
    return [table for circuit in PROVEN for table in tables(circuit).values()]


def cut() -> TableProgram:
    """The first table whose program is cut into slices."""
    return next(table for table in known() if len(straight_line._slices(table.quotient)) > 1)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> EmulatedDevice:
    folder = tmp_path_factory.mktemp("programs")
    units = [sources.FOLDER / f"{name}.cu" for name in NEEDED]
    for name, text in programs.texts(known()).items():
        units.append(folder / f"{name}.cu")
        units[-1].write_text(text)
    return EmulatedDevice(units=units, quick=True)


@pytest.fixture
def backend(device: EmulatedDevice) -> Iterator[CudaBackend]:
    device.launches.clear()
    yield CudaBackend(device, keep=False)
    assert not [kernel for kernel in device.launches if "interpreted" in kernel]


@pytest.mark.parametrize("circuit", PROVEN)
def test_known_programs(backend: CudaBackend, native: NativeBackend, circuit: str) -> None:
    for name, table in tables(circuit).items():
        given = Given(table, LOG_HEIGHT, 1)
        np.testing.assert_array_equal(given.quotient(backend), given.quotient(native), name)
        if table.bus_columns:
            given = Given(table, LOG_HEIGHT + 2)
            (found, total), (expected, wanted) = given.bus(backend), given.bus(native)
            np.testing.assert_array_equal(total, wanted, name)
            np.testing.assert_array_equal(found, expected, name)


def test_large_programs_are_cut_and_every_sum_is_in_one_slice() -> None:
    assert cut()
    for table in known():
        slices, values = straight_line._slices(table.quotient), straight_line._values(table.quotient)
        sums = [number for number, value in enumerate(values) if value.step.operation in straight_line._SUMS]
        taken = [number for kept in slices for number in kept if number in set(sums)]
        assert sorted(taken) == sums


def test_a_stale_kernel_is_not_used(device: EmulatedDevice, native: NativeBackend) -> None:
    """A program that differs in one instruction is interpreted, whatever kernels there are."""
    table = min(known(), key=lambda table: len(table.quotient.code))
    code = table.quotient.code.copy()
    code[-1] = code[0]
    changed = dataclasses.replace(table, quotient=dataclasses.replace(table.quotient, code=code))
    backend = CudaBackend(device, keep=False)
    device.launches.clear()
    given = Given(changed, LOG_HEIGHT, 1)
    np.testing.assert_array_equal(given.quotient(backend), given.quotient(native))
    assert device.launches["quotient_interpreted"] == 1
    assert (Given(table, LOG_HEIGHT, 1).quotient(native) != given.quotient(native)).any()


def test_known_programs_can_be_interpreted_to_compare(device: EmulatedDevice) -> None:
    """The benchmark measures both: the table of most buses, straight and interpreted."""
    backend = CudaBackend(device, keep=False)
    measured = {case.kernel: case for case in gpu_constraints.cases(backend, 12)}
    [straight] = [kernel for kernel in measured if kernel.startswith("quotient_") and "interpreted" not in kernel]
    for kernel in (straight, "quotient_interpreted", "fractions_interpreted"):
        device.launches.clear()
        measured[kernel].work()
        assert kernel in device.launches
        assert not [other for other in device.launches if "quotient" in other and other != kernel]


def test_a_slice_that_is_missing_means_that_all_is_interpreted(
    native: NativeBackend, device: EmulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = cut()
    missing = straight_line.names(table.quotient, "quotient")[-1]
    monkeypatch.setattr(device, "kernels", device.kernels - {missing})
    device.launches.clear()
    given = Given(table, LOG_HEIGHT, 1)
    np.testing.assert_array_equal(given.quotient(CudaBackend(device, keep=False)), given.quotient(native))
    assert device.launches["quotient_interpreted"] == 1


def test_names_carry_the_digest_and_each_program_is_written_once() -> None:
    texts = programs.texts([*known(), *known()])
    assert set(texts) == {name for table in known() for name in first_names(table)}


def first_names(table: TableProgram) -> list[str]:
    codes = {"quotient": table.quotient, "fractions": table.bus}
    return [f"{kind}_{bytecode.digest(code)}_0" for kind, code in codes.items() if len(code.code)]


def test_every_kernel_is_found_in_its_text(tmp_path: Path) -> None:
    table = cut()
    unit = tmp_path / "unit.cu"
    unit.write_text(straight_line.source(table.quotient, "quotient", table.constraint_count))
    assert list(sources.kernels(unit)) == straight_line.names(table.quotient, "quotient")
    assert set(sources.kernels(unit).values()) == {15}
