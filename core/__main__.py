"""``python -m core``: the server, and small tools that talk to a running one."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from aiohttp import web

from core.errors import GenesisMismatch
from core.node import Node, open_node
from core.only_core import only_core
from core.openapi import openapi
from core.server import Server
from core.settings import load_core_settings
from core.verification import key_identity, proof_verifier
from runtime.errors import ConfigurationError, HallmarkError, InvalidInput, Unavailable
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
    settings = load_settings()
    refused = 0
    for number, line in enumerate(file.read_text(encoding="ascii").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        answer = _call(settings, "eth_sendRawTransaction", [text if text.startswith("0x") else f"0x{text}"])
        refused += "error" in answer
        typer.echo(f"{number}: {answer['result'] if 'result' in answer else answer['error']['message']}")
    if seal:
        typer.echo(f"sealed: {_call(settings, 'hallmark_sealBatch', []).get('result')}")
    raise typer.Exit(1 if refused else 0)


@app.command()
def batch(number: int) -> None:
    """Print the batch file of batch NUMBER."""
    settings = load_settings()
    typer.echo(_request(settings, f"batches/{number}", None).decode(), nl=False)


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


def _call(settings: Settings, method: str, parameters: list[Any]) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    answer: dict[str, Any] = json.loads(_request(settings, "", body))
    return answer


def _request(settings: Settings, path: str, body: bytes | None) -> bytes:
    request = urllib.request.Request(f"{settings.core_url.rstrip('/')}/{path}", data=body)
    request.add_header("Content-Type", "application/json")
    if token := settings.token.get_secret_value():
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise InvalidInput(f"core answers {error.code}: {error.read(4096).decode(errors='replace')}") from error
    except OSError as error:
        raise Unavailable(f"core does not answer at {settings.core_url}: {error}") from error


def main() -> None:
    """Run the command line; an expected error is one line, with exit code 78 when the configuration is wrong."""
    try:
        app()
    except HallmarkError as error:
        sys.stderr.write(error.line() + "\n")
        sys.exit(EXIT_CONFIGURATION if isinstance(error, ConfigurationError | GenesisMismatch) else 1)


if __name__ == "__main__":
    main()
