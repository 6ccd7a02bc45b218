"""Puts core's parts together over one store."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from core.batches.components import make_components
from core.batches.metadata_calculator import MetadataCalculator
from core.batches.retention import Retention
from core.batches.settlement import Settlement
from core.batches.witness_store import WitnessStore
from core.errors import GenesisMismatch, ProgramFault
from core.formats.identity import Identity
from core.process.proof_side import open_proof_side
from core.process.rollback import require_none
from core.program.state_transition import Program
from core.proofs.acceptance import Acceptance, Verifier
from core.proofs.offers import Offers
from core.proofs.proof_data_handler import ProofDataHandler
from core.proofs.skipping import Skipping
from core.proofs.snark_store import SnarkStore
from core.sequencer import Sequencer
from core.settings import CoreSettings
from core.state import versions
from core.state.genesis import Genesis
from core.state.inputs import read_inputs
from core.state_tree.kept import KeptTree
from core.store import Store, open_store
from runtime.settings import Settings


@dataclass(frozen=True)
class Node:
    """A running core without its servers; every part may be called from any thread."""

    settings: Settings
    core_settings: CoreSettings
    identity: Identity
    genesis: Genesis
    program: Program
    store: Store
    sequencer: Sequencer
    settlement: Settlement
    offers: Offers
    acceptance: Acceptance
    proof_data_handler: ProofDataHandler
    skipping: Skipping
    retention: Retention
    snarks: SnarkStore
    tree: KeptTree

    def seal_and_settle(self) -> int | None:
        """Seal a batch of what waits and take it to the proof data handler; None when nothing waits."""
        number = self.sequencer.seal()
        self.settlement.advance()
        return number


def open_node(
    settings: Settings,
    core_settings: CoreSettings,
    *,
    verifier: Callable[[Program], Verifier],
    key_digest: str,
    snark_key: str = "",
    clock: Callable[[], float] = time.time,
) -> Node:
    """Open core's store, check that it is this chain's, and finish what a crash left half-way.

    Parameters
    ----------
    verifier
        Makes the verifier of proofs of the given program.
    key_digest
        Hex digest of the key that the verifier uses.
    snark_key
        Hex digest of the key of the SNARKs that it asks for; empty where it asks for none.
    clock
        Seconds since the epoch.

    Raises
    ------
    ConfigurationError
        A setting, the genesis file or the program is unusable.
    GenesisMismatch
        The store belongs to another chain.
    VersionUnsettled, ProgramMissing
        Batches wait that only another release, or a program that core does not have, can finish.
    """
    genesis, program, protocol = read_inputs(settings, core_settings)
    folder = core_settings.folder(settings)
    store = open_store(core_settings.database_url(settings))
    with store.session():
        require_none(store)
        _check_facts(store, settings, genesis)
        versions.require_settled(store, protocol)
        programs = versions.open_programs(
            store, core_settings.programs(settings), program, core_settings.core_cycle_limit, protocol
        )
        witnesses = WitnessStore(folder / "witnesses")
        tree = KeptTree.open(folder / "state_tree", core_settings.core_tree_versions)
        calculator = MetadataCalculator(store, witnesses, tree, genesis)
        components = make_components(core_settings.components(), store, tree, witnesses, programs)
        settlement = Settlement(store, calculator, components)
        # A component that has halted says so in its log and in `/ready`; taking and proving go on.
        with suppress(ProgramFault):
            settlement.advance()
        sequencer = Sequencer(
            store,
            program,
            calculator,
            settlement,
            genesis,
            chain_id=settings.chain_id,
            protocol_version=protocol,
            settings=core_settings,
            clock=clock,
        )
        sequencer.start()
    proofs = open_proof_side(
        settings,
        core_settings,
        store,
        programs,
        verifier=verifier,
        key_digest=key_digest,
        snark_key=snark_key,
        incoming="incoming",
        clock=clock,
    )
    return Node(
        settings,
        core_settings,
        proofs.identity,
        genesis,
        program,
        store,
        sequencer,
        settlement,
        proofs.offers,
        proofs.acceptance,
        proofs.handler,
        Skipping(store, core_settings, clock),
        Retention(store, witnesses, settings.retention_hours, clock),
        proofs.snarks,
        tree,
    )


def _check_facts(store: Store, settings: Settings, genesis: Genesis) -> None:
    if store.fact("genesis_sha256") is None:
        genesis.check()
    for key, value in {"chain_id": str(settings.chain_id), "genesis_sha256": genesis.digest}.items():
        known = store.fact(key)
        if known is None:
            store.record_fact(key, value)
        elif known != value:
            raise GenesisMismatch(f"This store was made with {key} {known}, the settings say {value}.")
