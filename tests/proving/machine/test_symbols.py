from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.machine.symbols import Symbols, demangled


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("main", "main"),
        ("_Z4mainv", "main()"),
        ("_ZN12_GLOBAL__N_16CircleD0Ev", "(anonymous namespace)::Circle::~Circle()"),
        ("_ZN6median3run17h71133123bf60d710E", "median::run"),
        ("_ZN4core5slice4sort7recurse17he92ac06606cbaf53E.llvm.8567232366919056751", "core::slice::sort::recurse"),
        (
            "_ZN46_$LT$u32$u20$as$u20$hallmark_guest..Number$GT$5write17hdc7454263fa8955bE",
            "<u32 as hallmark_guest::Number>::write",
        ),
        ("_ZN", "_ZN"),
        ("_Z" + "x" * 5000, "_Z" + "x" * 5000),
    ],
)
def test_symbols_are_shown_as_their_programmers_wrote_them(symbol: str, name: str) -> None:
    assert demangled(symbol) == name


@given(st.data())
def test_broken_files_have_no_symbols_and_raise_nothing(data: st.DataObject) -> None:
    elf = bytearray(Path("guest/programs/keccak.elf").read_bytes())
    for _ in range(data.draw(st.integers(0, 5))):
        elf[data.draw(st.integers(0, len(elf) - 1))] = data.draw(st.integers(0, 255))
    symbols = Symbols(bytes(elf[: data.draw(st.integers(0, len(elf)))]))
    assert symbols.address_of("hallmark_printf") is None
    symbols.describe(0x100000)
