"""Constraints and bus columns on the device are the native backend's, for every table of every kind of circuit."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from cuda import bytecode
from cuda.backend import CudaBackend
from cuda.device import SHARED, WORD
from cuda.errors import LaunchRefused
from proving import keys
from proving.backend.interface import Backend, coset_shift
from proving.backend.native import NativeBackend
from proving.backend.native_air import BusPoleError
from proving.backend.program import TableProgram
from proving.circuits.arith256 import ARITH256
from proving.circuits.blake2s import BLAKE2S
from proving.stark.air.compile import compile_circuit
from tests.proving.elements import random_elements
from tests.proving.stark.air.circuits import ALL, kitchen_sink

Words = npt.NDArray[np.uint64]

#: log2 of the rows: at least what the native kernels take, and no multiple of the larger blocks.
LOG_HEIGHT = 6


@functools.cache
def tables() -> Mapping[str, TableProgram]:
    """Every table whose programs differ from those before it, of the proven circuits and of the tests' own."""
    programs = [keys.key(name).program for name in (keys.MAIN_VM, "leaf.0.proven100", "scheduler.proven100")]
    circuits = [make()[0] for make in (*ALL.values(), kitchen_sink)]
    programs += [compile_circuit(circuit) for circuit in (*circuits, ARITH256.circuit, BLAKE2S.circuit)]
    found: dict[tuple[str, str], tuple[str, TableProgram]] = {}
    for program in programs:
        for table in program.tables:
            digests = bytecode.digest(table.quotient), bytecode.digest(table.bus)
            found.setdefault(digests, (f"{program.name}-{table.name}", table))
    return dict(found.values())


@dataclasses.dataclass(frozen=True)
class Given:
    """A table's columns and challenges, all random: kernels compute the same whether constraints hold or not."""

    table: TableProgram
    log_height: int = LOG_HEIGHT
    log_blowup: int = 0

    def columns(self, seed: int, count: int) -> Words | None:
        return random_elements(seed, count, 1 << (self.log_height + self.log_blowup)) if count else None

    def quotient(self, backend: Backend) -> Words:
        table = self.table
        main, preprocessed, bus = (
            None if given is None else backend.upload(given)
            for given in (
                self.columns(1, table.main_columns),
                self.columns(2, table.preprocessed_columns),
                self.columns(3, 3 * table.bus_columns),
            )
        )
        made = backend.quotient(
            table,
            main,
            preprocessed,
            bus,
            publics=random_elements(4, 64),
            challenges=random_elements(5, 2, 3),
            alpha_powers=random_elements(6, table.constraint_count, 3),
            bus_sum=random_elements(7, 3),
            log_height=self.log_height,
            log_blowup=self.log_blowup,
            shift=coset_shift(self.log_height),
        )
        return backend.download(made)

    def bus(self, backend: Backend, challenges: Words | None = None) -> tuple[Words, Words]:
        main, preprocessed = (
            None if given is None else backend.upload(given)
            for given in (self.columns(1, self.table.main_columns), self.columns(2, self.table.preprocessed_columns))
        )
        if challenges is None:
            challenges = random_elements(5, 2, 3)
        made, total = backend.bus_columns(self.table, main, preprocessed, challenges, random_elements(4, 64))
        return backend.download(made), total


def one(name: str) -> TableProgram:
    return tables()[name]


@pytest.mark.parametrize("name", tables())
def test_quotients(backend: CudaBackend, native: NativeBackend, name: str) -> None:
    given = Given(one(name), LOG_HEIGHT, 2)
    np.testing.assert_array_equal(given.quotient(backend), given.quotient(native))


@pytest.mark.parametrize("log_blowup", [0, 1, 3])
@pytest.mark.parametrize("log_height", [6, 9])
@pytest.mark.parametrize("name", ["everything-everything", "fibonacci-fibonacci"])
def test_quotients_of_other_heights(
    backend: CudaBackend, native: NativeBackend, name: str, log_height: int, log_blowup: int
) -> None:
    given = Given(one(name), log_height, log_blowup)
    np.testing.assert_array_equal(given.quotient(backend), given.quotient(native))


@pytest.mark.parametrize("name", [name for name, table in tables().items() if table.bus_columns])
def test_bus_columns(backend: CudaBackend, native: NativeBackend, name: str) -> None:
    for log_height in (LOG_HEIGHT, LOG_HEIGHT + 3):
        given = Given(one(name), log_height)
        (found, total), (expected, wanted) = given.bus(backend), given.bus(native)
        np.testing.assert_array_equal(total, wanted)
        np.testing.assert_array_equal(found, expected)


def test_a_pole_is_refused(backend: CudaBackend) -> None:
    """With beta zero a message is the number of its bus, which alpha meets on every row."""
    given, refused = Given(one("main_vm-range")), []
    for number in range(1, 33):
        try:
            given.bus(backend, np.array([[number, 0, 0], [0, 0, 0]], dtype=np.uint64))
        except BusPoleError as error:
            refused.append(str(error))
    assert refused == ["table range: a bus denominator is zero"]


def test_what_does_not_change_is_uploaded_once(backend: CudaBackend) -> None:
    given = Given(one("main_vm-poseidon2"), LOG_HEIGHT, 1)
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
    table = one("everything-everything")
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
    table = one("fibonacci-fibonacci")
    large = dataclasses.replace(table.quotient, extension_registers=SHARED // (3 * WORD))
    with pytest.raises(LaunchRefused, match="too large"):
        Given(dataclasses.replace(table, quotient=large), LOG_HEIGHT, 1).quotient(backend)


def test_the_digest_covers_what_a_kernel_depends_on() -> None:
    code = one("everything-everything").quotient
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
