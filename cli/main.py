"""The `hallmark` command: one typer application, one module per group of commands."""

from __future__ import annotations

import sys

import typer

from cli import operate, program
from cli.errors import report
from runtime.errors import HallmarkError

app = typer.Typer(
    name="hallmark",
    help="Hallmark: a proving subsystem for rollups.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
program.register(app)
operate.register(app)


def main() -> None:
    """Run the command line; a known error ends in one line with its remedy and a status of its own."""
    try:
        app()
    except HallmarkError as error:
        sys.exit(report(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
