"""Traces that a device expands are those of the native library."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.gpu_expansion import segment
from cuda.backend import CudaBackend
from proving.backend.native import NativeBackend
from proving.machine.main_vm.expand import ExpansionRefused, expand, prepare
from proving.machine.records import FAMILIES, Records
from tests.proving.machine import assembler as asm
from tests.proving.machine.main_vm import segments

PROGRAMS: dict[str, Callable[[], Records]] = {
    "everything": segments.everything,
    "compressions": lambda: segments.records(*segments.hashing())[0],
    "requests": lambda: segments.records(*segments.requesting_all())[0],
    "permutations": lambda: segments.records(*segments.permuting())[0],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_table_is_the_native_one(backend: CudaBackend, program: str) -> None:
    records = PROGRAMS[program]()
    expected, _ = expand(records)
    expansion, _ = prepare(records)
    made = backend.expand(expansion)
    assert list(made) and set(made) == set(expected)
    for table, trace in expected.items():
        np.testing.assert_array_equal(backend.download(made[table]), trace, table)


@pytest.mark.parametrize("log_rows", [6, 9])
def test_made_up_records_are_expanded_as_natively(backend: CudaBackend, native: NativeBackend, log_rows: int) -> None:
    """Words at random, which no program leaves behind: rows break constraints, and are the same."""
    expansion = segment(log_rows)
    expected, made = native.expand(expansion), backend.expand(expansion)
    for table, trace in expected.items():
        np.testing.assert_array_equal(backend.download(made[table]), trace, table)


def test_the_programs_have_records_of_every_family() -> None:
    found = [program() for program in PROGRAMS.values()]
    for family in FAMILIES:
        assert any(len(records.family(family)) for records in found), family
    assert any(records.halted for records in found)


def test_a_record_whose_instruction_was_not_decoded_is_refused(backend: CudaBackend) -> None:
    found = segments.everything()
    expansion, _ = prepare(dataclasses.replace(found, decode=found.decode[1:]))
    with pytest.raises(ExpansionRefused, match="not decoded"):
        backend.expand(expansion)


def test_a_word_that_is_no_instruction_is_refused(backend: CudaBackend) -> None:
    found = segments.everything()
    decode = found.decode.copy()
    decode[0, 1] = asm.ECALL
    expansion, _ = prepare(dataclasses.replace(found, decode=decode))
    with pytest.raises(ExpansionRefused, match="no instruction"):
        backend.expand(expansion)


def test_decoded_instructions_in_another_order_are_refused() -> None:
    found: Records = segments.everything()
    for decode in (found.decode[::-1], np.repeat(found.decode, 2, axis=0)):
        with pytest.raises(ExpansionRefused, match="not sorted"):
            prepare(dataclasses.replace(found, decode=decode))
