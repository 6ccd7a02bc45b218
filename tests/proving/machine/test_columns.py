"""The columns that native code was compiled with are those of the tables."""

from __future__ import annotations

from proving.machine import columns


def test_the_header_is_that_of_the_tables() -> None:
    assert columns.HEADER.read_text(encoding="utf-8") == columns.header(), "run python -m proving.machine.columns"
