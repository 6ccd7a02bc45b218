"""Core as a process: its store opened, its loops and its server run until it is told to stop."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from core.process.node import Node, open_node
from core.process.only_core import only_core
from core.process.server import Server
from core.proofs.verification import accepted_security, key_identity, key_set, proof_verifier, read_snark_key
from core.settings import load_core_settings
from runtime.http_server import serve as serve_http
from runtime.logging import get_logger
from runtime.process import Exit, Process
from runtime.waiting import wait_for

log = get_logger(__name__)


def serve(process: Process) -> int:
    """Serve JSON-RPC and the proof data handler until SIGTERM."""
    settings, own = process.settings, load_core_settings()

    profile, snark_key = own.core_profile, read_snark_key(own.core_snark_key, production=own.core_production)

    def opened() -> Node:
        return open_node(
            settings,
            own,
            verifier=proof_verifier(profile, snark_key),
            key_digest=key_identity(profile),
            snark_key="" if snark_key is None else snark_key.digest.hex(),
        )

    with ExitStack() as locks:
        for component in ("", *sorted(own.components())):
            locks.enter_context(only_core(own.folder(settings), component=component, stopping=process.stopping))
        node = wait_for(opened, "database", process.stopping)
        # What is there now stays until the end: the collector need not walk it again and again.
        gc.freeze()
        try:
            server = Server(node, process, _sender(node, profile), _watcher(node), _price(node))
            serve_http(
                process,
                server.application(),
                server.pages,
                host=settings.core_host,
                port=settings.core_port,
                prefix="HALLMARK_CORE",
                tls=own.tls(),
                started=lambda addresses: _tell(node, accepted_security(profile, snark_key), addresses),
            )
        finally:
            node.store.close()
    return Exit.OK


def _sender(node: Node, profile: str) -> Callable[[], bool] | None:
    """Return one step of the way to L1, where it is configured."""
    if not node.core_settings.core_l1_executor:
        return None
    from core.eth_sender.opening import open_sender

    return open_sender(node.core_settings, node.store, node.snarks, node.identity, key_set(profile)).step


def _watcher(node: Node) -> Callable[[], bool] | None:
    """Return one look at what L1 asks for, where it is configured."""
    own = node.core_settings
    if not own.core_l1_executor:
        return None
    from core.eth_sender.opening import executor_of
    from core.eth_watch.watcher import Watcher

    return Watcher(node.store, *executor_of(own), own.core_l1_confirmations, own.core_l1_first_block).step


def _price(node: Node) -> Callable[[], bool] | None:
    """Return one look at L1's price, where fees follow it."""
    own = node.core_settings
    if not own.core_l1_fee_percent:
        return None
    from core.eth_sender.opening import connect_to
    from core.eth_watch.price import PriceWatcher

    return PriceWatcher(connect_to(own), node.sequencer.least_tip).step


def _tell(node: Node, accepts: str, addresses: Sequence[str]) -> None:
    identity = node.identity
    log.info(
        "core.started",
        address=list(addresses),
        chain_id=identity.chain_id,
        protocol_version=identity.protocol_version,
        key_digest=identity.key_digest,
        program_commitment=identity.program_commitment,
        program_sha256=identity.program_sha256,
        snark_key=identity.snark_key,
        accepts=node.skipping.warning or accepts,
    )
