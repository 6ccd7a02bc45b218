"""Which transactions may wait for a batch, and their rows; they survive a restart.

Gaps in an account's nonces are allowed and wait to be filled. Limits are on the whole, on each account, and on time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.formats.transactions import TransactionView
from core.program.state_transition import Result, Status
from core.sequencer.admission import Applicant, Judged, Refused
from core.sequencer.newest import Newest
from core.sequencer.waiting import Entry, Waiting
from core.settings import CoreSettings
from core.state import chain
from core.state.chain import Account
from core.store import Store, Transaction, TransactionStatus, transactions
from core.store.transactions import NewRow
from runtime.errors import HallmarkError, InvalidInput, Unavailable
from runtime.logging import get_logger

log = get_logger(__name__)


class Known(InvalidInput):
    """The transaction is in the mempool or in a batch already."""

    code = "transaction_known"


class Underpriced(InvalidInput):
    """A transaction would replace a waiting one and does not pay enough more."""

    code = "replacement_underpriced"
    default_remedy = "Raise fee cap and tip above those of the waiting transaction with this nonce."


class MempoolFull(Unavailable):
    """Too many transactions wait for a batch."""

    code = "mempool_full"
    default_remedy = "Send it again after the next batch, pay more, or raise HALLMARK_CORE_MEMPOOL_LIMIT."


class Mempool:
    """The waiting transactions of one store. Not safe for several threads: the sequencer locks.

    Parameters
    ----------
    store
        Core's rows.
    settings
        Limits.
    fee_recipient
        Receives every fee.
    """

    def __init__(self, store: Store, settings: CoreSettings, fee_recipient: bytes) -> None:
        self._store = store
        self._settings = settings
        self.newest = Newest()
        self.waiting = Waiting(self.newest.account, fee_recipient)
        #: The first free row number; None until it is asked for.
        self._next_row: int | None = None
        #: Chosen for a batch that is being sealed: neither replaced nor dropped.
        self.chosen: frozenset[Entry] = frozenset()

    def applicants(self, read: Sequence[tuple[bytes, TransactionView]]) -> list[Applicant | HallmarkError]:
        """Return raw transactions as they are judged, or what each is refused for before any work is spent on it."""
        seen = transactions.statuses(self._store, [view.hash for _, view in read])
        answers: list[Applicant | HallmarkError] = []
        for raw, view in read:
            try:
                _check_unknown(view, seen)
                answers.append(Applicant(raw, view, self.terms(view)))
            except (InvalidInput, Unavailable) as error:
                answers.append(error)
        return answers

    def terms(self, view: TransactionView) -> Account:
        """Return the account that a new transaction is judged against, or refuse it before any work is spent on it.

        Raises
        ------
        Known
            It waits.
        Underpriced
            It would replace one and does not pay enough more.
        Refused
            The one with its nonce is being sealed.
        MempoolFull
        """
        queue = self.waiting.queue(view.sender)
        replaced = queue.entries.get(view.nonce)
        if replaced is not None:
            self._check_replacement(replaced, view)
        elif len(queue.entries) >= self._settings.core_mempool_account_limit:
            raise MempoolFull(
                f"account limit exceeded: {len(queue.entries)} transactions of this account wait already."
            )
        elif view.nonce >= queue.account.nonce:
            self._room(view.sender, view.gas_price)
        return self.account_before(view)

    def account_before(self, view: TransactionView) -> Account:
        """Return the sender's account as a transaction will find it; its nonce is another one when that is used."""
        queue = self.waiting.queue(view.sender)
        balance = self.waiting.balance(view.sender, without=queue.entries.get(view.nonce))
        return Account(max(view.nonce, queue.account.nonce), balance)

    def add(self, judged: Sequence[tuple[Applicant, Judged]], received_at: float) -> list[HallmarkError | None]:
        """Take in transactions that were judged, all in one durable transaction; the state may have moved since.

        Returns
        -------
        list
            For each None, or what it is refused for: see :meth:`terms`.
        """
        seen = transactions.statuses(self._store, [applicant.view.hash for applicant, _ in judged])
        change = _Change()
        answers: list[HallmarkError | None] = []
        for applicant, verdict in judged:
            try:
                _check_unknown(applicant.view, seen)
                self._admit(applicant, verdict, received_at, change)
                answers.append(None)
            except (InvalidInput, Unavailable) as error:
                answers.append(error)
        try:
            with self._store.atomic():
                transactions.remove_dropped(self._store, [row.hash for row in change.rows if row.hash in seen])
                transactions.insert(self._store, change.rows)
                self._write_dropped(change.dropped)
        except BaseException:
            self.waiting.remove(change.entries)
            for entry, _ in change.dropped:
                if entry not in change.entries:
                    self.waiting.put(entry)
            raise
        return answers

    def _admit(self, applicant: Applicant, judged: Judged, received_at: float, change: _Change) -> None:
        raw, view, result = applicant.raw, applicant.view, judged.result
        account = self.terms(view)
        if account.nonce != view.nonce:
            raise Refused(Status.NONCE_TOO_LOW)
        if account.balance < view.gas * view.gas_price + view.value:
            raise Refused(Status.INSUFFICIENT_BALANCE)
        if any(row.hash == view.hash for row in change.rows):
            raise Known()
        replaced = self.waiting.queue(view.sender).entries.get(view.nonce)
        evicted = None if replaced is not None else self._room(view.sender, result.gas_price)
        if replaced is not None:
            change.dropped.append((replaced, f"replaced by 0x{view.hash.hex()}"))
        if evicted is not None:
            change.dropped.append((evicted, "made room for a transaction that pays more"))
            self.waiting.remove([evicted])
        row = self.reserve(1)
        entry = _entry(row, len(raw), received_at, view, result, judged.cycles)
        change.entries.append(entry)
        change.rows.append(
            NewRow(
                row,
                view.hash,
                raw,
                view.sender,
                view.nonce,
                received_at,
                result.gas_used,
                result.gas_price,
                judged.cycles,
            )
        )
        self.waiting.put(entry)

    def load(self, row: Transaction, judged: Judged | None) -> None:
        """Take in a row that waited when the process ended; `judged` where the row does not say what its run did."""
        view = chain.view(row)
        result = judged.result if judged else Result(Status.EXECUTED, row.gas_used, row.sender, row.gas_price)
        cycles = judged.cycles if judged else row.cycles
        self.waiting.put(_entry(row.id, len(row.content), row.received_at, view, result, cycles))

    def contents(self, entries: Sequence[Entry]) -> list[bytes]:
        """Return the raw transactions of entries, in their order."""
        return transactions.contents(self._store, [entry.row for entry in entries])

    def seal(self, entries: Sequence[Entry], accounts: Mapping[bytes, Account]) -> None:
        """Let entries go that are in a sealed batch, and note the new values that it gives to accounts.

        What waits with a nonce that a request from L1 has used is dropped.
        """
        self.newest.seal(accounts)
        self.waiting.settle(accounts)
        self.waiting.remove(entries)
        stale = [
            entry
            for address, account in accounts.items()
            for nonce, entry in self.waiting.queue(address).entries.items()
            if nonce < account.nonce
        ]
        if stale:
            self.drop([(entry, "a request from L1 used its nonce") for entry in stale])

    def reserve(self, count: int) -> int:
        """Return the first of `count` row numbers that nothing else gets."""
        first = self._next_row or transactions.next_id()
        self._next_row = first + count
        return first

    def reload(self) -> None:
        """Read the newest state again."""
        self.newest.forget()
        self.waiting.reload()

    def drop(self, dropped: Sequence[tuple[Entry, str]]) -> None:
        """Take transactions out of the mempool, each with its reason."""
        with self._store.atomic():
            self._write_dropped(dropped)
        self.waiting.remove(entry for entry, _ in dropped)

    def expire(self, now: float) -> None:
        """Drop what has waited too long."""
        limit = now - self._settings.core_mempool_seconds
        old = [entry for entry in self.waiting if entry.received_at < limit and entry not in self.chosen]
        if old:
            self.drop(
                [(entry, f"expired: {self._settings.core_mempool_seconds:.0f} s in the mempool") for entry in old]
            )

    def _check_replacement(self, replaced: Entry, view: TransactionView) -> None:
        if replaced.hash == view.hash:
            raise Known()
        if replaced in self.chosen:
            raise Refused(Status.NONCE_TOO_LOW)
        needed = 100 + self._settings.core_mempool_bump_percent
        if 100 * view.gas_price < needed * replaced.fee_cap or 100 * view.tip < needed * replaced.tip:
            raise Underpriced("replacement transaction underpriced")

    def _room(self, sender: bytes, price: int) -> Entry | None:
        """Return whom a transaction that pays this much per gas takes the place of, None where there is room."""
        if len(self.waiting) < self._settings.core_mempool_limit:
            return None
        cheapest = self.waiting.cheapest()
        if cheapest is None or cheapest in self.chosen or cheapest.sender == sender or cheapest.price >= price:
            raise MempoolFull(f"txpool is full: {len(self.waiting)} transactions wait that pay as much or more.")
        return cheapest

    def _write_dropped(self, dropped: Sequence[tuple[Entry, str]]) -> None:
        for entry, reason in dropped:
            log.warning("transaction.dropped", hash=entry.hash.hex(), reason=reason)
        transactions.drop(self._store, [(entry.row, reason) for entry, reason in dropped])


@dataclass
class _Change:
    """What a group of transactions does to the mempool, until it is written."""

    rows: list[NewRow] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    dropped: list[tuple[Entry, str]] = field(default_factory=list)


def _check_unknown(view: TransactionView, seen: Mapping[bytes, TransactionStatus]) -> None:
    """Refuse a transaction that waits or is in a batch; one that was dropped may come again."""
    if seen.get(view.hash, TransactionStatus.DROPPED) != TransactionStatus.DROPPED:
        raise Known()


def _entry(row: int, size: int, received_at: float, view: TransactionView, result: Result, cycles: int) -> Entry:
    return Entry(
        row=row,
        hash=view.hash,
        sender=view.sender,
        to=view.to or b"",
        nonce=view.nonce,
        value=view.value,
        size=size,
        fee_cap=view.gas_price,
        tip=view.tip,
        reserve=view.gas * view.gas_price + view.value,
        gas_used=result.gas_used,
        price=result.gas_price,
        cycles=cycles,
        received_at=received_at,
    )
