"""The part of core that faces provers, put together: offers, acceptance and the HTTP side of one protocol version."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from core.batches.witness_store import WitnessStore
from core.formats.identity import Identity
from core.program.kept import KeptPrograms
from core.program.state_transition import Program
from core.proofs.acceptance import Acceptance, Verifier
from core.proofs.offers import Offers
from core.proofs.proof_data_handler import ProofDataHandler
from core.proofs.snark_store import SnarkStore
from core.settings import CoreSettings
from core.state import versions
from core.store import Batch, Store
from runtime.settings import Settings


@dataclass(frozen=True)
class ProofSide:
    """What judges proofs of one protocol version."""

    identity: Identity
    offers: Offers
    acceptance: Acceptance
    handler: ProofDataHandler
    snarks: SnarkStore


def open_proof_side(
    settings: Settings,
    core_settings: CoreSettings,
    store: Store,
    programs: KeptPrograms,
    *,
    verifier: Callable[[Program], Verifier],
    key_digest: str,
    snark_key: str,
    incoming: str,
    clock: Callable[[], float] = time.time,
) -> ProofSide:
    """Put it together over core's store and folder, for the batches of the configured protocol version.

    A batch is lent with the program that made it, and its proof judged for that one, whatever new ones are made with.

    Parameters
    ----------
    programs
        What batches were made with.
    verifier, key_digest, snark_key
        Makes what judges proofs of a program, and the digests of the keys that it uses.
    incoming
        Name of the folder for proofs while they arrive; it is emptied, so each process has one of its own.
    """
    folder = core_settings.folder(settings)
    identity = Identity(
        chain_id=settings.chain_id,
        protocol_version=settings.protocol_version,
        key_digest=key_digest,
        program_commitment=programs.ours.commitment,
        program_sha256=programs.ours.sha256,
        snark_key=snark_key,
    )
    with store.session():
        versions.note_identity(store, identity)
    offers = Offers(store, int(settings.protocol_version), core_settings.core_offer_seconds, clock)
    snarks = SnarkStore(folder / "snarks")

    def verifier_of(batch: Batch) -> Verifier:
        return verifier(programs.of(batch.program_commitment))

    acceptance = Acceptance(store, offers, folder / "proofs", verifier_of, snarks, clock)
    handler = ProofDataHandler(
        identity,
        programs,
        store,
        offers,
        acceptance,
        WitnessStore(folder / "witnesses"),
        folder / incoming,
        core_settings.core_proof_limit,
    )
    return ProofSide(identity, offers, acceptance, handler, snarks)
