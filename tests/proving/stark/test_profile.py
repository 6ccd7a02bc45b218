from __future__ import annotations

import re
from pathlib import Path

import pytest

from proving import keys
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


def test_what_the_page_on_security_says_of_the_machines_key(capsys: pytest.CaptureFixture[str]) -> None:
    page = " ".join((Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8").split())
    assert "`python -m proving.stark.profile proving.keys:key main_vm`" in page
    assert profile.main(["proving.keys:key", "main_vm"]) == 0
    bits = dict(re.findall(r"^(\S+): .*?; over all rounds (\S+) bits", capsys.readouterr().out, re.MULTILINE))
    assert f"it is {bits['proven100']} bits under `proven100`" in page
    assert f"and {bits['proven128']} under `proven128`" in page
    assert keys.key("main_vm").report("legacy-conjectured").summary in page


def test_the_profile_tells_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main([]) == 2
    assert "MODULE:FUNCTION" in capsys.readouterr().err
