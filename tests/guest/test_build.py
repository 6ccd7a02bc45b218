from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from guest.build import (
    PROGRAMS,
    SOURCES,
    Source,
    build,
    compare,
    describe,
    is_instruction,
    manifest,
    unknown_instructions,
)
from guest.compile import COMPILER, COMPILER_VERSION
from guest.stf.generate_tables import TARGET, render


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_committed_programs_are_those_of_the_manifest(source: Source) -> None:
    assert describe((PROGRAMS / f"{source.name}.elf").read_bytes()) == manifest()[source.name]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_committed_programs_hold_no_instruction_that_traps(source: Source) -> None:
    assert list(unknown_instructions((PROGRAMS / f"{source.name}.elf").read_bytes())) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_rebuild_gives_the_committed_bytes(source: Source) -> None:
    try:
        found = version(COMPILER)
    except PackageNotFoundError:
        found = None
    if found != COMPILER_VERSION:
        pytest.skip(f"{COMPILER} {COMPILER_VERSION} is not installed; make guest does this comparison")
    compare(source, build(source))


def test_the_tables_are_those_of_their_generator() -> None:
    assert TARGET.read_text() == render()


@pytest.mark.parametrize(
    ("word", "known"),
    [
        (0x00000013, True),  # nop
        (0x02A5D533, True),  # divu
        (0x7C001573, True),  # csrrw a0, 0x7c0, x0
        (0x7D051073, True),  # csrrw x0, 0x7d0, a0
        (0x7D101073, True),  # csrrw x0, 0x7d1, x0
        (0x7D151073, False),  # csrrw x0, 0x7d1, a0
        (0x0000006F, True),
        (0x00000073, False),  # ecall
        (0x00100073, False),  # ebreak
        (0xC0001073, False),  # unimp
        (0x7C051573, False),  # csrrw a0, 0x7c0, a0
        (0x00000000, False),
        (0x00000001, False),  # compressed
    ],
)
def test_instructions_are_told_from_traps(word: int, known: bool) -> None:
    assert is_instruction(word) is known
