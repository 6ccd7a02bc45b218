"""Owns the state tree: computes each batch's new root and writes the account versions that make it restorable.

Before it updates the tree it keeps the part of the old tree that the batch touches, for the witness input.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

from peewee import fn

from core.batches.witness_store import WitnessStore
from core.errors import GenesisMismatch
from core.formats.transactions import touched_accounts
from core.formats.witness_input import Header
from core.state import chain
from core.state.chain import Account
from core.state.genesis import Genesis
from core.state_tree import StateTree
from core.store import AccountVersion, Batch, BatchStatus, Store
from runtime.telemetry import span


class MetadataCalculator:
    """The live state tree, always at the newest batch whose versions are written. Safe to call from several threads.

    Parameters
    ----------
    store, witnesses
        Core's rows and files.
    genesis
        Written as batch 0 into an empty store.
    """

    def __init__(self, store: Store, witnesses: WitnessStore, genesis: Genesis) -> None:
        self._store = store
        self._witnesses = witnesses
        self._lock = threading.RLock()
        with store.session():
            if Batch.get_or_none(Batch.number == 0) is None:
                self._write_genesis(genesis)
            self._tree = self._restore()

    @property
    def root(self) -> bytes:
        """The root of the newest state, 32 bytes."""
        with self._lock:
            return self._tree.root

    def partial(self, addresses: Sequence[bytes]) -> bytes:
        """Return the tree section of a witness input that touches `addresses`, from the newest state."""
        with self._lock:
            return self._tree.partial(addresses)

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
        if batch.old_root != self._tree.root:
            raise GenesisMismatch(f"Batch {batch.number} starts at another root than the state tree has.")
        header = Header.from_json(json.loads(batch.context))
        views = [chain.view(row) for row in chain.transactions_of(batch.number)]
        section = self.partial(touched_accounts(header.fee_recipient, views))
        self._witnesses.put(batch.number, "tree", section)
        changes = changed_accounts(batch)
        try:
            self._tree.update_all(changes)
            with self._store.atomic():
                _write_versions(batch.number, changes)
                batch.new_root = self._tree.root
                batch.status = BatchStatus.TREE_UPDATED
                batch.save()
        except BaseException:
            self._tree = self._restore()
            raise

    def _write_genesis(self, genesis: Genesis) -> None:
        root = StateTree(genesis.accounts).root
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

    def _restore(self) -> StateTree:
        number = Batch.select(fn.MAX(Batch.number)).where(Batch.status != BatchStatus.SEALED).scalar()
        tree = StateTree(chain.accounts_at(number))
        stated = Batch.get_by_id(number).new_root
        if tree.root != stated:
            raise GenesisMismatch(f"The accounts at batch {number} do not hash to its root {stated.hex()}.")
        return tree


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
