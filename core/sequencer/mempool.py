"""Transactions that wait for a batch, in the order in which they arrived; they survive a restart."""

from __future__ import annotations

from peewee import IntegrityError, fn

from core.store import Store, Transaction, TransactionStatus
from core.transactions import TransactionView
from runtime.errors import InvalidInput, Unavailable


class Known(InvalidInput):
    """The transaction is in the mempool or in a batch already."""

    code = "transaction_known"


class MempoolFull(Unavailable):
    """Too many transactions wait for a batch."""

    code = "mempool_full"
    default_remedy = "Send it again after the next batch, or raise HALLMARK_CORE_MEMPOOL_LIMIT."


class Mempool:
    """The pending rows of one store.

    Parameters
    ----------
    store
        Core's rows.
    limit
        Transactions that may wait.
    """

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._limit = limit

    def refuse_early(self, digest: bytes) -> None:
        """Refuse a transaction before any work is spent on it.

        Raises
        ------
        Known
            It waits or is in a batch. One that was dropped may come again.
        MempoolFull
        """
        row = Transaction.get_or_none(Transaction.hash == digest)
        if row is not None and row.status != TransactionStatus.DROPPED:
            raise Known()
        if self.size() >= self._limit:
            raise MempoolFull(f"{self._limit} transactions wait already.")

    def add(self, raw: bytes, view: TransactionView, received_at: float) -> None:
        """Append an admitted transaction.

        Raises
        ------
        Known
        """
        with self._store.atomic():
            Transaction.delete().where(
                Transaction.hash == view.hash, Transaction.status == TransactionStatus.DROPPED
            ).execute()
            try:
                Transaction.create(
                    hash=view.hash,
                    content=raw,
                    sender=view.sender,
                    nonce=view.nonce,
                    received_at=received_at,
                    status=TransactionStatus.PENDING,
                )
            except IntegrityError as error:
                raise Known() from error

    def first(self, count: int) -> list[Transaction]:
        """Return up to `count` waiting transactions, oldest first."""
        pending = Transaction.select().where(Transaction.status == TransactionStatus.PENDING)
        return list(pending.order_by(Transaction.id).limit(count))

    def size(self) -> int:
        """Return how many wait."""
        return int(Transaction.select().where(Transaction.status == TransactionStatus.PENDING).count())

    def oldest(self) -> float | None:
        """Return when the oldest waiting transaction arrived, or None."""
        pending = Transaction.select(fn.MIN(Transaction.received_at))
        arrived = pending.where(Transaction.status == TransactionStatus.PENDING).scalar()
        return None if arrived is None else float(arrived)

    def drop(self, rows: list[tuple[Transaction, str]]) -> None:
        """Take transactions out of the mempool, each with its reason."""
        with self._store.atomic():
            for row, reason in rows:
                row.status = TransactionStatus.DROPPED
                row.reason = reason
                row.save()
