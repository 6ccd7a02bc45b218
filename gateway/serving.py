"""The gateway as a process: its stores connected, its loops and its server run until it is told to stop."""

from __future__ import annotations

import json
from pathlib import Path

from broker.artifacts import open_artifacts
from broker.connect import connect_broker, connect_store
from broker.relay import Relay
from gateway.cores import Core, cores
from gateway.cores_file import CoresFile
from gateway.service import Gateway
from gateway.settings import load_gateway_settings
from runtime.errors import ConfigurationError
from runtime.http_server import serve as serve_http
from runtime.logging import get_logger
from runtime.process import Exit, Process
from runtime.settings import Settings
from runtime.urls import mask_url

#: Digests of keys and key sets, pinned in the repository; the gateway computes nothing and reads them as data.
PINNED = Path(__file__).parent.parent / "proving" / "keys" / "pinned.json"

log = get_logger(__name__)


def key_identity(settings: Settings) -> str:
    """Return what core must verify with: the profile and the digest of its key set, as ``profile:hex``.

    Raises
    ------
    ConfigurationError
        The file of pinned digests is missing or malformed.
    """
    try:
        return f"{settings.profile}:{json.loads(PINNED.read_text(encoding='utf-8'))['key_sets'][settings.profile]}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"the pinned key digests in {PINNED} cannot be read: {error}") from error


def serve(process: Process) -> int:
    """Connect the stores, relay the outbox and serve."""
    settings, own = process.settings, load_gateway_settings()
    served = cores(settings, own)
    identity = key_identity(settings)
    jobs = connect_store(settings, process.stopping)

    def check(core: Core) -> None:
        jobs.of_chain(core.chain_id).check_version(settings.protocol_version, identity)

    file = None
    if own.gateway_cores is not None:
        file = CoresFile(own.gateway_cores, check)
        served = file.cores
    else:
        check(*served)
    broker = connect_broker(settings, jobs, name=f"gateway {own.gateway_name}")
    relay = Relay(jobs, broker).start()
    try:
        gateway = Gateway(process, own, served, jobs, open_artifacts(settings), identity, wake=relay.wake, file=file)
        serve_http(
            process,
            gateway.application(),
            gateway.pages,
            host=settings.gateway_host,
            port=settings.gateway_port,
            prefix="HALLMARK_GATEWAY",
            started=lambda addresses: log.info(
                "gateway.started",
                address=list(addresses),
                cores={core.chain_id: mask_url(core.url) for core in served},
                protocol_version=settings.protocol_version,
                key_digest=identity,
            ),
        )
    finally:
        relay.stop()
    return Exit.OK
