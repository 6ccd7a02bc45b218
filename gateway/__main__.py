"""``python -m gateway``: run the gateway until SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from aiohttp import web

from broker.artifacts import open_artifacts
from broker.jobs import open_store
from gateway.service import Gateway
from gateway.settings import load_gateway_settings
from runtime.errors import ConfigurationError, HallmarkError
from runtime.logging import configure_logging, get_logger
from runtime.settings import Settings, load_settings
from runtime.telemetry import configure_telemetry, flush_telemetry

#: Digests of the keys, pinned in the repository; the gateway computes nothing and reads them as data.
PINNED = Path(__file__).parent.parent / "proving" / "keys" / "pinned.json"

log = get_logger(__name__)


def key_identity(settings: Settings) -> str:
    """Return what core must verify with: the profile and the digest of the key, as ``profile:hex``.

    Raises
    ------
    ConfigurationError
        The file of pinned digests is missing or malformed.
    """
    try:
        return f"{settings.profile}:{json.loads(PINNED.read_text(encoding='utf-8'))['main_vm']}"
    except (OSError, ValueError, KeyError) as error:
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


def main() -> None:
    """Run the process; an expected error is one line and exit code 2."""
    try:
        settings = load_settings()
        configure_logging(settings, process="gateway")
        configure_telemetry(settings, service="gateway")
        identity = key_identity(settings)
        gateway = Gateway(settings, load_gateway_settings(), open_store(settings), open_artifacts(settings), identity)
        asyncio.run(serve(settings, gateway, identity))
    except HallmarkError as error:
        sys.stderr.write(error.line() + "\n")
        sys.exit(2)
    finally:
        flush_telemetry()


if __name__ == "__main__":
    main()
