"""What commands show on a terminal, in a pipe or in a log: text that is never cut or wrapped, and progress."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress

#: Progress and summaries go to standard error and standard output.
errors, console = Console(stderr=True), Console(soft_wrap=True, markup=False, emoji=False, highlight=False)

#: Narrowest column that a text is wrapped into.
LEAST_WRAPPED = 20


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


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Text:
    """Return aligned columns that fit the terminal: the last one is wrapped, and below the others where it is squeezed.

    Every character is shown; what is to be read by programs is `--json`.
    """
    listed = [tuple(map(str, row)) for row in [header, *rows]]
    fixed = [max(map(len, column)) + 2 for column in zip(*(row[:-1] for row in listed), strict=True)]
    indent = sum(fixed)
    if (room := console.width - indent) < LEAST_WRAPPED:
        indent, room = 4, console.width - 4
    lines: list[str] = []
    for row in listed:
        start = "".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], fixed, strict=True))
        first, *rest = textwrap.wrap(row[-1].strip(), room) or [""]
        lines += [(start + first).rstrip()] if indent > 4 or not first else [start.rstrip(), " " * indent + first]
        lines += [" " * indent + part for part in rest]
    return _under(lines[0], lines[1:])


def paragraphs(title: str, rows: Iterable[Sequence[str]]) -> Text:
    """Return `name  text` lines under a title, the texts wrapped at the terminal's width."""
    listed = list(rows)
    widest = max(len(name) for name, _ in listed)
    lines = []
    for name, text in listed:
        first = f"  {name:<{widest}}  "
        lines += textwrap.wrap(text, console.width, initial_indent=first, subsequent_indent=" " * len(first))
    return _under(title, lines)


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
