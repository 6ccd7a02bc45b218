"""The proof data handler as a process of its own, beside the core of a later protocol version."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core.http.errors import bearer, certified, typed_errors
from core.http.pools import name_client
from core.process.only_core import only_core
from core.process.proof_side import ProofSide, open_proof_side
from core.proofs.proof_data_handler import ProofDataHandler
from core.proofs.verification import accepted_security, key_identity, proof_verifier, read_snark_key
from core.settings import load_core_settings
from core.state import versions
from core.state.inputs import read_inputs
from core.store import Store, open_store
from runtime.http_server import page_routes
from runtime.http_server import serve as serve_http
from runtime.logging import get_logger
from runtime.os_errors import resource_error
from runtime.pages import Pages
from runtime.process import Exit, Process
from runtime.waiting import wait_for

log = get_logger(__name__)


def serve(process: Process) -> int:
    """Serve the routes for provers until SIGTERM."""
    settings, own = process.settings, load_core_settings()
    profile, snark_key = own.core_profile, read_snark_key(own.core_snark_key, production=own.core_production)
    name = f"proofs-{settings.protocol_version}"

    def opened() -> tuple[Store, ProofSide]:
        _, program, protocol = read_inputs(settings, own)
        store = open_store(own.database_url(settings))
        side = open_proof_side(
            settings,
            own,
            store,
            versions.open_programs(store, own.programs(settings), program, own.core_cycle_limit, protocol),
            verifier=proof_verifier(profile, snark_key),
            key_digest=key_identity(profile),
            snark_key="" if snark_key is None else snark_key.digest.hex(),
            incoming=f"incoming-{name}",
        )
        return store, side

    with only_core(own.folder(settings), component=name, stopping=process.stopping):
        store, side = wait_for(opened, "database of core", process.stopping)
        pages = Pages(process, check=lambda: _check(store))
        guards = [bearer(settings.tokens)]
        if own.core_tls_clients is not None:
            guards.append(certified(ProofDataHandler.PATHS))
        app = web.Application(middlewares=[name_client, typed_errors, *guards])
        app.on_shutdown.append(side.handler.close)
        app.add_routes([*page_routes(pages), *side.handler.routes()])
        try:
            serve_http(
                process,
                app,
                pages,
                host=settings.core_host,
                port=settings.core_port,
                prefix="HALLMARK_CORE",
                tls=own.tls(),
                started=lambda addresses: _tell(side, accepted_security(profile, snark_key), addresses),
            )
        finally:
            store.close()
    return Exit.OK


def _check(store: Store) -> str:
    try:
        with store.session():
            store.ping()
    except Exception as error:
        spent = resource_error(error)
        return spent.message if spent else f"the store does not answer: {type(error).__name__}"
    return ""


def _tell(side: ProofSide, accepts: str, addresses: Sequence[str]) -> None:
    identity = side.identity
    log.info(
        "proofs.started",
        address=list(addresses),
        protocol_version=identity.protocol_version,
        key_digest=identity.key_digest,
        program_commitment=identity.program_commitment,
        accepts=accepts,
    )
