"""Takes transactions one by one, and seals batches by count, by time or on call."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable

from core import chain
from core.chain import Account
from core.genesis import Genesis
from core.metadata_calculator import MetadataCalculator
from core.program import Program, Result, Run, Status
from core.sequencer.admission import MESSAGES, Admission
from core.sequencer.mempool import Mempool
from core.settings import CoreSettings
from core.store import Batch, BatchStatus, Store, Transaction, TransactionStatus
from core.transactions import read_transaction, touched_accounts
from core.witness_input import Header, encode
from runtime.logging import get_logger
from runtime.telemetry import mark

log = get_logger(__name__)


class Sequencer:
    """The mempool and the seal.

    Safe to call from several threads: one lock keeps admission and sealing apart.

    Parameters
    ----------
    store, program, calculator
        Core's rows, the state-transition program, and the owner of the state tree.
    genesis
        Constants of every batch.
    chain_id, protocol_version
        Stated in every batch.
    settings
        Sizes and times.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        program: Program,
        calculator: MetadataCalculator,
        genesis: Genesis,
        *,
        chain_id: int,
        protocol_version: int,
        settings: CoreSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._program = program
        self._calculator = calculator
        self._genesis = genesis
        self._chain_id = chain_id
        self._protocol_version = protocol_version
        self._settings = settings
        self._clock = clock
        self._lock = threading.RLock()
        self._mempool = Mempool(store, settings.core_mempool_limit)
        self._admission = Admission(program)

    @property
    def gas_limit(self) -> int:
        """Gas of one batch."""
        return self._genesis.gas_limit

    @property
    def fee_recipient(self) -> bytes:
        """Receives every fee."""
        return self._genesis.fee_recipient

    def start(self) -> None:
        """Judge what waited when the process ended. Call once every sealed batch is settled."""
        with self._lock, self._store.session():
            self._judge_again()

    def submit(self, raw: bytes) -> bytes:
        """Take a raw signed transaction into the mempool and return its hash.

        Raises
        ------
        UnreadableTransaction, Refused, Known, MempoolFull
        """
        view = read_transaction(raw)
        with self._lock, self._store.session():
            self._mempool.refuse_early(view.hash)
            diffs = self._admission.judge(self._header(), raw, view)
            self._mempool.add(raw, view, self._clock())
            self._admission.apply(diffs)
        log.info("transaction.admitted", hash=view.hash.hex(), sender=view.sender.hex(), nonce=view.nonce)
        return view.hash

    def pending_account(self, address: bytes) -> Account:
        """Return an account's value after every waiting transaction."""
        with self._lock, self._store.session():
            return self._admission.account(address)

    def due(self) -> bool:
        """Return whether a batch is to be sealed now, by count or by time.

        A transaction that came in the future came before the clock stepped back: its time is over.
        """
        with self._store.session():
            if self._mempool.size() >= self._settings.core_batch_transactions:
                return True
            oldest = self._mempool.oldest()
        seconds = self._settings.core_batch_seconds
        return bool(seconds) and oldest is not None and not 0 <= self._clock() - oldest < seconds

    def waiting(self) -> int:
        """Return how many transactions wait."""
        with self._store.session():
            return self._mempool.size()

    def seal(self) -> int | None:
        """Seal a batch of what waits and settle its state; None when nothing valid waits."""
        with self._lock, self._store.session():
            self._calculator.settle_left_over()
            header = self._header()
            rows, run, dropped = self._execute(header, self._mempool.first(self._settings.core_batch_transactions))
            if run is not None:
                self._record(header, rows, run)
                self._calculator.settle(header.batch_number)
            if dropped:
                self._judge_again()
            elif not self._mempool.size():
                self._admission.clear()
            if run is None:
                return None
        log.info("batch.sealed", batch=header.batch_number, transactions=len(rows), cycles=run.cycles)
        return header.batch_number

    def _execute(self, header: Header, rows: list[Transaction]) -> tuple[list[Transaction], Run | None, bool]:
        """Run the program on the batch until every transaction in it is valid; say whether some were not.

        Invalid ones leave the mempool, since they were valid only against a state that did not come. When the
        batch's gas is spent the rest waits for the next batch.
        """
        dropped = False
        while rows:
            views = [chain.view(row) for row in rows]
            section = self._calculator.partial(touched_accounts(header.fee_recipient, views))
            run = self._program.run(encode(header, [row.content for row in rows], section))
            judged = [(row, result.status) for row, result in zip(rows, run.results, strict=True)]
            full = next((place for place, (_, status) in enumerate(judged) if status is Status.BATCH_GAS), None)
            if full:
                rows = rows[:full]
                continue
            invalid = [(row, status) for row, status in judged if status is not Status.EXECUTED]
            if not invalid:
                return rows, run, dropped
            self._drop(invalid)
            dropped = True
            rows = [row for row, status in judged if status is Status.EXECUTED]
        return [], None, dropped

    def _record(self, header: Header, rows: list[Transaction], run: Run) -> None:
        accounts = [[diff.address.hex(), diff.nonce, str(diff.balance)] for diff in run.diffs]
        traceparent = mark("seal batch", batch=header.batch_number, transactions=len(rows))
        with self._store.atomic():
            for place, (row, result) in enumerate(zip(rows, run.results, strict=True)):
                _write_receipt(row, header.batch_number, place, result)
            Batch.create(
                number=header.batch_number,
                status=BatchStatus.SEALED,
                sealed_at=self._clock(),
                timestamp=header.timestamp,
                context=json.dumps(header.as_json()),
                transactions=len(rows),
                new_accounts=json.dumps(accounts),
                old_root=self._calculator.root,
                traceparent=traceparent or None,
            )

    def _judge_again(self) -> None:
        waiting = self._mempool.first(self._settings.core_mempool_limit)
        self._drop(self._admission.restart(self._header(), waiting))

    def _drop(self, invalid: Iterable[tuple[Transaction, Status]]) -> None:
        dropped = [(row, f"{status.name}: {MESSAGES[status]}") for row, status in invalid]
        for row, reason in dropped:
            log.warning("transaction.dropped", hash=row.hash.hex(), reason=reason)
        self._mempool.drop(dropped)

    def _header(self) -> Header:
        last = Batch.select().order_by(Batch.number.desc()).get()
        return Header(
            protocol_version=self._protocol_version,
            chain_id=self._chain_id,
            batch_number=last.number + 1,
            timestamp=max(int(self._clock()), last.timestamp),
            fee_recipient=self._genesis.fee_recipient,
            base_fee=self._genesis.base_fee,
            gas_limit=self._genesis.gas_limit,
        )


def _write_receipt(row: Transaction, number: int, place: int, result: Result) -> None:
    row.status = TransactionStatus.SEALED
    row.batch_number = number
    row.batch_index = place
    row.gas_used = result.gas_used
    row.gas_price = result.gas_price
    row.save()
