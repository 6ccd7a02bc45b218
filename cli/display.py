"""What commands show on a terminal: progress and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

#: Progress and summaries go to standard error and standard output.
errors, console = Console(stderr=True), Console(soft_wrap=True)


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


def pairs(title: str, rows: Iterable[tuple[str, str]]) -> Text:
    """Return `name  value` lines under a title; values are never wrapped, so that digests can be copied."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    text = Text(no_wrap=True, overflow="ignore")
    text.append(title, style="bold")
    for name, value in listed:
        text.append(f"\n  {name:<{width}}  {value}")
    return text


def size(count: float) -> str:
    """Return a byte count for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1000
    raise AssertionError
