"""What commands show is whole at 80 columns: nothing is cut or wrapped, bars stay in place, a pipe gets lines."""

from __future__ import annotations

import io
import re

from rich.console import Console

from cli import display
from cli.progress import plain, terminal
from runtime.errors import ConfigurationError
from runtime.words import count

DIGEST = "7c" * 32


def shown(value: object) -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True, markup=False)
    console.print(value)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_columns_keep_every_character_and_line_up() -> None:
    rows = [("HALLMARK_DATABASE_URL", "postgresql://" + "h" * 200, "default"), ("A", DIGEST, "environment")]
    lines = shown(display.columns(("variable", "value", "source"), rows)).splitlines()
    assert len(lines) == 3
    assert all(cell in line for row, line in zip(rows, lines[1:], strict=True) for cell in row)
    assert (
        len({line.index(source) for line, source in zip(lines, ("source", "default", "environment"), strict=True)}) == 1
    )


def test_a_digest_is_never_wrapped() -> None:
    assert DIGEST in shown(display.pairs("t" * 90, [("n" * 40, DIGEST)]))


def test_a_bracket_in_a_name_is_no_markup() -> None:
    assert display.console.render_str("[red]x[/red]").plain == "[red]x[/red]"


def test_counts_have_the_right_form() -> None:
    assert [count(n, "segment") for n in (0, 1, 2)] == ["0 segments", "1 segment", "2 segments"]


def test_a_library_sentence_ends_before_the_remedy() -> None:
    line = ConfigurationError("HALLMARK_CHAIN_ID: unable to parse string as an integer").line()
    assert "as an integer. Remedy: " in line
    assert "twice.. " not in ConfigurationError("It was said twice.").line()


def test_bars_stay_where_they_are_whatever_the_notes_say() -> None:
    output = io.StringIO()
    console = Console(file=output, width=80, force_terminal=True, color_system=None)
    with terminal(console) as bars:
        for name, note in (
            ("stage witness", ""),
            ("stage prove", "12345 of 30000, 2 running, and more words than fit"),
        ):
            bars.update(bars.add_task(name, total=1, note=""), completed=1, note=note)
        bars.refresh()
        lines = [
            line
            for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue()))
            if "━" in line
        ]
    assert lines and all(len(line) <= 80 for line in lines)
    assert {(line.index("━"), line.rindex("━")) for line in lines} == {(27, 44)}
    assert any("100%" in line for line in lines)


def test_a_task_that_waits_has_no_clock() -> None:
    output = io.StringIO()
    with terminal(Console(file=output, width=80, force_terminal=True, color_system=None)) as bars:
        bars.add_task("stage prove", total=1, start=False, note="waits")
        bars.refresh()
    line = next(line for line in output.getvalue().splitlines() if "stage prove" in line)
    assert re.search(r"0%\s+waits", line), line


def test_a_pipe_gets_lines_as_things_happen() -> None:
    output = io.StringIO()
    with plain(Console(file=output, width=40)) as bars:
        task = bars.add_task("stage prove", total=2, start=False, note="")
        assert output.getvalue() == ""
        bars.start_task(task)
        assert output.getvalue() == "stage prove\n"
        bars.update(task, completed=1, note="1 of 2")
        bars.update(task, completed=2, note=DIGEST)
        assert re.fullmatch(rf"stage prove: done in 0\.\d s, {DIGEST}", output.getvalue().splitlines()[-1])
