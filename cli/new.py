"""`hallmark new`: a folder with a program that builds, runs and proves at once."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import display, files
from runtime.errors import InvalidInput

#: The checkout: the new folder's Makefile takes compiler, kit and prover from it.
ROOT = Path(__file__).parent.parent
_TEMPLATE = ROOT / "guest" / "template"


class Language(StrEnum):
    """The language of a new program."""

    C = "c"
    CPP = "cpp"
    ZIG = "zig"


def new(
    folder: Annotated[Path, typer.Argument(help="Made by this command; it must not exist, or be empty.")],
    language: Annotated[Language, typer.Option(help="The language of the program.")] = Language.C,
) -> None:
    """Make a folder with a program of your own that builds and proves at once."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidInput(
                f"{folder} exists and is not an empty folder.", remedy="Name a folder that is not there."
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be made: {error.strerror}.") from error
    made = {
        f"main.{language.value}": _read(f"main.{language.value}"),
        "Makefile": _read("Makefile").replace("@HALLMARK@", _in_makefile(ROOT)),
        "input.txt": _read("input.txt"),
        ".gitignore": _read("gitignore"),
    }
    for name, text in made.items():
        files.write(folder / name, text.encode())
    make = f"make -C {shlex.quote(str(folder))}"
    display.console.print(
        display.pairs(
            f"{folder}: {', '.join(made)}",
            [
                ("run it", f"{make} run"),
                ("see where its cycles go", f"{make} profile"),
                ("prove it", f"{make} prove"),
                ("verify the proof", f"{make} verify"),
            ],
        )
    )


def _read(name: str) -> str:
    return (_TEMPLATE / name).read_text()


def _in_makefile(path: Path) -> str:
    return str(path).replace("$", "$$").replace("#", "\\#")
