"""The `hallmark` command: one typer application, one module per group of commands."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.completion import prepare
from cli.errors import report
from runtime.errors import HallmarkError
from runtime.os_errors import resource_error
from runtime.process import show_any_text
from runtime.proxies import spare_loopback

#: Modules whose `register` adds commands, in the order of the help text. A module is imported when a command is asked
#: for that none before it has, so that `execute` and `verify` do not wait for what operators' commands need.
MODULES = ("cli.program", "cli.operate")

# Nothing here multiplies floating-point matrices, and starting a thread per core for it costs what a command costs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Nothing here extends pydantic, and looking for what might reads the metadata of every installed package.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class Commands(TyperGroup):
    """A group whose modules are imported as they are needed."""

    _loaded = 0

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        while self._load():
            pass
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None when there is none of the name."""
        while cmd_name not in self.commands and self._load():
            pass
        return super().get_command(ctx, cmd_name)

    def _load(self) -> bool:
        """Import the next module and add its commands; return whether there was one."""
        if self._loaded == len(MODULES):
            return False
        part = typer.Typer()
        importlib.import_module(MODULES[self._loaded]).register(part)
        self.commands.update(typer.main.get_group(part).commands)
        self._loaded += 1
        return True


app = typer.Typer(
    name="hallmark",
    cls=Commands,
    help="Hallmark: a proving subsystem for rollups.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from cli.version import version

        typer.echo(version())
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show release, protocol version and key.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Typer takes an application for a group when it has a callback or several commands."""


def main() -> None:
    """Run the command line; a known error ends in one line with its remedy and a status of its own."""
    # Importing makes tens of thousands of objects that all stay; looking through them again and again finds nothing.
    gc.set_threshold(100_000)
    show_any_text()
    spare_loopback()
    prepare()
    try:
        app()
    except HallmarkError as error:
        sys.exit(report(error))
    except OSError as error:
        if (spent := resource_error(error)) is None:
            raise
        sys.exit(report(spent))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
