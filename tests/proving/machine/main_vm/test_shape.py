"""Sizes of segments, and the report on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from proving.machine.main_vm import report, shape
from proving.machine.main_vm.circuit import circuit
from proving.machine.witness import TABLES
from tests.proving.machine.main_vm.segments import everything, everything_expanded


@pytest.mark.parametrize("size_class", range(shape.MIN_SIZE_CLASS, shape.MAX_SIZE_CLASS + 1))
@pytest.mark.parametrize("shared", range(2))
def test_full_segments_fit_the_keys_heights(size_class: int, shared: int) -> None:
    full = shape.capacities(size_class)
    assert set(full) == set(TABLES)
    compressions = full.pop("poseidon2")
    for table, kinds in (("bitwise", ("bitwise", "shift")), ("mul_div", ("mul", "div")), ("page", ("block", "node"))):
        room = full.pop(table)
        full |= {kinds[shared]: room, kinds[1 - shared]: 0}
    bounds = shape.max_log_heights()
    heights = shape.heights(full, compressions)
    assert set(heights) == set(bounds) == {table.name for table in circuit()}
    assert all(height <= 2 ** bounds[name] for name, height in heights.items())


@pytest.mark.parametrize("size_class", [shape.MIN_SIZE_CLASS - 1, shape.MAX_SIZE_CLASS + 1])
def test_other_size_classes_are_refused(size_class: int) -> None:
    with pytest.raises(ValueError, match="size class"):
        shape.capacities(size_class)


@pytest.mark.parametrize(
    ("rows", "height"), [(0, 64), (1, 64), (64, 64), (65, 128), (2**20, 2**20), (2**20 + 1, 2**21)]
)
def test_heights_are_powers_of_two(rows: int, height: int) -> None:
    assert shape.height(rows) == height


def test_the_boundary_has_one_period_of_its_selectors() -> None:
    """Its row selectors have period 64: with more rows there would be a second start and end."""
    table = circuit().table("boundary")
    assert {len(values) for values in table.periodic_values} == {2 ** shape.max_log_heights()["boundary"]}


def test_timestamps_of_a_full_segment_stay_small_integers() -> None:
    """`frame` relies on it: 4 clk + 3 is far below p even if every instruction table is full."""
    assert 4 * sum(2**log for log in shape.max_log_heights().values()) < 2**27


def test_used_rows_are_those_of_the_traces() -> None:
    traces, _ = everything_expanded()
    used = report.used_rows(everything())
    for name, rows in used.items():
        assert traces[name].shape[1] == shape.height(rows)
        if name != "poseidon2":
            assert not traces[name][:, rows:].any()


def test_the_opened_columns_stay_narrow() -> None:
    total = sum(report.widths().values()) + sum(len(table.preprocessed_names) for table in circuit())
    assert total + 12 <= 600


def test_the_report_prints_every_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(everything().to_bytes())
    report.main([str(path)])
    out = capsys.readouterr().out
    assert all(table.name in out for table in circuit())
    assert "columns per cycle" in out
