"""Takes a batch and everything after it back: on L1, in core's rows, in its files and in the state tree.

Every step can be repeated, and a fact in core's store says from the first one to the last that a rollback is under way:
core does not start meanwhile, and the same command goes on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from peewee import fn

from core.batches.metadata_calculator import newest_root
from core.batches.tree_upkeep import rebuild
from core.batches.witness_store import WitnessStore
from core.errors import BatchUnknown, GenesisMismatch
from core.eth_sender.errors import BatchExecuted
from core.eth_sender.status import noted_state
from core.state import bridge
from core.state_tree.errors import VersionUnknown
from core.state_tree.kept import KeptTree
from core.store import (
    AccountVersion,
    Batch,
    Offer,
    PriorityRequest,
    ProtectiveRead,
    Store,
    Transaction,
    TransactionStatus,
)
from runtime.errors import ConfigurationError, InvalidInput

_FACT = "rollback"


class RollbackUnfinished(ConfigurationError):
    """A rollback was begun and has not ended."""

    code = "rollback_unfinished"


class Rollback(msgspec.Struct, frozen=True):
    """What is taken back.

    Attributes
    ----------
    first, last : int
        The batches.
    transactions : int
        That they have.
    dropped : tuple of str
        Hashes, 64 hexadecimal digits, of those that go for good; the others wait for a batch again.
    """

    first: int
    last: int
    transactions: int
    dropped: tuple[str, ...] = ()


def unfinished(store: Store) -> Rollback | None:
    """Return the rollback that was begun and has not ended, or None."""
    text = store.fact(_FACT)
    return None if text is None else msgspec.json.decode(text, type=Rollback)


def require_none(store: Store) -> None:
    """Refuse to go on in the middle of a rollback.

    Raises
    ------
    RollbackUnfinished
    """
    if (begun := unfinished(store)) is not None:
        raise RollbackUnfinished(
            f"A rollback of the batches from {begun.first} on has not ended.",
            remedy=f"Run `hallmark rollback {begun.first}` again; it goes on where it stopped.",
        )


def planned(store: Store, first: int, dropped: Sequence[bytes] = ()) -> Rollback:
    """Return what a rollback would take back, or the one that was begun; nothing changes.

    Raises
    ------
    RollbackUnfinished
        One of other batches, or that drops others, has not ended.
    BatchUnknown
    BatchExecuted
        L1 acts on the batch already.
    InvalidInput
        A transaction that is to be dropped is in none of the batches.
    """
    hashes = tuple(sorted(digest.hex() for digest in dropped))
    with store.session():
        begun = unfinished(store)
        if begun is not None:
            if begun.first != first or (hashes and hashes != begun.dropped):
                require_none(store)
            return begun
        last = int(Batch.select(fn.MAX(Batch.number)).scalar() or 0)
        if not 1 <= first <= last:
            raise BatchUnknown(f"Core has the batches 1 to {last}; there is no batch {first} to take back.")
        check_not_executed(store, first)
        among = Transaction.batch_number >= first
        known = {row.hash.hex() for row in Transaction.select(Transaction.hash).where(among)}
        if missing := [each for each in hashes if each not in known]:
            raise InvalidInput(f"The batches from {first} on have no transaction 0x{missing[0]}.")
        return Rollback(first, last, len(known), hashes)


def check_not_executed(store: Store, first: int) -> None:
    """Refuse what core last saw executed on L1.

    Raises
    ------
    BatchExecuted
    """
    state = noted_state(store)
    if state is not None and state.executed >= first:
        raise BatchExecuted(f"L1 has executed the batches up to {state.executed}: batch {first} is final.")


def on_l1(store: Store, first: int) -> bool:
    """Return whether L1 held one of the batches when core last looked."""
    with store.session():
        state = noted_state(store)
    return state is not None and state.committed >= first


def begin(store: Store, plan: Rollback) -> None:
    """Note that the rollback is under way."""
    with store.session():
        store.record_fact(_FACT, msgspec.json.encode(plan).decode())


def take_back_rows(store: Store, plan: Rollback) -> None:
    """Remove the batches from core's rows; their transactions wait again, judged anew, or are dropped.

    Requests from L1 wait again too, without the transactions that stood for them.
    """
    with store.session(), store.atomic():
        for model in (Offer, ProtectiveRead, AccountVersion):
            model.delete().where(model.batch_number >= plan.first).execute()
        Batch.delete().where(Batch.number >= plan.first).execute()
        requests = PriorityRequest.batch_number >= plan.first
        for row in PriorityRequest.select().where(requests):
            Transaction.delete().where(Transaction.hash == bridge.transaction_hash(row)).execute()
        PriorityRequest.update(batch_number=0).where(requests).execute()
        theirs = Transaction.batch_number >= plan.first
        waits = {"batch_number": 0, "batch_index": 0, "gas_used": 0, "gas_price": None, "cycles": 0}
        reason = f"dropped in the rollback of batch {plan.first}"
        digests = [bytes.fromhex(each) for each in plan.dropped]
        Transaction.update(status=TransactionStatus.DROPPED, reason=reason, **waits).where(
            theirs, Transaction.hash.in_(digests)
        ).execute()
        Transaction.update(status=TransactionStatus.PENDING, reason=None, **waits).where(theirs).execute()


def take_back_files(folder: Path, plan: Rollback) -> None:
    """Remove witness inputs, proofs and SNARKs of the batches."""
    for name in ("witnesses", "proofs", "snarks"):
        files = WitnessStore(folder / name)
        for number in files.numbers():
            if number >= plan.first:
                files.remove(number)


def take_back_tree(store: Store, folder: Path, plan: Rollback) -> bytes:
    """Bring the state tree to the batch before the first and return its root.

    Raises
    ------
    GenesisMismatch
        The accounts do not hash to the root that the database states.
    """
    before = plan.first - 1
    with store.session():
        tree = KeptTree.open(folder / "state_tree")
        try:
            tree.forget_after(before)
        except VersionUnknown:
            rebuild(tree, before)
        number, root = newest_root()
        if (number, root) != (before, tree.root):
            raise GenesisMismatch(f"The accounts at batch {before} do not hash to its root {root.hex()}.")
    return root


def end(store: Store) -> None:
    """Note that the rollback is over: core may start."""
    with store.session():
        store.forget_fact(_FACT)
