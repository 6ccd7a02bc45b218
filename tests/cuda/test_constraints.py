"""Constraints and bus columns on the device are the native backend's, for every table of every kind of circuit."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from cuda import bytecode
from cuda.backend import CudaBackend
from cuda.device import SHARED, WORD
from cuda.errors import LaunchRefused
from proving.backend.native import NativeBackend
from proving.backend.native_air import BusPoleError
from proving.backend.program import TableProgram
from tests.cuda.tables import CIRCUITS, LOG_HEIGHT, Given, tables
from tests.proving.elements import random_elements


def one(circuit: str) -> TableProgram:
    """The circuit's first table."""
    return next(iter(tables(circuit).values()))


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_quotients(backend: CudaBackend, native: NativeBackend, circuit: str) -> None:
    for name, table in tables(circuit).items():
        given = Given(table, LOG_HEIGHT, 2)
        np.testing.assert_array_equal(given.quotient(backend), given.quotient(native), name)


@pytest.mark.parametrize("log_blowup", [0, 1, 3])
@pytest.mark.parametrize("log_height", [6, 9])
@pytest.mark.parametrize("circuit", ["everything", "fibonacci"])
def test_quotients_of_other_heights(
    backend: CudaBackend, native: NativeBackend, circuit: str, log_height: int, log_blowup: int
) -> None:
    given = Given(one(circuit), log_height, log_blowup)
    np.testing.assert_array_equal(given.quotient(backend), given.quotient(native))


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_bus_columns(backend: CudaBackend, native: NativeBackend, circuit: str) -> None:
    for name, table in tables(circuit).items():
        if not table.bus_columns:
            continue
        for log_height in (LOG_HEIGHT, LOG_HEIGHT + 3):
            given = Given(table, log_height)
            (found, total), (expected, wanted) = given.bus(backend), given.bus(native)
            np.testing.assert_array_equal(total, wanted, name)
            np.testing.assert_array_equal(found, expected, name)


def test_a_pole_is_refused(backend: CudaBackend) -> None:
    """With beta zero a message is the number of its bus, which alpha meets on every row."""
    given, refused = Given(one("memory")), []
    for number in range(1, 33):
        try:
            given.bus(backend, np.array([[number, 0, 0], [0, 0, 0]], dtype=np.uint64))
        except BusPoleError as error:
            refused.append(str(error))
    assert refused == [f"table {given.table.name}: a bus denominator is zero"]


def test_what_does_not_change_is_uploaded_once(backend: CudaBackend) -> None:
    given = Given(one("everything"), LOG_HEIGHT, 1)
    crossing = backend.traffic.phases[""]
    moved = []
    for _ in range(3):
        before = crossing.small_in
        given.quotient(backend)
        moved.append(crossing.small_in - before)
    table, code = given.table, given.table.quotient
    uniform = code.base_pool.size + 3 * (code.extension_pool.size + table.constraint_count) + 2 + 2 * 2
    assert moved[1] == moved[2] == WORD * uniform < moved[0]
    backend.give_back()
    given.quotient(backend)
    assert crossing.small_in - before - moved[2] == moved[0]


def test_columns_that_are_not_the_tables_are_refused(backend: CudaBackend) -> None:
    table = one("everything")
    counts = [table.main_columns, table.preprocessed_columns, 3 * table.bus_columns]
    for which in range(3):
        given = [count + (which == place) for place, count in enumerate(counts)]
        main, preprocessed, bus = (backend.upload(random_elements(1, count, 64)) if count else None for count in given)
        with pytest.raises(ValueError, match="expected"):
            backend.quotient(
                table,
                main,
                preprocessed,
                bus,
                publics=random_elements(4, 64),
                challenges=random_elements(5, 2, 3),
                alpha_powers=random_elements(6, table.constraint_count, 3),
                bus_sum=random_elements(7, 3),
                log_height=6,
                log_blowup=0,
                shift=7,
            )


def test_a_program_of_too_many_registers_is_refused(backend: CudaBackend) -> None:
    table = one("fibonacci")
    large = dataclasses.replace(table.quotient, extension_registers=SHARED // (3 * WORD))
    with pytest.raises(LaunchRefused, match="too large"):
        Given(dataclasses.replace(table, quotient=large), LOG_HEIGHT, 1).quotient(backend)


def test_the_digest_covers_what_a_kernel_depends_on() -> None:
    code = one("everything").quotient
    first = bytecode.digest(code)
    changed = [
        dataclasses.replace(code, **{field: changed_last(getattr(code, field))})
        for field in ("code", "terms", "base_leaves", "extension_leaves")
    ]
    changed += [
        dataclasses.replace(code, **{field: getattr(code, field) + 1})
        for field in ("base_registers", "extension_registers", "outputs")
    ]
    assert len({first, *map(bytecode.digest, changed)}) == len(changed) + 1


def changed_last(array: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    other = array.copy()
    other[-1, -1] += 1
    return other
