"""The recorded figures: what is named as worse, and the table on the page."""

from __future__ import annotations

import pytest

from benchmarks import record
from benchmarks.figure import Better, Figure, figure


def measured(value: float, better: Better, others: dict[str, float] | None = None) -> Figure:
    context: dict[str, object] = {"machine": "here", "cores": 2, "isa": "avx2", "commit": "new"}
    if others is not None:
        context["by instruction set"] = others
    return figure("a.figure", value, "things", better, context=context)


def recorded(better: Better, **values: float) -> record.Records:
    return {
        isa: {
            "a.figure": {
                "value": value,
                "unit": "things",
                "better": better,
                "machine": "there",
                "cores": 2,
                "commit": "old",
            }
        }
        for isa, value in values.items()
    }


@pytest.mark.parametrize(
    ("better", "value", "named"),
    [("higher", 94.9, True), ("higher", 95.1, False), ("lower", 105.1, True), ("lower", 104.9, False)],
)
def test_what_became_worse_by_more_than_a_twentieth_is_named(better: Better, value: float, named: bool) -> None:
    said = record.worse([measured(value, better)], recorded(better, avx2=100.0))
    assert [line.startswith("a.figure with avx2") for line in said] == [True] * named


def test_each_instruction_set_is_compared_with_its_own_record() -> None:
    now = measured(100.0, "higher", {"avx512": 100.0, "avx2": 50.0, "portable": 20.0})
    said = record.worse([now], recorded("higher", avx512=101.0, avx2=60.0))
    assert len(said) == 1
    assert "with avx2: 50 things, 17 % worse than 60 on there at old" in said[0]


def test_the_page_shows_what_is_recorded() -> None:
    text = record.PAGE.read_text()
    assert record.page(text, record.load()) == text
    changed = record.page(text, recorded("higher", avx2=12345.0))
    assert changed != text
    assert "| `a.figure` | things | 12345 |" in changed


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        record.page("# Performance\n", recorded("higher", avx2=1.0))
