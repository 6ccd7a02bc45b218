"""The `hallmark` command: one typer application, one module per group of commands."""

from __future__ import annotations

import sys

import typer

from cli import operate, program
from cli.errors import report
from runtime.errors import HallmarkError
from runtime.os_errors import resource_error
from runtime.process import show_any_text
from runtime.proxies import spare_loopback

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
    show_any_text()
    spare_loopback()
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
