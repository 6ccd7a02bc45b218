"""Arguments and limits that several commands on programs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import files
from runtime.errors import InvalidInput
from runtime.sizes import parse_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Largest program, input and proof file, in bytes.
MAX_PROGRAM, MAX_INPUT, MAX_PROOF = 64 << 20, (1 << 32) - 1, 1 << 30

ProgramArgument = Annotated[Path, typer.Argument(help="A static RV32IM executable.", show_default=False)]
InputOption = Annotated[Path | None, typer.Option("--input", help="Its input; none when left out.")]
ProfileOption = Annotated[str, typer.Option(help="Security profile: proven100, proven128 or legacy-conjectured.")]
CYCLES_HELP = "A run of more cycles is ended with an error."
CyclesOption = Annotated[int, typer.Option(help=CYCLES_HELP, min=1)]
MemoryOption = Annotated[str, typer.Option(help="Memory budget such as 8G; what is free when left out.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
MemoryLimitOption = Annotated[
    str, typer.Option("--memory-limit", help="Memory that the program may write to, up to 4G.", metavar="SIZE")
]


def read_input(path: Path | None) -> NDArray[np.uint32]:
    """Return an input file as advice, read to where it stays; an empty one when it is left out.

    Raises
    ------
    InvalidInput, TooLarge
        As `files.read`.
    """
    from proving.machine.executor import advice_of_input, empty_advice

    if path is None:
        return advice_of_input(b"")
    size = files.size(path)
    if not 0 < size <= MAX_INPUT:
        # A pipe, a device, a file that is too large: only reading tells.
        return advice_of_input(files.read(path, limit=MAX_INPUT))
    words = empty_advice(size)
    files.fill(path, words.data.cast("B")[4 : 4 + size])
    return words


def read_size(text: str) -> int:
    """Return the bytes that a size such as 1G stands for.

    Raises
    ------
    InvalidInput
        It is no size.
    """
    try:
        return int(str(parse_size(text)))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no size: {error}.") from None
