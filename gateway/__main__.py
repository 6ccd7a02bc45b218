"""``python -m gateway``: run the gateway until SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web

from broker.artifacts import open_artifacts
from broker.connect import connect_broker, connect_store
from broker.relay import Relay
from gateway.service import Gateway
from gateway.settings import load_gateway_settings
from runtime.errors import ConfigurationError
from runtime.logging import configure_logging, get_logger
from runtime.settings import Settings, load_settings
from runtime.telemetry import configure_telemetry, flush_telemetry

#: Digests of the keys, pinned in the repository; the gateway computes nothing and reads them as data.
PINNED = Path(__file__).parent.parent / "proving" / "keys" / "pinned.json"

#: Exit code of a process whose configuration is wrong (``EX_CONFIG`` of sysexits.h): restarting does not help.
EXIT_CONFIGURATION = 78

log = get_logger(__name__)


def key_identity(settings: Settings) -> str:
    """Return what core must verify with: the profile and the digest of the key, as ``profile:hex``.

    Raises
    ------
    ConfigurationError
        The file of pinned digests is missing or malformed.
    """
    try:
        return f"{settings.profile}:{json.loads(PINNED.read_text(encoding='utf-8'))['main_vm']['digest']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"the pinned key digests in {PINNED} cannot be read: {error}") from error


async def serve(settings: Settings, gateway: Gateway, identity: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    runner = web.AppRunner(gateway.application(), access_log=None, shutdown_timeout=settings.drain_seconds)
    await runner.setup()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await web.TCPSite(runner, settings.gateway_host, settings.gateway_port).start()
        log.info(
            "gateway.started",
            address=[f"{host}:{port}" for host, port, *_ in runner.addresses],
            core=settings.core_url,
            protocol_version=settings.protocol_version,
            key_digest=identity,
        )
        await stop.wait()
    finally:
        await runner.cleanup()


def run(settings: Settings) -> None:
    """Connect the stores, relay the outbox and serve."""
    identity = key_identity(settings)
    own = load_gateway_settings()
    jobs = connect_store(settings)
    relay = Relay(jobs, connect_broker(settings, jobs, name=f"gateway {own.gateway_name}")).start()
    try:
        gateway = Gateway(settings, own, jobs, open_artifacts(settings), identity, wake=relay.wake)
        asyncio.run(serve(settings, gateway, identity))
    finally:
        relay.stop()


def main() -> None:
    """Run the process; a wrong configuration is one line and exit code 78."""
    try:
        settings = load_settings()
        configure_logging(settings, process="gateway")
        configure_telemetry(settings, service="gateway")
        run(settings)
    except ConfigurationError as error:
        sys.stderr.write(error.line() + "\n")
        sys.exit(EXIT_CONFIGURATION)
    finally:
        flush_telemetry()


if __name__ == "__main__":
    main()
