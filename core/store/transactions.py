"""The statements that every transaction passes, written as SQL and run for many at once.

An ORM takes longer to put such a statement together than the database to execute it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from peewee import fn

from core.store.database import Store
from core.store.models import Transaction, TransactionStatus

#: Values in one statement; SQLite takes 32,766, PostgreSQL 65,535.
_AT_ONCE = 500

_TABLE = Transaction._meta.table_name
_INSERT = (
    f"INSERT INTO {_TABLE} (id, hash, content, sender, nonce, received_at, status, batch_number, batch_index, "
    "gas_used, gas_price, cycles) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)"
)
_DROP = f"UPDATE {_TABLE} SET status = '{TransactionStatus.DROPPED}', reason = ? WHERE id = ?"
_FAIL = f"UPDATE {_TABLE} SET reason = ? WHERE id = ?"
_OF_BATCH = (
    f"SELECT hash, content, sender, status, reason, batch_index, gas_used, gas_price FROM {_TABLE} "
    "WHERE batch_number = ? ORDER BY batch_index"
)
_REMOVE_DROPPED = f"DELETE FROM {_TABLE} WHERE hash = ? AND status = '{TransactionStatus.DROPPED}'"
_RECEIPT = (
    f"UPDATE {_TABLE} SET status = '{TransactionStatus.SEALED}', batch_number = ?, batch_index = ?, gas_used = ?, "
    "gas_price = ? WHERE id = ?"
)


class NewRow(NamedTuple):
    """A transaction that comes to wait; gas, price and cycles are those of the run at the door."""

    id: int
    hash: bytes
    content: bytes
    sender: bytes
    nonce: int
    received_at: float
    gas_used: int
    gas_price: int
    cycles: int


class StoredTransaction(NamedTuple):
    """What a row says of a transaction that is in a batch."""

    hash: bytes
    content: bytes
    sender: bytes
    status: str
    reason: str | None
    batch_index: int
    gas_used: int
    gas_price: int


def of_batch(number: int) -> list[StoredTransaction]:
    """Return the transactions of a batch in order."""
    database = Transaction._meta.database
    found = database.execute_sql(_OF_BATCH.replace("?", database.param), (number,)).fetchall()
    return [
        StoredTransaction(
            *(bytes.fromhex(digest), bytes.fromhex(content), bytes.fromhex(sender), status, reason, index, gas),
            int(price, 16),
        )
        for digest, content, sender, status, reason, index, gas, price in found
    ]


def next_id() -> int:
    """Return the first row number above every one in use."""
    return int(Transaction.select(fn.MAX(Transaction.id)).scalar() or 0) + 1


def statuses(store: Store, digests: Sequence[bytes]) -> dict[bytes, TransactionStatus]:
    """Return where the transactions with these hashes stand, without those that are not there."""
    texts = [digest.hex() for digest in digests]
    rows = _select(store, "hash, status", "hash", texts)
    return {bytes.fromhex(text): TransactionStatus(status) for text, status in rows}


def contents(store: Store, ids: Sequence[int]) -> list[bytes]:
    """Return the raw transactions of these rows, in their order."""
    found = {number: bytes.fromhex(text) for number, text in _select(store, "id, content", "id", ids)}
    return [found[number] for number in ids]


def insert(store: Store, rows: Iterable[NewRow]) -> None:
    """Write transactions that wait from now on."""
    values = [
        (
            *(row.id, row.hash.hex(), row.content.hex(), row.sender.hex(), f"{row.nonce:064x}", row.received_at),
            *(TransactionStatus.PENDING.value, row.gas_used, f"{row.gas_price:064x}", row.cycles),
        )
        for row in rows
    ]
    store.execute_many(_INSERT, values)


def remove_dropped(store: Store, digests: Iterable[bytes]) -> None:
    """Remove the rows of transactions that were dropped: the same come again."""
    store.execute_many(_REMOVE_DROPPED, [(digest.hex(),) for digest in digests])


def drop(store: Store, reasons: Iterable[tuple[int, str]]) -> None:
    """Mark rows as dropped, each with its reason."""
    store.execute_many(_DROP, [(reason, number) for number, reason in reasons])


def write_receipts(store: Store, batch: int, receipts: Iterable[tuple[int, int, int]]) -> None:
    """Mark rows as sealed in a batch, in this order: each its number, gas used and effective price."""
    values = [
        (batch, place, gas_used, f"{gas_price:064x}", number)
        for place, (number, gas_used, gas_price) in enumerate(receipts)
    ]
    store.execute_many(_RECEIPT, values)


def note_failures(store: Store, reasons: Iterable[tuple[int, str]]) -> None:
    """Note for rows in a batch that they were executed in vain, each with its reason."""
    store.execute_many(_FAIL, [(reason, number) for number, reason in reasons])


def _select(store: Store, columns: str, key: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        places = ", ".join("?" * len(some))
        found += store.query(f"SELECT {columns} FROM {_TABLE} WHERE {key} IN ({places})", some)
    return found
