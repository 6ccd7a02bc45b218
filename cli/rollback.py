"""`hallmark rollback`: take a batch and everything after it back, everywhere, in one command that can be repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.artifacts import ArtifactStore, open_artifacts
from broker.jobs import Batch, BatchState, JobStore
from broker.jobs import status as jobs_status
from broker.jobs.states import FINISHED_BATCH
from cli.options import JsonOption, YesOption, ask, opened, print_json
from housekeeper.tasks import archive_batch
from runtime.configuration import PREFIX
from runtime.errors import ConfigurationError, InvalidInput
from runtime.settings import Settings, load_settings
from runtime.words import count

if TYPE_CHECKING:
    from core.eth_sender.sender import EthSender
    from core.process.rollback import Rollback
    from core.settings import CoreSettings
    from core.store import Store

#: More batches of a chain than are looked at.
_ALL = 1_000_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback")(rollback)


def rollback(
    batch: Annotated[int, typer.Argument(min=1, help="The first batch that goes; all after it go too.")],
    drop: Annotated[
        list[str] | None, typer.Option("--drop", help="A transaction, 0x and 64 digits, that goes for good.")
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a batch and all after it back: on L1, in core and its state tree, and their jobs. Core must not run.

    Their transactions wait for a batch again. Whenever it is stopped, the same command goes on; until it has ended,
    core does not start.
    """
    from core.process import rollback as core
    from core.settings import load_core_settings
    from core.store import open_store

    settings, own = load_settings(), load_core_settings()
    dropped = [_hash(each) for each in drop or ()]
    jobs, artifacts = opened(), open_artifacts(settings)
    with _stopped_core(own.folder(settings)):
        store = open_store(own.database_url(settings))
        plan = core.planned(store, batch, dropped)
        sender = _sender(settings, own, store)
        if sender is None and core.on_l1(store, plan.first):
            raise ConfigurationError(
                "L1 holds batches that are to be taken back.",
                remedy=f"Set {PREFIX}CORE_L1_URL, {PREFIX}CORE_L1_EXECUTOR and the key as for core.",
            )
        where = (
            "on L1, in core and its state tree, and their jobs"
            if sender
            else "in core and its state tree, and their jobs"
        )
        ask(
            f"The batches {plan.first} to {plan.last} of chain {settings.chain_id} go, {where}; of their "
            f"{count(plan.transactions, 'transaction')} {len(plan.dropped)} are dropped, the others wait again.",
            yes,
        )
        root, removed = take_back(
            plan,
            store,
            own.folder(settings),
            sender,
            jobs,
            artifacts,
            settings.state_dir / "archive",
            pause=lambda: time.sleep(own.core_l1_poll_seconds),
        )
    if as_json:
        shown = {"first": plan.first, "last": plan.last, "transactions": plan.transactions, "dropped": plan.dropped}
        print_json({**shown, "l1": sender is not None, "jobs_of": removed, "root": root.hex()})
    else:
        typer.echo(f"batch {plan.first - 1} is the newest, with the root 0x{root.hex()}; start core again")


def take_back(
    plan: Rollback,
    store: Store,
    folder: Path,
    sender: EthSender | None,
    jobs: JobStore,
    artifacts: ArtifactStore,
    archive: Path,
    *,
    pause: Callable[[], Any],
) -> tuple[bytes, list[int]]:
    """Do every step of a rollback; return the root that is the newest then, and the batches whose jobs were removed.

    L1 comes first: it may refuse, and what it holds is compared with rows that go in the second step.

    Raises
    ------
    BatchExecuted
        L1 has executed one of the batches meanwhile; nothing was taken back.
    """
    from core.eth_sender.errors import BatchExecuted
    from core.process import rollback as core

    core.begin(store, plan)
    try:
        while sender is not None and not sender.take_back(plan.first - 1):
            pause()
    except BatchExecuted:
        core.end(store)
        raise
    core.take_back_rows(store, plan)
    core.take_back_files(folder, plan)
    root = core.take_back_tree(store, folder, plan)
    removed = take_back_jobs(jobs, artifacts, archive, plan.first)
    core.end(store)
    return root, removed


def take_back_jobs(jobs: JobStore, artifacts: ArtifactStore, archive: Path, first: int) -> list[int]:
    """Withdraw and archive the batches of the store's chain from one number on, whatever their version and state."""
    removed = []
    for found in jobs_status.batches(jobs, limit=_ALL):
        if found.number >= first:
            _remove(jobs, artifacts, archive, found)
            removed.append(found.number)
    return sorted(set(removed))


def _remove(jobs: JobStore, artifacts: ArtifactStore, archive: Path, found: Batch) -> None:
    if found.state is BatchState.PROVEN:
        jobs.mark_batch(found.id, BatchState.REFUSED, reason="taken back")
    elif found.state not in FINISHED_BATCH:
        jobs.cancel_batch(found.id)
    if archive_batch(jobs, artifacts, found, archive) is None:
        raise InvalidInput(
            f"Batch {found.number} was opened again meanwhile.", remedy="Stop the gateway, and run the command again."
        )


def _sender(settings: Settings, own: CoreSettings, store: Store) -> EthSender | None:
    """Return core's sender, where L1 is configured."""
    if not own.core_l1_executor:
        return None
    from core.eth_sender.opening import open_sender
    from core.formats.identity import Identity
    from core.proofs.snark_store import SnarkStore
    from core.proofs.verification import key_identity, key_set, read_snark_key
    from core.state.inputs import read_inputs

    snark_key = read_snark_key(own.core_snark_key, production=own.core_production)
    _, program, _ = read_inputs(settings, own)
    identity = Identity(
        chain_id=settings.chain_id,
        protocol_version=settings.protocol_version,
        key_digest=key_identity(own.core_profile),
        program_commitment=program.commitment,
        program_sha256=program.sha256,
        snark_key="" if snark_key is None else snark_key.digest.hex(),
    )
    snarks = SnarkStore(own.folder(settings) / "snarks")
    return open_sender(own, store, snarks, identity, key_set(own.core_profile))


@contextmanager
def _stopped_core(folder: Path) -> Iterator[None]:
    """Hold the locks of core, of its components and of what judges proofs of an earlier version.

    Raises
    ------
    OtherCore
        One of them runs.
    """
    from core.process.only_core import only_core
    from core.settings import COMPONENTS

    with ExitStack() as locks:
        beside = sorted(path.stem for path in folder.glob("proofs-*.lock"))
        for component in ("", *COMPONENTS, *beside):
            locks.enter_context(only_core(folder, wait_seconds=0, component=component))
        yield


def _hash(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not set(digits.lower()) <= set("0123456789abcdef"):
        raise InvalidInput(f"{text[:80]!r} is not a transaction's hash: 0x and 64 hexadecimal digits.")
    return bytes.fromhex(digits)
