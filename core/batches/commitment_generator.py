"""Computes a batch's commitments from its data and the public output that its proof must show.

Nothing is taken from the program's run: roots come from the state tree, results from the receipts, state diffs from
the sealed values. When the program's own output is another one, core and the program disagree and the batch stops.
"""

from __future__ import annotations

import json

from core.batches.metadata_calculator import changed_accounts
from core.errors import ProgramFault
from core.formats.commitments import (
    data_commitment,
    diffs_commitment,
    metadata_commitment,
    output_commitment,
    results_commitment,
    transactions_commitment,
)
from core.formats.witness_input import Header
from core.program.state_transition import Diff, Result, Status
from core.state import chain
from core.store import Batch, BatchStatus, Store
from runtime.telemetry import span


class CommitmentGenerator:
    """Writes commitments into a batch's row.

    Parameters
    ----------
    store
        Core's rows.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def generate(self, batch: Batch) -> None:
        """Commit to a batch whose witness input is stored; it may be offered to provers from then on.

        Raises
        ------
        ProgramFault
            The program's output is not what the data commit to.
        """
        with self._store.session(), span("commitment generator", traceparent=batch.traceparent or ""):
            rows = chain.transactions_of(batch.number)
            results = [Result(Status.EXECUTED, row.gas_used, row.sender, row.gas_price) for row in rows]
            diffs = [
                Diff(address, account.nonce, account.balance) for address, account in changed_accounts(batch).items()
            ]
            header = Header.from_json(json.loads(batch.context))
            parts = {
                "transactions": transactions_commitment([row.content for row in rows]),
                "results": results_commitment(results),
                "diffs": diffs_commitment(diffs),
                "metadata": metadata_commitment(header, len(rows)),
            }
            output = output_commitment(
                chain_id=header.chain_id,
                batch_number=header.batch_number,
                timestamp=header.timestamp,
                old_root=batch.old_root,
                new_root=batch.new_root,
                data=data_commitment(**parts),
            )
            if output != batch.program_output:
                raise ProgramFault(
                    f"Batch {batch.number}: the program's output is {batch.program_output.hex()}, "
                    f"the data commit to {output.hex()}."
                )
            batch.commitments = json.dumps({name: digest.hex() for name, digest in parts.items()})
            batch.metadata_commitment = parts["metadata"]
            batch.expected_output = output
            batch.status = BatchStatus.COMMITTED
            batch.save()
