"""What commands show on a terminal: progress and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

#: Progress and summaries go to standard error and standard output.
errors, console = Console(stderr=True), Console()


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress bars while the block runs; plain lines when standard error is no terminal."""
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=errors, transient=False) as bars:
        yield bars


def pairs(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """Return a two-column table without headings."""
    table = Table(title=title, show_header=False, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def size(count: float) -> str:
    """Return a byte count for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1000
    raise AssertionError
