"""Core's record of its transactions to L1, written before anything is sent."""

from __future__ import annotations

from collections.abc import Callable

from peewee import ModelSelect
from web3.types import TxReceipt

from core.eth_sender.fees import Fees
from core.eth_sender.plan import Action
from core.store import L1Attempt, L1Transaction, L1TransactionStatus, Store

#: What is looked for in L1's blocks.
_OPEN = (L1TransactionStatus.PENDING, L1TransactionStatus.MINED)


class Ledger:
    """One account's transactions, one per nonce, and their signed forms. Call its methods in a session of the store.

    Parameters
    ----------
    store
        Core's rows.
    chain_id
        L1's. What was sent to another chain, or with another key, is no concern of this one.
    sender
        The account's address, 20 bytes.
    clock
        Seconds since the epoch.
    """

    def __init__(self, store: Store, chain_id: int, sender: bytes, clock: Callable[[], float]) -> None:
        self._store = store
        self._account = {"l1_chain_id": chain_id, "sender": sender}
        self._clock = clock

    def open(self, count: int | None = None) -> list[L1Transaction]:
        """Return the transactions that are not settled for good, by nonce.

        Parameters
        ----------
        count
            How many transactions of the account L1 has. With it, those that were settled on a chain that L1 has left
            are among them, however deep they were.
        """
        found = L1Transaction.status.in_(_OPEN)
        if count is not None:
            found |= L1Transaction.nonce >= count
        return list(self._rows().where(found).order_by(L1Transaction.nonce))

    def attempts(self, row: L1Transaction) -> list[L1Attempt]:
        """Return the signed forms of a transaction, the newest first."""
        return list(L1Attempt.select().where(L1Attempt.transaction_id == row.id).order_by(L1Attempt.id.desc()))

    def failures(self, action: Action) -> tuple[int, float]:
        """Return how often in a row a transaction for the same failed, and when it last did."""
        rows = (
            self._rows()
            .where(L1Transaction.action == action.kind, L1Transaction.last_batch == action.last)
            .order_by(L1Transaction.id.desc())
        )
        count, last = 0, 0.0
        for row in rows:
            if row.succeeded is not False:
                break
            count, last = count + 1, last or float(row.mined_at or 0)
        return count, last

    def begin(self, action: Action, nonce: int, gas: int, signed: tuple[bytes, bytes], fees: Fees) -> L1Transaction:
        """Record a transaction with its first signed form; only then it may be sent."""
        with self._store.atomic():
            row: L1Transaction = L1Transaction.create(
                **self._account,
                nonce=nonce,
                action=action.kind,
                first_batch=action.first,
                last_batch=action.last,
                data=action.data,
                gas=gas,
                status=L1TransactionStatus.PENDING,
                made_at=self._clock(),
            )
            self.add(row, signed, fees)
        return row

    def add(self, row: L1Transaction, signed: tuple[bytes, bytes], fees: Fees) -> None:
        """Record another signed form of a transaction."""
        content, digest = signed
        L1Attempt.create(
            transaction_id=row.id,
            hash=digest,
            content=content,
            most_fee=fees.most,
            priority_fee=fees.priority,
            made_at=self._clock(),
        )

    def mined(self, row: L1Transaction, receipt: TxReceipt, *, confirmed: bool) -> None:
        """Record the block that holds a transaction."""
        row.status = L1TransactionStatus.CONFIRMED if confirmed else L1TransactionStatus.MINED
        row.hash, row.block = bytes(receipt["transactionHash"]), int(receipt["blockNumber"])
        row.succeeded, row.gas_used = bool(receipt["status"]), int(receipt["gasUsed"])
        row.mined_at = row.mined_at or self._clock()
        row.save()

    def wait(self, row: L1Transaction) -> None:
        """Record that no block holds a transaction, or none any more."""
        row.status = L1TransactionStatus.PENDING
        row.hash = row.block = row.succeeded = row.gas_used = row.mined_at = None
        row.save()

    def lost(self, row: L1Transaction) -> None:
        """Record that something else took a transaction's nonce."""
        self.wait(row)
        row.status = L1TransactionStatus.LOST
        row.save()

    def _rows(self) -> ModelSelect[L1Transaction]:
        ours = [getattr(L1Transaction, name) == value for name, value in self._account.items()]
        return L1Transaction.select().where(*ours)
