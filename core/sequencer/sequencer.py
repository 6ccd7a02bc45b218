"""Takes transactions one by one, and seals batches by count, size, gas, proving cost or time, or on call."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

from eth_hash.auto import keccak
from peewee import DatabaseError, DataError

from core.batches.metadata_calculator import MetadataCalculator
from core.batches.settlement import Settlement
from core.formats.priority import Request
from core.formats.transactions import TransactionView, UnreadableTransaction, read_transaction, touched_accounts
from core.formats.witness_input import Header, encode
from core.program.state_transition import Journal, Program, Status
from core.sequencer.admission import MESSAGES, Applicant, Door, Judged, Refused
from core.sequencer.least_tip import LeastTip, TipTooLow
from core.sequencer.mempool import Mempool
from core.sequencer.waiting import Bounds, Entry
from core.settings import CoreSettings
from core.state import bridge, chain, versions
from core.state.chain import Account
from core.state.genesis import Genesis
from core.store import Batch, BatchStatus, PriorityRequest, Store, Transaction, TransactionStatus, transactions
from core.store.transactions import NewRow
from runtime.errors import ConfigurationError, HallmarkError, Unavailable
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
        self._first = Header(
            protocol_version,
            chain_id,
            1,
            genesis.timestamp,
            genesis.fee_recipient,
            genesis.base_fee,
            genesis.gas_limit,
        )
        self._door = Door(program, self._first)
        self.least_tip = LeastTip(
            settings.core_l1_fee_percent, settings.core_l1_fee_most_gwei * 10**9, settings.core_batch_transactions
        )
        self._looked_at = float("-inf")

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
                    self._mempool.load(
                        row, None if row.gas_price is not None else self._judge_again(row, view, account)
                    )
                except Refused as error:
                    row.status, row.reason = TransactionStatus.DROPPED, _reason(error.status)
                    row.save()

    def submit(self, raw: bytes) -> bytes:
        """Take a raw signed transaction into the mempool and return its hash.

        Raises
        ------
        UnreadableTransaction, Refused, Known, Underpriced, MempoolFull
        """
        [answer] = self.submit_all([raw])
        if isinstance(answer, HallmarkError):
            raise answer
        return answer

    def submit_all(self, raws: Sequence[bytes]) -> list[bytes | HallmarkError]:
        """Take raw signed transactions into the mempool, all of them by one run of the program and one durable write.

        Returns
        -------
        list
            For each its hash, or what :meth:`submit` would raise.
        """
        answers: dict[int, bytes | HallmarkError | None] = {}
        read: dict[int, tuple[bytes, TransactionView]] = {}
        for place, raw in enumerate(raws):
            try:
                read[place] = raw, read_transaction(raw)
            except UnreadableTransaction as error:
                answers[place] = error
        with self._store.session():
            answers |= zip(read, self._take(list(read.values())), strict=True)
            for place, each in read.items():
                if answers[place] is None:
                    [answers[place]] = self._take([each])
        found = [answers[place] for place in range(len(raws))]
        log.debug("transactions.taken", transactions=sum(isinstance(answer, bytes) for answer in found))
        return [answer for answer in found if answer is not None]

    def _take(self, read: Sequence[tuple[bytes, TransactionView]]) -> list[bytes | HallmarkError | None]:
        """Judge transactions together and take those in that pass; None for what is to be judged alone."""
        with self._lock:
            answers: list[Any] = list(self._mempool.applicants(read))
            applicants = {place: each for place, each in enumerate(answers) if isinstance(each, Applicant)}
            accounts = self._accounts([each.view for each in applicants.values()])
        if len(applicants) == 1 == len(read):
            try:
                verdicts: list[Judged | None] = [self._door.judge_alone(answers[0], accounts)]
            except HallmarkError as error:
                return [error]
        else:
            verdicts = self._door.judge(list(applicants.values()), accounts) if applicants else []
        judged = {place: verdict for place, verdict in zip(applicants, verdicts, strict=True) if verdict is not None}
        cheap = self._underpriced(judged)
        for place in cheap:
            del judged[place]
        with self._lock:
            taken = self._mempool.add([(answers[place], verdict) for place, verdict in judged.items()], self._clock())
        answers = [None if place in applicants else answer for place, answer in enumerate(answers)]
        for place, refusal in zip(judged, taken, strict=True):
            answers[place] = refusal or read[place][1].hash
        for place, refused in cheap.items():
            answers[place] = refused
        return answers

    def _underpriced(self, judged: Mapping[int, Judged]) -> dict[int, TipTooLow]:
        """Return the refusals of those that pay less than the least tip."""
        found = {}
        for place, verdict in judged.items():
            try:
                self.least_tip.require(verdict.result.gas_price, self._genesis.base_fee)
            except TipTooLow as error:
                found[place] = error
        return found

    def _accounts(self, views: Sequence[TransactionView]) -> dict[bytes, Account]:
        """Return the newest state of what transactions touch."""
        touched = touched_accounts(self._genesis.fee_recipient, views)
        return {address: self._mempool.newest.account(address) for address in touched}

    def _judge_again(self, row: Transaction, view: TransactionView, account: Account) -> Judged:
        """Judge a row of a release that did not write down what the run at the door did."""
        return self._door.judge_alone(Applicant(row.content, view, account), self._accounts([view]))

    def pending_account(self, address: bytes) -> Account:
        """Return an account's value after every waiting transaction that has no gap before it."""
        with self._lock, self._store.session():
            return self._mempool.waiting.pending(address)

    def tip_of_next_batch(self) -> int:
        """Return the tip per gas, in wei, that gets a transaction into the next batch as far as is known now.

        It is always enough for the door.
        """
        least = self.least_tip.suggested
        with self._lock:
            prices = heapq.nlargest(self._bounds.transactions, (entry.price for entry in self._mempool.waiting.ready()))
        if len(prices) < self._bounds.transactions:
            return least
        return max(least, prices[-1] - self._genesis.base_fee + 1)

    def due(self) -> bool:
        """Return whether a batch is to be sealed now, because one is full or by time.

        A transaction that came in the future came before the clock stepped back: its time is over.
        """
        now, seconds = self._clock(), self._settings.core_batch_seconds
        with self._lock:
            if self._mempool.waiting.fills(self._bounds):
                return True
            times = [entry.received_at for entry in self._mempool.waiting.ready()]
        with self._store.session():
            requested = bridge.oldest_waiting()
        oldest = min(times if requested is None else [*times, requested], default=None)
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
            if self._settlement.settle_state() or self._mempool.newest.is_ahead:
                with self._lock:
                    self._mempool.reload()
            self.expire()
            number, before = None, self.waiting() + 1
            requests = bridge.waiting_requests()
            # What is dropped makes room: look again, as long as something is.
            while number is None and self.waiting() < before:
                before = self.waiting()
                with self._lock:
                    chosen = self._mempool.waiting.select(self._bounds)
                    self._mempool.chosen = frozenset(chosen)
                try:
                    number = self._seal_some(chosen, requests)
                finally:
                    self._mempool.chosen = frozenset()
            if number is not None:
                # What fails from here on leaves a batch that is sealed, and settled once that is possible.
                self._settlement.settle_state()
                with self._lock:
                    self._mempool.newest.settle()
            return number

    def _seal_some(self, chosen: Sequence[Entry], requests: Sequence[Request]) -> int | None:
        """Seal the chosen transactions, or as many as do not break the seal; the one that does is dropped."""
        if chosen or requests:
            header = self._header(0)
            versions.require_ours(self._store, header.batch_number, header.protocol_version, self._program.commitment)
        while chosen or requests:
            try:
                return self._seal(chosen, requests)
            except (ConfigurationError, Unavailable, OSError):
                raise
            except Exception as error:
                if resource_error(error) or (isinstance(error, DatabaseError) and not isinstance(error, DataError)):
                    raise
                log.exception("seal.broken", transactions=len(chosen))
                if not chosen:
                    raise
                if len(chosen) == 1:
                    with self._lock:
                        reason = f"breaks the seal: {type(error).__name__}: {error}"
                        self._mempool.drop([(chosen[0], reason[:2000])])
                chosen = chosen[: len(chosen) // 2]
        return None

    def _seal(self, chosen: Sequence[Entry], requests: Sequence[Request]) -> int | None:
        # The program's rule is that a transaction's gas limit fits into what the batch has left. Batches are bounded by
        # the gas used, as wallets set limits far above it: with twice the limit stated, that rule always holds.
        header = self._header(2 * self._genesis.gas_limit)
        entries, journal = self._execute(header, chosen, requests)
        if journal is None:
            return None
        accounts = {diff.address: Account(diff.nonce, diff.balance) for diff in journal.diffs}
        with self._lock:
            with self._store.atomic():
                self._record(header, entries, requests, journal)
            self._mempool.seal(entries, accounts)
        log.info("batch.sealed", batch=header.batch_number, transactions=len(entries), requests=len(requests))
        return header.batch_number

    def _execute(
        self, header: Header, chosen: Sequence[Entry], requests: Sequence[Request]
    ) -> tuple[Sequence[Entry], Journal | None]:
        """Run the program on the batch until every transaction in it is valid.

        Invalid ones leave the mempool, since they were valid only against a state that did not come. Requests from L1
        stay whatever becomes of them.
        """
        section_of_requests = bridge.section(requests)
        while chosen or requests:
            touched = dict.fromkeys([header.fee_recipient])
            for request in requests:
                touched |= dict.fromkeys([request.sender, request.account])
            for entry in chosen:
                touched |= dict.fromkeys([entry.sender, entry.to] if entry.to else [entry.sender])
            section = self._calculator.partial(list(touched))
            content = encode(header, self._mempool.contents(chosen), section, section_of_requests)
            journal = self._program.judge(content, with_hints=True)
            results = journal.results[len(requests) :]
            judged = [(entry, result.status) for entry, result in zip(chosen, results, strict=True)]
            valid = [entry for entry, status in judged if status is Status.EXECUTED]
            if len(valid) == len(chosen):
                return chosen, journal
            invalid = [(entry, _reason(status)) for entry, status in judged if status not in _LATER | {Status.EXECUTED}]
            with self._lock:
                self._mempool.drop(invalid)
            chosen = valid
        return [], None

    def _record(self, header: Header, entries: Sequence[Entry], requests: Sequence[Request], journal: Journal) -> None:
        accounts = [[diff.address.hex(), diff.nonce, str(diff.balance)] for diff in journal.diffs]
        traceparent = mark("seal batch", batch=header.batch_number, transactions=len(entries))
        first = self._mempool.reserve(len(requests))
        rows = [*range(first, first + len(requests)), *(entry.row for entry in entries)]
        judged = list(zip(rows, journal.results, strict=True))
        receipts = [(row, result.gas_used, result.gas_price) for row, result in judged]
        failures = [(row, result.status.name) for row, result in judged if result.status is not Status.EXECUTED]
        with self._store.atomic():
            transactions.insert(self._store, map(_row, rows, requests, repeat(self._clock())))
            transactions.note_failures(self._store, failures)
            _take(requests, header.batch_number)
            transactions.write_receipts(self._store, header.batch_number, receipts)
            Batch.create(
                number=header.batch_number,
                status=BatchStatus.SEALED,
                sealed_at=self._clock(),
                timestamp=header.timestamp,
                context=json.dumps(header.as_json()),
                protocol_version=header.protocol_version,
                program_commitment=bytes.fromhex(self._program.commitment),
                transactions=len(rows),
                requests=len(requests),
                new_accounts=json.dumps(accounts),
                old_root=self._calculator.root,
                traceparent=traceparent or None,
            )

    def _header(self, gas_limit: int) -> Header:
        last = Batch.select().order_by(Batch.number.desc()).get()
        return replace(
            self._first,
            batch_number=last.number + 1,
            timestamp=max(int(self._clock()), last.timestamp),
            gas_limit=min(gas_limit, (1 << 64) - 1),
        )


def _row(number: int, request: Request, now: float) -> NewRow:
    """Return the row of the transaction that stands for a request."""
    content = request.transaction()
    return NewRow(number, keccak(content), content, request.sender, request.number, now, 0, 0, 0)


def _take(requests: Sequence[Request], batch: int) -> None:
    """Note which batch has requests."""
    if requests:
        taken = PriorityRequest.number.between(requests[0].number, requests[-1].number)
        PriorityRequest.update(batch_number=batch).where(taken).execute()


def _reason(status: Status) -> str:
    return f"{status.name}: {MESSAGES[status]}"
