"""What commands show on a terminal, in a pipe or in a log: text that is never cut or wrapped, and progress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress

#: Progress and summaries go to standard error and standard output.
errors, console = Console(stderr=True), Console(soft_wrap=True, markup=False, emoji=False, highlight=False)


@contextmanager
def progress(file: IO[str] | None = None) -> Iterator[Progress]:
    """Show how far tasks are while the block runs: bars on a terminal, plain lines elsewhere.

    Parameters
    ----------
    file
        Where to; standard error when left out.
    """
    from cli.progress import plain, terminal

    target = Console(file=file) if file else errors
    with terminal(target) if target.is_terminal else plain(target) as bars:
        yield bars


def pairs(title: str, rows: Iterable[Sequence[str]]) -> Text:
    """Return `name  value` lines under a title; values are never wrapped, so that digests can be copied."""
    return _under(title, (f"  {line}" for line in _aligned(rows)))


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Text:
    """Return aligned columns under a header, each row one line of whatever length."""
    first, *rest = _aligned([header, *rows])
    return _under(first, rest)


def _under(title: str, lines: Iterable[str]) -> Text:
    text = Text(title, style="bold", no_wrap=True, overflow="ignore")
    for line in lines:
        text.append(f"\n{line}", style="not bold")
    return text


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    listed = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in listed]


def size(count: float) -> str:
    """Return a byte count for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1000
    raise AssertionError
