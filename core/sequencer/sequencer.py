"""Takes transactions one by one, and seals batches by count, size, gas, proving cost or time, or on call."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from peewee import DatabaseError, DataError

from core.batches.metadata_calculator import MetadataCalculator
from core.batches.settlement import Settlement
from core.formats.transactions import read_transaction, touched_accounts
from core.formats.witness_input import Header, encode
from core.program.state_transition import Program, Result, Run, Status
from core.sequencer.admission import MESSAGES, Refused, judge
from core.sequencer.mempool import Mempool
from core.sequencer.waiting import Bounds, Entry
from core.settings import CoreSettings
from core.state import chain
from core.state.chain import Account
from core.state.genesis import Genesis
from core.store import Batch, BatchStatus, Store, Transaction, TransactionStatus
from runtime.errors import ConfigurationError, Unavailable
from runtime.logging import get_logger
from runtime.os_errors import resource_error
from runtime.telemetry import mark

#: Seconds between two looks for transactions that have waited too long.
EXPIRY_SECONDS = 1.0

#: What a transaction that is valid now may still fail for in this batch, and stays in the mempool for: one before it
#: fell away, or the batch is full.
_LATER = frozenset({Status.NONCE_TOO_HIGH, Status.BATCH_GAS})

log = get_logger(__name__)


class Sequencer:
    """The mempool and the seal.

    Safe to call from several threads. One lock guards the mempool and is held for moments only; another one keeps
    two seals apart, so that transactions are taken while a batch is being sealed.

    Parameters
    ----------
    store, program, calculator
        Core's rows, the state-transition program, and the owner of the state tree.
    settlement
        Takes over what is sealed.
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
        settlement: Settlement,
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
        self._settlement = settlement
        self._genesis = genesis
        self._settings = settings
        self._clock = clock
        self._lock = threading.RLock()
        self._sealing = threading.Lock()
        self._mempool = Mempool(store, settings, genesis.fee_recipient)
        self._bounds = Bounds(
            settings.core_batch_transactions, genesis.gas_limit, settings.core_batch_bytes, settings.core_batch_cycles
        )
        #: States the batch for runs on one transaction alone; no rule depends on a batch's number or time.
        self._door = Header(
            protocol_version,
            chain_id,
            1,
            genesis.timestamp,
            genesis.fee_recipient,
            genesis.base_fee,
            genesis.gas_limit,
        )
        self._looked_at = float("-inf")
        self._unsettled = False

    def start(self) -> None:
        """Take up what waited when the process ended. Call once every sealed batch is settled."""
        with self._lock, self._store.session():
            waiting = Transaction.select().where(Transaction.status == TransactionStatus.PENDING)
            for row in waiting.order_by(Transaction.id):
                view = chain.view(row)
                account = self._mempool.account_before(view)
                try:
                    if account.nonce != row.nonce:
                        raise Refused(Status.NONCE_TOO_LOW)
                    # A release before this one did not write down what the run at the door did.
                    known = row.gas_price is not None
                    judged = None if known else judge(self._program, self._door, row.content, view, account)
                    self._mempool.load(row, judged)
                except Refused as error:
                    row.status, row.reason = TransactionStatus.DROPPED, _reason(error.status)
                    row.save()

    def submit(self, raw: bytes) -> bytes:
        """Take a raw signed transaction into the mempool and return its hash.

        Raises
        ------
        UnreadableTransaction, Refused, Known, Underpriced, MempoolFull
        """
        view = read_transaction(raw)
        with self._store.session():
            with self._lock:
                again = self._mempool.dropped_before(view.hash)
                terms = self._mempool.terms(view)
            judged = judge(self._program, self._door, raw, view, terms)
            with self._lock:
                self._mempool.add(raw, view, judged, self._clock(), again=again)
        log.info("transaction.admitted", hash=view.hash.hex(), sender=view.sender.hex(), nonce=view.nonce)
        return view.hash

    def pending_account(self, address: bytes) -> Account:
        """Return an account's value after every waiting transaction that has no gap before it."""
        with self._lock, self._store.session():
            return self._mempool.waiting.pending(address)

    def tip_of_next_batch(self) -> int:
        """Return the tip per gas, in wei, that gets a transaction into the next batch as far as is known now."""
        with self._lock:
            prices = heapq.nlargest(self._bounds.transactions, (entry.price for entry in self._mempool.waiting.ready()))
        if len(prices) < self._bounds.transactions:
            return 0
        return prices[-1] - self._genesis.base_fee + 1

    def due(self) -> bool:
        """Return whether a batch is to be sealed now, because one is full or by time.

        A transaction that came in the future came before the clock stepped back: its time is over.
        """
        now, seconds = self._clock(), self._settings.core_batch_seconds
        with self._lock:
            if self._mempool.waiting.fills(self._bounds):
                return True
            oldest = min((entry.received_at for entry in self._mempool.waiting.ready()), default=None)
        return bool(seconds) and oldest is not None and not 0 <= now - oldest < seconds

    def waiting(self) -> int:
        """Return how many transactions wait."""
        with self._lock:
            return len(self._mempool.waiting)

    def expire(self) -> None:
        """Drop what has waited too long, where it is time to look for it."""
        now = self._clock()
        if 0 <= now - self._looked_at < EXPIRY_SECONDS:
            return
        self._looked_at = now
        with self._lock, self._store.session():
            self._mempool.expire(now)

    def seal(self) -> int | None:
        """Seal a batch of what waits and settle its state; None when nothing valid waits."""
        with self._sealing, self._store.session():
            if self._settlement.settle_state() or self._unsettled:
                with self._lock:
                    self._mempool.waiting.reload()
                    self._unsettled = False
            self.expire()
            number, before = None, self.waiting() + 1
            # What is dropped makes room: look again, as long as something is.
            while number is None and self.waiting() < before:
                before = self.waiting()
                with self._lock:
                    chosen = self._mempool.waiting.select(self._bounds)
                    self._mempool.chosen = frozenset(chosen)
                try:
                    number = self._seal_some(chosen)
                finally:
                    self._mempool.chosen = frozenset()
            return number

    def _seal_some(self, chosen: Sequence[Entry]) -> int | None:
        """Seal the chosen transactions, or as many as do not break the seal; the one that does is dropped."""
        while chosen:
            try:
                return self._seal(chosen)
            except (ConfigurationError, Unavailable, OSError):
                raise
            except Exception as error:
                if resource_error(error) or (isinstance(error, DatabaseError) and not isinstance(error, DataError)):
                    raise
                log.exception("seal.broken", transactions=len(chosen))
                if len(chosen) == 1:
                    with self._lock:
                        reason = f"breaks the seal: {type(error).__name__}: {error}"
                        self._mempool.drop([(chosen[0], reason[:2000])])
                chosen = chosen[: len(chosen) // 2]
        return None

    def _seal(self, chosen: Sequence[Entry]) -> int | None:
        # The program's rule is that a transaction's gas limit fits into what the batch has left. Batches are bounded by
        # the gas used, as wallets set limits far above it: with twice the limit stated, that rule always holds.
        header = self._header(2 * self._genesis.gas_limit)
        entries, rows, run = self._execute(header, chosen)
        if run is None:
            return None
        accounts = {diff.address: Account(diff.nonce, diff.balance) for diff in run.diffs}
        with self._lock:
            failure: Exception | None = None
            with self._store.atomic():
                self._record(header, rows, run)
                try:
                    self._settlement.settle_state()
                except OSError as error:
                    # The batch is sealed and will be settled once the disk is back.
                    failure = error
            self._mempool.waiting.settle(accounts)
            self._mempool.waiting.remove(entries)
        if failure is not None:
            self._unsettled = True
            raise failure
        log.info("batch.sealed", batch=header.batch_number, transactions=len(rows), cycles=run.cycles)
        return header.batch_number

    def _execute(
        self, header: Header, chosen: Sequence[Entry]
    ) -> tuple[Sequence[Entry], list[Transaction], Run | None]:
        """Run the program on the batch until every transaction in it is valid.

        Invalid ones leave the mempool, since they were valid only against a state that did not come.
        """
        while chosen:
            rows = self._mempool.rows(chosen)
            section = self._calculator.partial(
                touched_accounts(header.fee_recipient, [chain.view(row) for row in rows])
            )
            run = self._program.run(encode(header, [row.content for row in rows], section))
            judged = [(entry, result.status) for entry, result in zip(chosen, run.results, strict=True)]
            valid = [entry for entry, status in judged if status is Status.EXECUTED]
            if len(valid) == len(chosen):
                return chosen, rows, run
            invalid = [(entry, _reason(status)) for entry, status in judged if status not in _LATER | {Status.EXECUTED}]
            with self._lock:
                self._mempool.drop(invalid)
            chosen = valid
        return [], [], None

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

    def _header(self, gas_limit: int) -> Header:
        last = Batch.select().order_by(Batch.number.desc()).get()
        return replace(
            self._door,
            batch_number=last.number + 1,
            timestamp=max(int(self._clock()), last.timestamp),
            gas_limit=min(gas_limit, (1 << 64) - 1),
        )


def _reason(status: Status) -> str:
    return f"{status.name}: {MESSAGES[status]}"


def _write_receipt(row: Transaction, number: int, place: int, result: Result) -> None:
    row.status = TransactionStatus.SEALED
    row.batch_number = number
    row.batch_index = place
    row.gas_used = result.gas_used
    row.gas_price = result.gas_price
    row.save()
