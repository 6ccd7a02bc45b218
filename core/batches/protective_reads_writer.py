"""Records what a batch reads: each touched account's value before the batch.

With the account versions these rows say everything about a batch's input state without the tree, so a witness input
can be made again, and an initial write (an account that did not exist) can be told from a change.
"""

from __future__ import annotations

import json
from typing import Any

from peewee import fn

from core.batches.component import Component
from core.errors import ProgramFault
from core.formats.transactions import touched_accounts
from core.formats.witness_input import Header
from core.state import chain
from core.state_tree.errors import VersionUnknown
from core.state_tree.kept import KeptTree
from core.store import Batch, BatchStatus, ProtectiveRead, Store
from runtime.logging import get_logger
from runtime.telemetry import span

log = get_logger(__name__)


def newest_read() -> Any:
    """Return the query for the newest batch whose reads are written; none before the first."""
    return ProtectiveRead.select(fn.COALESCE(fn.MAX(ProtectiveRead.batch_number), 0))


class ProtectiveReadsWriter(Component):
    """Writes the reads of batches in order, so that the newest ones say how far it is.

    Parameters
    ----------
    store
        Core's rows.
    tree
        Read only: what the rows say must be what the tree before the batch holds.
    """

    name = "protective_reads_writer"

    def __init__(self, store: Store, tree: KeptTree) -> None:
        super().__init__(store)
        self._tree = tree

    @classmethod
    def behind(cls) -> Any:
        """Return the condition on batches without reads."""
        return Batch.status.in_((BatchStatus.SEALED, BatchStatus.TREE_UPDATED)) & (Batch.number > newest_read())

    @classmethod
    def ready(cls) -> Any:
        """Return the condition on batches without reads whose state is known."""
        return (Batch.status == BatchStatus.TREE_UPDATED) & (Batch.number > newest_read())

    def handle(self, batch: Batch) -> None:
        """Write the reads of a batch."""
        with span("protective reads writer", traceparent=batch.traceparent or ""):
            header = Header.from_json(json.loads(batch.context))
            views = [chain.view(row) for row in chain.transactions_of(batch.number)]
            touched = touched_accounts(header.fee_recipient, views)
            before = chain.accounts_at(touched, batch.number - 1)
            self._compare(batch, touched, [(account.nonce, account.balance) for account in before])
            rows = [
                {"batch_number": batch.number, "address": address, "nonce": account.nonce, "balance": account.balance}
                for address, account in zip(touched, before, strict=True)
            ]
            with self._store.atomic():
                for start in range(0, len(rows), 200):
                    ProtectiveRead.insert_many(rows[start : start + 200]).execute()

    def _compare(self, batch: Batch, touched: list[bytes], stated: list[tuple[int, int]]) -> None:
        try:
            with self._tree.version(batch.number - 1) as version:
                found, root = version.accounts(touched), version.root
        except VersionUnknown:
            # The rows are right without it; the program will run on the part of the tree that was kept at the seal.
            log.warning("protective_reads.not_compared", batch=batch.number, oldest_version=self._tree.oldest)
            return
        if root != batch.old_root:
            raise ProgramFault(f"Batch {batch.number} starts at another root than the state tree has before it.")
        if found != stated:
            raise ProgramFault(f"Batch {batch.number}: the database has other accounts before it than the state tree.")
