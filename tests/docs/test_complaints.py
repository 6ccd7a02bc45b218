"""Every complaint of the page has a public source, an answer, and something that exists and shows it."""

from __future__ import annotations

import re

import pytest

from tests.docs.test_pages import ROOT

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "complaints.md").read_text("utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]
NONE_YET = "None yet"
#: What can show an answer; `tests/docs/test_pages.py` holds that each exists.
SHOWS = re.compile(r"`(test_\w+\.py::test_\w+|hallmark [a-z][^`]*|make [a-z-]+|tools/[\w.]+)`")


def test_all_are_there_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 42))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_has_a_source_an_answer_and_what_shows_it(row: list[str]) -> None:
    assert len(row) == 5, "a cell for each column"
    _, complaint, source, answer, shown = row
    assert complaint and answer
    assert re.search(r"https://\S+/issues/\d+|documentation of|page on|matter-labs/", source), source
    assert answer.startswith(NONE_YET) or SHOWS.search(shown), shown
