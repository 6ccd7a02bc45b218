"""Which transactions may wait for a batch, and their rows; they survive a restart.

Gaps in an account's nonces are allowed and wait to be filled. Limits are on the whole, on each account, and on time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import IntegrityError

from core.formats.transactions import TransactionView
from core.program.state_transition import Result, Status
from core.sequencer.admission import Judged, Refused
from core.sequencer.waiting import Entry, Waiting
from core.settings import CoreSettings
from core.state import chain
from core.state.chain import Account
from core.store import Store, Transaction, TransactionStatus
from runtime.errors import InvalidInput, Unavailable
from runtime.logging import get_logger

log = get_logger(__name__)

#: Rows that one statement asks for.
_AT_ONCE = 500


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
        self.waiting = Waiting(chain.newest_account, fee_recipient)
        #: Chosen for a batch that is being sealed: neither replaced nor dropped.
        self.chosen: frozenset[Entry] = frozenset()

    def dropped_before(self, digest: bytes) -> bool:
        """Return whether a transaction was here and was dropped; it may come again.

        Raises
        ------
        Known
            It waits or is in a batch.
        """
        row = Transaction.select(Transaction.status).where(Transaction.hash == digest).first()
        if row is not None and row.status != TransactionStatus.DROPPED:
            raise Known()
        return row is not None

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

    def add(self, raw: bytes, view: TransactionView, judged: Judged, received_at: float, *, again: bool) -> None:
        """Take in a transaction that was judged; the state may have moved since.

        Parameters
        ----------
        again
            Its row is there already: it was dropped before.

        Raises
        ------
        Known, Underpriced, Refused, MempoolFull
            As for :meth:`terms`.
        """
        account = self.terms(view)
        if account.nonce != view.nonce:
            raise Refused(Status.NONCE_TOO_LOW)
        if account.balance < view.gas * view.gas_price + view.value:
            raise Refused(Status.INSUFFICIENT_BALANCE)
        replaced = self.waiting.queue(view.sender).entries.get(view.nonce)
        evicted = None if replaced is not None else self._room(view.sender, judged.result.gas_price)
        with self._store.atomic():
            if again:
                dropped = Transaction.status == TransactionStatus.DROPPED
                Transaction.delete().where(Transaction.hash == view.hash, dropped).execute()
            if replaced is not None:
                self._write_dropped([(replaced, f"replaced by 0x{view.hash.hex()}")])
            if evicted is not None:
                self._write_dropped([(evicted, "made room for a transaction that pays more")])
            try:
                row = Transaction.create(
                    hash=view.hash,
                    content=raw,
                    sender=view.sender,
                    nonce=view.nonce,
                    received_at=received_at,
                    status=TransactionStatus.PENDING,
                    gas_used=judged.result.gas_used,
                    gas_price=judged.result.gas_price,
                    cycles=judged.cycles,
                )
            except IntegrityError as error:
                raise Known() from error
        self.waiting.remove([evicted] if evicted is not None else [])
        self.waiting.put(_entry(row, view, judged.result, judged.cycles))

    def load(self, row: Transaction, judged: Judged | None) -> None:
        """Take in a row that waited when the process ended; `judged` where the row does not say what its run did."""
        view = chain.view(row)
        result = judged.result if judged else Result(Status.EXECUTED, row.gas_used, row.sender, row.gas_price)
        self.waiting.put(_entry(row, view, result, judged.cycles if judged else row.cycles))

    def rows(self, entries: Sequence[Entry]) -> list[Transaction]:
        """Return the rows of entries, in their order."""
        found: dict[int, Transaction] = {}
        for start in range(0, len(entries), _AT_ONCE):
            wanted = [entry.row for entry in entries[start : start + _AT_ONCE]]
            found |= {row.id: row for row in Transaction.select().where(Transaction.id.in_(wanted))}
        return [found[entry.row] for entry in entries]

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

    def _write_dropped(self, dropped: Iterable[tuple[Entry, str]]) -> None:
        for entry, reason in dropped:
            log.warning("transaction.dropped", hash=entry.hash.hex(), reason=reason)
            change = {"status": TransactionStatus.DROPPED, "reason": reason}
            Transaction.update(change).where(Transaction.id == entry.row).execute()


def _entry(row: Transaction, view: TransactionView, result: Result, cycles: int) -> Entry:
    return Entry(
        row=row.id,
        hash=view.hash,
        sender=view.sender,
        to=view.to or b"",
        nonce=view.nonce,
        value=view.value,
        size=len(row.content),
        fee_cap=view.gas_price,
        tip=view.tip,
        reserve=view.gas * view.gas_price + view.value,
        gas_used=result.gas_used,
        price=result.gas_price,
        cycles=cycles,
        received_at=row.received_at,
    )
