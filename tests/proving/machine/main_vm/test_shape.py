"""Sizes of segments, and the report on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from proving.circuits.gadgets import range as range_table
from proving.machine.main_vm import boundary, byte_and, constant, report, shape, shapes
from proving.machine.main_vm.circuit import circuit
from proving.machine.witness import TABLES
from tests.proving.machine.main_vm.segments import everything, everything_expanded


def test_the_bounds_are_those_of_the_circuits_tables() -> None:
    assert set(shape.MAX_LOG_HEIGHTS) == {table.name for table in circuit()}
    assert set(shapes.TABLES) == set(TABLES)
    heights = {"boundary": boundary, "range": range_table, "byte_and": byte_and, "constant": constant}
    assert {name: 1 << log for name, log in shapes.FIXED.items()} == {n: t.HEIGHT for n, t in heights.items()}


def test_the_boundary_has_one_period_of_its_selectors() -> None:
    """Its row selectors have period 64: with more rows there would be a second start and end."""
    table = circuit().table("boundary")
    assert {len(values) for values in table.periodic_values} == {2 ** shape.MAX_LOG_HEIGHTS["boundary"]}


def test_timestamps_of_a_full_segment_stay_small_integers() -> None:
    """`frame` relies on it: 4 clk + 3 is far below p even if every instruction table is full."""
    assert 4 * sum(2**log for log in shape.MAX_LOG_HEIGHTS.values()) < 2**27


def test_used_rows_are_those_of_the_traces() -> None:
    traces, _ = everything_expanded()
    used = report.used_rows(everything())
    heights = shapes.SHAPES[shapes.smallest(used)]
    assert {name: trace.shape[1] for name, trace in traces.items()} == {name: 1 << h for name, h in heights.items()}
    for name, rows in used.items():
        if name != "poseidon2":
            assert not traces[name][:, rows:].any()


def test_the_opened_columns_stay_narrow() -> None:
    total = sum(report.widths().values()) + sum(len(table.preprocessed_names) for table in circuit())
    assert total + 12 <= 575


def test_the_report_prints_every_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(everything().to_bytes())
    report.main([str(path)])
    out = capsys.readouterr().out
    assert all(table.name in out for table in circuit())
    assert "columns per cycle" in out
