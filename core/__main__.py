"""``python -m core``: the server, and small tools that talk to a running one."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from core.client import CoreClient
from core.errors import GenesisMismatch
from core.node import Node, open_node
from core.only_core import only_core
from core.openapi import openapi
from core.server import Server
from core.settings import load_core_settings
from core.verification import key_identity, proof_verifier
from runtime.errors import ConfigurationError, HallmarkError, InvalidInput
from runtime.logging import configure_logging, get_logger
from runtime.settings import Settings, load_settings
from runtime.telemetry import configure_telemetry, flush_telemetry

#: Exit code of a process whose configuration is wrong (``EX_CONFIG`` of sysexits.h): restarting does not help.
EXIT_CONFIGURATION = 78

app = typer.Typer(add_completion=False, no_args_is_help=False)

log = get_logger(__name__)


@app.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Serve JSON-RPC and the proof data handler until SIGTERM."""
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    configure_logging(settings, process="core")
    configure_telemetry(settings, service="core")
    own = load_core_settings()
    with only_core(own.folder(settings)):
        node = open_node(
            settings,
            own,
            verifier=proof_verifier(settings.profile),
            key_digest=key_identity(settings.profile),
        )
        try:
            asyncio.run(_serve(settings, node))
        finally:
            node.store.close()
            flush_telemetry()


@app.command()
def submit(
    file: Path, seal: Annotated[bool, typer.Option(help="Seal a batch after the last transaction.")] = False
) -> None:
    """Send every raw transaction of FILE (one hex string per line) to the running core."""
    client = _client()
    refused = 0
    for number, line in enumerate(file.read_text(encoding="ascii").splitlines(), 1):
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


async def _serve(settings: Settings, node: Node) -> None:
    runner = web.AppRunner(Server(node).application(), access_log=None, shutdown_timeout=settings.drain_seconds)
    await runner.setup()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await web.TCPSite(runner, settings.core_host, settings.core_port).start()
        identity = node.identity
        log.info(
            "core.started",
            address=[f"{host}:{port}" for host, port, *_ in runner.addresses],
            chain_id=identity.chain_id,
            protocol_version=identity.protocol_version,
            key_digest=identity.key_digest,
            program_commitment=identity.program_commitment,
            program_sha256=identity.program_sha256,
        )
        await stop.wait()
    finally:
        await runner.cleanup()


def _client() -> CoreClient:
    settings = load_settings()
    return CoreClient(settings.core_url, settings.token.get_secret_value())


def main() -> None:
    """Run the command line; an expected error is one line, with exit code 78 when the configuration is wrong."""
    try:
        app()
    except HallmarkError as error:
        sys.stderr.write(error.line() + "\n")
        sys.exit(EXIT_CONFIGURATION if isinstance(error, ConfigurationError | GenesisMismatch) else 1)


if __name__ == "__main__":
    main()
