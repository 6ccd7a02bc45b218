"""Makes a batch's witness input, runs the program on it once, and stores it when the run says what core expects."""

from __future__ import annotations

import hashlib
import json

from core.batches.metadata_calculator import changed_accounts
from core.batches.witness_store import WitnessStore
from core.errors import ProgramFault
from core.formats.witness_input import Header, encode
from core.program.state_transition import Program, Run, Status
from core.state import chain
from core.store import Batch, BatchStatus, ProtectiveRead, Store, Transaction
from runtime.telemetry import span


class BasicWitnessInputProducer:
    """Turns a batch's data into the bytes that are proven.

    Parameters
    ----------
    store, witnesses
        Core's rows and files.
    program
        Run once on every input before a prover sees it.
    """

    def __init__(self, store: Store, witnesses: WitnessStore, program: Program) -> None:
        self._store = store
        self._witnesses = witnesses
        self._program = program

    def produce(self, batch: Batch) -> Run:
        """Make, check and store the witness input of a batch whose tree section and protective reads are written.

        Raises
        ------
        ProgramFault
            The run's receipts or account values are not those of the seal.
        """
        with (
            self._store.session(),
            span("basic witness input producer", traceparent=batch.traceparent or "") as current,
        ):
            rows = chain.transactions_of(batch.number)
            header = Header.from_json(json.loads(batch.context))
            section = self._witnesses.get(batch.number, "tree")
            content = self._program.with_hints(encode(header, [row.content for row in rows], section))
            run = self._program.run(content)
            _check(batch, rows, run)
            self._witnesses.put(batch.number, "witness", content)
            batch.witness_size = len(content)
            batch.witness_sha256 = hashlib.sha256(content).digest()
            batch.cycles = run.cycles
            batch.program_output = run.output
            batch.status = BatchStatus.WITNESS_READY
            batch.save()
            current.set_attributes({"hallmark.cycles": run.cycles, "hallmark.witness_bytes": len(content)})
            return run


def _check(batch: Batch, rows: list[Transaction], run: Run) -> None:
    for row, result in zip(rows, run.results, strict=True):
        stated = (row.sender, row.gas_used, row.gas_price)
        if result.status is not Status.EXECUTED or (result.sender, result.gas_used, result.gas_price) != stated:
            raise ProgramFault(f"Batch {batch.number}: the program judged transaction {row.hash.hex()} anew.")
    changes = changed_accounts(batch)
    if {diff.address: (diff.nonce, diff.balance) for diff in run.diffs} != {
        address: (account.nonce, account.balance) for address, account in changes.items()
    }:
        raise ProgramFault(f"Batch {batch.number}: the program ended in other account values than at the seal.")
    unread = changes.keys() - {
        row.address for row in ProtectiveRead.select().where(ProtectiveRead.batch_number == batch.number)
    }
    if unread:
        raise ProgramFault(f"Batch {batch.number} writes {len(unread)} accounts that it has not read.")
