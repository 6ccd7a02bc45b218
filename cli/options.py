"""What operators' commands share: opening a store for any chain, JSON, ages, asking before something is destroyed."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from typing import Annotated, Any

import typer

from broker.jobs import JobStore, open_existing
from cli.arguments import JsonOption as JsonOption
from cli.suggestions import batch_numbers
from runtime.errors import InvalidInput
from runtime.settings import load_settings

ChainOption = Annotated[
    int | None, typer.Option("--chain", min=1, help="Chain of the batch; HALLMARK_CHAIN_ID when left out.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
BatchArgument = Annotated[int, typer.Argument(min=0, help="A batch number.", autocompletion=batch_numbers)]


class NotConfirmed(InvalidInput):
    """Nobody is there to ask."""

    code = "not_confirmed"
    default_remedy = "Add `--yes` if that is what you want."


def opened(chain: int | None = None) -> JobStore:
    """Open the job store of the settings, for the chain that is named there or here.

    Raises
    ------
    DatabaseMissing, SchemaBehind, SchemaAhead, DatabaseUnavailable, ConfigurationError
    """
    return open_existing(load_settings() if chain is None else load_settings(chain_id=chain))


def chain_words(chain: int | None) -> tuple[object, ...]:
    """Return what a command line needs for a chain that was named by option."""
    return () if chain is None else ("--chain", chain)


def ask(what: str, yes: bool) -> None:
    """Say what is about to happen and go on only when that is wanted.

    Raises
    ------
    NotConfirmed
        Without a terminal and without ``--yes``.
    typer.Abort
        The answer was no; the command ends with status 1.
    """
    typer.echo(what, err=True)
    if yes:
        return
    if not _asks():
        raise NotConfirmed
    typer.confirm("Go on?", abort=True, err=True)


def print_json(value: Any) -> None:
    """Print JSON; dataclasses become objects."""
    typer.echo(json.dumps(value, indent=1, default=_plain))


def as_mapping(value: Any) -> dict[str, Any]:
    """Return a record's fields without its traceback, which is long and shown by `job show` alone."""
    return {name: content for name, content in dataclasses.asdict(value).items() if name != "traceback"}


def duration(seconds: float | None) -> str:
    """Return a duration in the unit that a reader wants; `-` for none."""
    if seconds is None:
        return "-"
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def place(stage: str, round_: int, depth: int = 0, circuit_type: str = "") -> str:
    """Return a stage's place in a batch in a few characters, such as ``prove r2.1 node``."""
    level = f"r{round_}.{depth}" if depth else f"r{round_}"
    return f"{stage} {level} {circuit_type}".rstrip()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return as_mapping(value)
    return str(value)


def _asks() -> bool:
    """Return whether somebody sits at standard input."""
    return sys.stdin.isatty()


def octets(text: str, size: int, what: str) -> bytes:
    """Read the hexadecimal digits of an option, with or without ``0x``.

    Raises
    ------
    InvalidInput
        They are not `size` bytes; the message says `what` they should be.
    """
    digits = text.removeprefix("0x")
    if not re.fullmatch(f"[0-9a-fA-F]{{{2 * size}}}", digits):
        raise InvalidInput(f"{text[:80]!r} is not {what}: {2 * size} hexadecimal digits.")
    return bytes.fromhex(digits)
