from __future__ import annotations

import pytest

from proving.stark import profile
from tests.proving.stark import toy


def test_the_profile_counts_columns_openings_and_interactions() -> None:
    key = toy.key()
    tables = {table.name: table for table in profile.profile_tables(key)}
    assert (tables["squares"].preprocessed, tables["squares"].main, tables["squares"].interactions) == (2, 1, 1)
    assert tables["sink"].interactions == 2
    assert tables["fibonacci"].next == 3 + 3
    quotient = 3 * (key.layout.degree - 1)
    assert sum(table.opened for table in tables.values()) + quotient == key.layout.largest().opened


def test_the_profile_prints_every_table_and_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main(["tests.proving.stark.toy:key"]) == 0
    printed = capsys.readouterr().out
    for word in ("fibonacci", "sink", "squares", "proven100", "proven128", "legacy-conjectured", toy.key().hex):
        assert word in printed


def test_the_profile_tells_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main([]) == 2
    assert "MODULE:FUNCTION" in capsys.readouterr().err
