"""Owns the state tree: computes each batch's new root and writes the account versions that make it restorable.

Before it updates the tree it keeps the part of the old tree that the batch touches, for the witness input.

The tree has a version for every batch, in a file of its own. Core's database says what is true: the version of its
newest batch with a root. A tree that is ahead, because a batch was not recorded in the end, goes back; one that is
behind is brought up from the account versions; one that is not there is built from them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress

from core.batches.tree_upkeep import rebuild
from core.batches.witness_store import WitnessStore
from core.errors import GenesisMismatch
from core.formats.transactions import touched_accounts
from core.formats.witness_input import Header
from core.state import chain
from core.state.chain import Account
from core.state.genesis import Genesis
from core.state_tree.accounts import keys_of, values_of
from core.state_tree.errors import VersionUnknown
from core.state_tree.kept import KeptTree
from core.state_tree.pieces import Accounts
from core.store import AccountVersion, Batch, BatchStatus, Store
from runtime.logging import get_logger
from runtime.telemetry import span

#: Accounts of the newest batch that are compared at start.
_COMPARED = 1000

log = get_logger(__name__)


class MetadataCalculator:
    """The state tree at the newest batch whose versions are written. Safe to call from several threads.

    Parameters
    ----------
    store, witnesses
        Core's rows and files.
    tree
        The tree on disk; only this object writes to it.
    genesis
        Written as batch 0 into an empty store.
    """

    def __init__(self, store: Store, witnesses: WitnessStore, tree: KeptTree, genesis: Genesis) -> None:
        self._store = store
        self._witnesses = witnesses
        self._tree = tree
        self._lock = threading.RLock()
        with store.session():
            if Batch.get_or_none(Batch.number == 0) is None:
                self._write_genesis(genesis)
            self._compare(self._align())

    @property
    def root(self) -> bytes:
        """The root of the newest state, 32 bytes."""
        with self._lock, self._store.session():
            self._align()
            return self._tree.root

    def partial(self, addresses: Sequence[bytes]) -> bytes:
        """Return the tree section of a witness input that touches `addresses`, from the newest state."""
        with self._lock, self._store.session(), self._tree.version(self._align()) as version:
            return version.partial(addresses)

    def settle_left_over(self) -> int:
        """Settle batches that a crash or a failure left sealed only; call it before anything builds on the tree.

        Returns
        -------
        int
            How many there were.
        """
        with self._lock, self._store.session():
            left = list(Batch.select().where(Batch.status == BatchStatus.SEALED).order_by(Batch.number))
            for batch in left:
                self.settle(batch.number)
        return len(left)

    def settle(self, number: int) -> None:
        """Advance the tree by a sealed batch and write its account versions and root; once only."""
        with self._lock, self._store.session():
            batch = Batch.get_by_id(number)
            if batch.status == BatchStatus.SEALED:
                with span("metadata calculator", traceparent=batch.traceparent or ""):
                    self._settle(batch)

    def _settle(self, batch: Batch) -> None:
        with self._tree.version(self._align()) as before:
            if batch.old_root != before.root:
                raise GenesisMismatch(f"Batch {batch.number} starts at another root than the state tree has.")
            header = Header.from_json(json.loads(batch.context))
            views = [chain.view(row) for row in chain.transactions_of(batch.number)]
            section = before.partial(touched_accounts(header.fee_recipient, views))
        self._witnesses.put(batch.number, "tree", section)
        changes = changed_accounts(batch)
        root = self._commit(batch.number, changes)
        with self._store.atomic():
            _write_versions(batch.number, changes)
            batch.new_root = root
            batch.status = BatchStatus.TREE_UPDATED
            batch.save()

    def _commit(self, number: int, changes: dict[bytes, Account]) -> bytes:
        return self._tree.commit(number, keys_of(list(changes)), values_of(changes.values()))

    def _write_genesis(self, genesis: Genesis) -> None:
        accounts = Accounts()
        accounts.add(b"".join(genesis.accounts), values_of(genesis.accounts.values()))
        root = self._tree.rebuild(0, accounts.pieces())
        with self._store.atomic():
            _write_versions(0, genesis.accounts)
            Batch.create(
                number=0,
                status=BatchStatus.PROVEN,
                sealed_at=float(genesis.timestamp),
                timestamp=genesis.timestamp,
                context="{}",
                transactions=0,
                new_accounts="[]",
                old_root=root,
                new_root=root,
                expected_output=root,
            )

    def _align(self) -> int:
        """Bring the tree to the version that core's database states, and return that.

        Raises
        ------
        GenesisMismatch
            The accounts in the database do not have the root that it states.
        """
        number, root = newest_root()
        if self._tree.newest != number:
            self._bring_to(number)
        if self._tree.root != root:
            raise GenesisMismatch(f"The accounts at batch {number} do not hash to its root {root.hex()}.")
        return number

    def _bring_to(self, number: int) -> None:
        newest = self._tree.newest
        log.info("state_tree.aligning", tree=newest, database=number)
        if newest is not None and newest > number:
            with suppress(VersionUnknown):
                self._tree.forget_after(number)
            newest = self._tree.newest
        if newest is None or newest > number:
            rebuild(self._tree, number)
        else:
            for missing in range(newest + 1, number + 1):
                self._commit(missing, chain.accounts_changed_in(missing))

    def _compare(self, number: int) -> None:
        """Compare what the newest batch changed; a database that was restored alone is told at once."""
        stated = chain.accounts_changed_in(number, _COMPARED)
        with self._tree.version(number) as version:
            found = version.accounts(list(stated))
        if found != [(account.nonce, account.balance) for account in stated.values()]:
            raise GenesisMismatch(f"The accounts at batch {number} are not those of the state tree.")


def newest_root() -> tuple[int, bytes]:
    """Return the newest batch that has a root, and that."""
    settled = Batch.select(Batch.number, Batch.new_root).where(Batch.status != BatchStatus.SEALED)
    batch = settled.order_by(Batch.number.desc()).get()
    return batch.number, batch.new_root


def changed_accounts(batch: Batch) -> dict[bytes, Account]:
    """Return the new values of the accounts that a sealed batch changes, in the program's order."""
    return {
        bytes.fromhex(address): Account(int(nonce), int(balance))
        for address, nonce, balance in json.loads(batch.new_accounts)
    }


def _write_versions(number: int, accounts: dict[bytes, Account]) -> None:
    rows = [
        {"address": address, "batch_number": number, "nonce": account.nonce, "balance": account.balance}
        for address, account in accounts.items()
    ]
    for start in range(0, len(rows), 200):
        AccountVersion.insert_many(rows[start : start + 200]).execute()
