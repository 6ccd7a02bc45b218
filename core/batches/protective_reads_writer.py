"""Records what a batch reads: each touched account's value before the batch.

With the account versions these rows say everything about a batch's input state without the tree, so a witness input
can be made again, and an initial write (an account that did not exist) can be told from a change.
"""

from __future__ import annotations

import json

from core.formats.transactions import touched_accounts
from core.formats.witness_input import Header
from core.state import chain
from core.store import Batch, ProtectiveRead, Store
from runtime.telemetry import span


def write_protective_reads(store: Store, batch: Batch) -> int:
    """Write the protective reads of a settled batch, replacing those of an earlier try; return how many."""
    with store.session(), span("protective reads writer", traceparent=batch.traceparent or ""):
        header = Header.from_json(json.loads(batch.context))
        views = [chain.view(row) for row in chain.transactions_of(batch.number)]
        rows = []
        for address in touched_accounts(header.fee_recipient, views):
            before = chain.account_at(address, batch.number - 1)
            rows.append(
                {
                    "batch_number": batch.number,
                    "address": address,
                    "nonce": before.nonce,
                    "balance": before.balance,
                }
            )
        with store.atomic():
            ProtectiveRead.delete().where(ProtectiveRead.batch_number == batch.number).execute()
            for start in range(0, len(rows), 200):
                ProtectiveRead.insert_many(rows[start : start + 200]).execute()
        return len(rows)
