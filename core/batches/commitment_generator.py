"""Computes a batch's commitments from its data and the public output that its proof must show.

Nothing is taken from the program's run: roots come from the state tree, results from the receipts, state diffs from
the sealed values. When the program's own output is another one, core and the program disagree and the batch stops.
"""

from __future__ import annotations

import json
from typing import Any

from core.batches.component import Component
from core.batches.metadata_calculator import changed_accounts
from core.errors import ProgramFault
from core.formats import state_diffs
from core.formats.statement import statement_of
from core.formats.witness_input import Header
from core.program.state_transition import Result
from core.state import bridge, chain
from core.store import Batch, BatchStatus
from runtime.logging import get_logger
from runtime.telemetry import span

log = get_logger(__name__)


class CommitmentGenerator(Component):
    """Writes commitments into a batch's row."""

    name = "commitment_generator"

    @classmethod
    def behind(cls) -> Any:
        """Return the condition on batches without commitments."""
        return Batch.status.in_((BatchStatus.SEALED, BatchStatus.TREE_UPDATED, BatchStatus.WITNESS_READY))

    @classmethod
    def ready(cls) -> Any:
        """Return the condition on batches without commitments whose witness input is stored."""
        return Batch.status == BatchStatus.WITNESS_READY

    def handle(self, batch: Batch) -> None:
        """Commit to a batch; it may be offered to provers from then on.

        Raises
        ------
        ProgramFault
            The program's output is not what the data commit to.
        """
        with span("commitment generator", traceparent=batch.traceparent or ""):
            rows = chain.transactions_of(batch.number)
            requests, signed = bridge.requests_in(rows), bridge.signed_in(rows)
            results = [Result(bridge.status_of(row), row.gas_used, row.sender, row.gas_price) for row in rows]
            header = Header.from_json(json.loads(batch.context))
            stated = statement_of(
                header,
                signed=signed,
                results=results,
                published=published_diffs(batch),
                requests=requests,
                rolling_hash=bridge.rolling_hash(requests[0].number - 1 if requests else 0),
                messages=bridge.messages_in(rows),
                old_root=batch.old_root,
                new_root=batch.new_root,
            )
            output = stated.output
            if output != batch.program_output:
                raise ProgramFault(
                    f"Batch {batch.number}: the program's output is {batch.program_output.hex()}, "
                    f"the data commit to {output.hex()}."
                )
            batch.commitments = json.dumps({name: digest.hex() for name, digest in stated.parts.items()})
            batch.metadata_commitment = stated.parts["metadata"]
            batch.priority_queue_hash = stated.priority_queue
            batch.message_root = stated.messages
            batch.expected_output = output
            batch.status = BatchStatus.COMMITTED
            batch.save()
            log.info("batch.committed", batch=batch.number, output=output.hex(), cycles=batch.cycles)


def published_diffs(batch: Batch) -> bytes:
    """Return what a batch publishes on L1 of the accounts that it changes."""
    accounts = changed_accounts(batch).items()
    return state_diffs.encode(state_diffs.StateDiff(address, new.nonce, new.balance) for address, new in accounts)
