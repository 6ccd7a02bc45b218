"""Makes a batch's witness input, runs the program on it once, and stores it when the run says what core expects."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from core.batches.component import Component
from core.batches.metadata_calculator import changed_accounts
from core.batches.protective_reads_writer import newest_read
from core.batches.witness_store import WitnessStore
from core.errors import ProgramFault
from core.formats.witness_input import Header, encode
from core.program.kept import KeptPrograms
from core.program.state_transition import Run
from core.state import bridge, chain
from core.store import Batch, BatchStatus, ProtectiveRead, Store
from core.store.transactions import StoredTransaction
from runtime.telemetry import span


class BasicWitnessInputProducer(Component):
    """Turns a batch's data into the bytes that are proven.

    Parameters
    ----------
    store, witnesses
        Core's rows and files.
    programs
        That of the batch is run once on every input before a prover sees it.
    """

    name = "basic_witness_input_producer"

    def __init__(self, store: Store, witnesses: WitnessStore, programs: KeptPrograms) -> None:
        super().__init__(store)
        self._witnesses = witnesses
        self._programs = programs

    @classmethod
    def behind(cls) -> Any:
        """Return the condition on batches without a witness input."""
        return Batch.status.in_((BatchStatus.SEALED, BatchStatus.TREE_UPDATED))

    @classmethod
    def ready(cls) -> Any:
        """Return the condition on batches without a witness input whose reads are written."""
        return (Batch.status == BatchStatus.TREE_UPDATED) & (Batch.number <= newest_read())

    def handle(self, batch: Batch) -> None:
        """Make, check and store the witness input of a batch.

        Raises
        ------
        ProgramMissing
            The batch was made with a program that is not kept.
        ProgramFault
            The run's receipts or account values are not those of the seal, the versions, or the reads.
        """
        with span("basic witness input producer", traceparent=batch.traceparent or "") as current:
            rows = chain.transactions_of(batch.number)
            header = Header.from_json(json.loads(batch.context))
            section = self._witnesses.get(batch.number, "tree")
            program = self._programs.of(batch.program_commitment)
            content = program.with_hints(
                encode(header, bridge.signed_in(rows), section, bridge.section(bridge.requests_in(rows)))
            )
            run = program.run(content)
            _check(batch, rows, run)
            self._witnesses.put(batch.number, "witness", content)
            batch.witness_size = len(content)
            batch.witness_sha256 = hashlib.sha256(content).digest()
            batch.cycles = run.cycles
            batch.program_output = run.output
            batch.status = BatchStatus.WITNESS_READY
            batch.save()
            current.set_attributes({"hallmark.cycles": run.cycles, "hallmark.witness_bytes": len(content)})


def _check(batch: Batch, rows: list[StoredTransaction], run: Run) -> None:
    for row, result in zip(rows, run.results, strict=True):
        stated = (bridge.status_of(row), row.sender, row.gas_used, row.gas_price)
        if (result.status, result.sender, result.gas_used, result.gas_price) != stated:
            raise ProgramFault(f"Batch {batch.number}: the program judged transaction {row.hash.hex()} anew.")
    changes = changed_accounts(batch)
    if changes != chain.accounts_changed_in(batch.number):
        raise ProgramFault(f"Batch {batch.number}: the account versions are not the values of the seal.")
    if {diff.address: (diff.nonce, diff.balance) for diff in run.diffs} != {
        address: (account.nonce, account.balance) for address, account in changes.items()
    }:
        raise ProgramFault(f"Batch {batch.number}: the program ended in other account values than at the seal.")
    unread = changes.keys() - {
        row.address for row in ProtectiveRead.select().where(ProtectiveRead.batch_number == batch.number)
    }
    if unread:
        raise ProgramFault(f"Batch {batch.number} writes {len(unread)} accounts that it has not read.")
