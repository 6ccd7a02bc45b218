"""Small tools that talk to a running core: ``python -m core submit``, ``batch``, ``describe``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.tools.client import CoreClient
from core.tools.openapi import openapi
from runtime.errors import ConfigurationError, HallmarkError, InvalidInput
from runtime.process import Exit, show_any_text
from runtime.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def about() -> None:
    """Serve, or talk to a running core with one of the commands."""


@app.command()
def submit(
    file: Path, seal: Annotated[bool, typer.Option(help="Seal a batch after the last transaction.")] = False
) -> None:
    """Send every raw transaction of FILE (one hex string per line) to the running core."""
    client = _client()
    refused = 0
    for number, line in enumerate(_lines(file), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            answer = client.call("eth_sendRawTransaction", text if text.startswith("0x") else f"0x{text}")
        except InvalidInput as error:
            answer = error.message
            refused += 1
        typer.echo(f"{number}: {answer}")
    if seal:
        typer.echo(f"sealed: {client.call('hallmark_sealBatch')}")
    raise typer.Exit(1 if refused else 0)


@app.command()
def batch(number: int) -> None:
    """Print the batch file of batch NUMBER."""
    typer.echo(_client().batch_file(number).decode(), nl=False)


@app.command()
def describe() -> None:
    """Print the OpenAPI document of the server (kept in docs/openapi.json)."""
    typer.echo(json.dumps(openapi(), indent=2))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except UnicodeError:
        raise InvalidInput(f"{file} holds more than ASCII text.") from None
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None


def _client() -> CoreClient:
    settings = load_settings()
    return CoreClient(settings.core_url, settings.token.get_secret_value())


def main() -> None:
    """Run the command line; an expected error is one line, with exit code 78 when the configuration is wrong."""
    show_any_text()
    try:
        app()
    except HallmarkError as error:
        sys.stderr.write(error.line() + "\n")
        sys.exit(Exit.CONFIGURATION if isinstance(error, ConfigurationError) else 1)
