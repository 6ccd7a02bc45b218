"""Read access to the chain: accounts at a batch, receipts, batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from peewee import fn

from core.formats.priority import is_request, request_view
from core.formats.transactions import TransactionView, read_transaction
from core.store import AccountVersion, Batch, BatchStatus, Transaction, transactions
from core.store.transactions import StoredTransaction

#: Statuses of batches that are shown to wallets and provers: everything about them is final.
SETTLED = (BatchStatus.COMMITTED, BatchStatus.PROVEN, BatchStatus.SKIPPED)

#: Views that are kept, as most transactions are looked at several times on their way, and the longest of which one is.
_VIEWS, _VIEWED_BYTES = 4096, 1024

#: Accounts that one statement asks for.
_AT_ONCE = 500

#: Statuses of batches that wait for no proof.
PASSED = (BatchStatus.PROVEN, BatchStatus.SKIPPED)


@dataclass(frozen=True)
class Account:
    """An account's value; one that does not exist has nonce and balance zero."""

    nonce: int = 0
    balance: int = 0


def head() -> int:
    """Return the newest settled batch; 0 is genesis."""
    number = Batch.select(fn.MAX(Batch.number)).where(Batch.status.in_(SETTLED)).scalar()
    return int(number or 0)


def account_at(address: bytes, number: int) -> Account:
    """Return the account's value after batch `number`."""
    # The query that everything asks; peewee takes longer to put it together than the database to answer it.
    meta = AccountVersion._meta
    database = meta.database
    statement = (
        f"SELECT nonce, balance FROM {meta.table_name} WHERE address = {database.param} "
        f"AND batch_number <= {database.param} ORDER BY batch_number DESC LIMIT 1"
    )
    row = database.execute_sql(statement, (address.hex(), number)).fetchone()
    return Account() if row is None else Account(int(row[0], 16), int(row[1], 16))


def accounts_at(addresses: Sequence[bytes], number: int) -> list[Account]:
    """Return the values of accounts after batch `number`, in the order of their addresses here."""
    meta = AccountVersion._meta
    database, table = meta.database, meta.table_name
    found: dict[bytes, Account] = {}
    for start in range(0, len(addresses), _AT_ONCE):
        some = [address.hex() for address in addresses[start : start + _AT_ONCE]]
        newest = f"SELECT MAX(batch_number) FROM {table} WHERE address = v.address AND batch_number <= {database.param}"
        statement = (
            f"SELECT address, nonce, balance FROM {table} AS v WHERE address IN "
            f"({', '.join([database.param] * len(some))}) AND batch_number = ({newest})"
        )
        rows = database.execute_sql(statement, (*some, number)).fetchall()
        found |= {bytes.fromhex(address): Account(int(nonce, 16), int(balance, 16)) for address, nonce, balance in rows}
    return [found.get(address, Account()) for address in addresses]


def newest_account(address: bytes) -> Account:
    """Return the account's value in the newest state, settled or not."""
    return account_at(address, (1 << 63) - 1)


def accounts_changed_in(number: int, limit: int | None = None) -> dict[bytes, Account]:
    """Return the values that accounts took in batch `number`, by address; some of them where there is a limit."""
    rows = AccountVersion.select().where(AccountVersion.batch_number == number).limit(limit)
    return {row.address: Account(row.nonce, row.balance) for row in rows}


def account_rows_at(number: int, count: int) -> Iterator[list[tuple[str, str, str]]]:
    """Yield every account of the state after batch `number`, up to `count` at a time.

    Rows are as the database holds them, hex digits: address, nonce (64 digits), balance (64 digits); by address.
    """
    meta = AccountVersion._meta
    database, table = meta.database, meta.table_name
    newest = f"SELECT MAX(batch_number) FROM {table} WHERE address = v.address AND batch_number <= {database.param}"
    statement = (
        f"SELECT address, nonce, balance FROM {table} AS v WHERE address > {database.param} "
        f"AND batch_number = ({newest}) ORDER BY address LIMIT {database.param}"
    )
    last = ""
    while rows := database.execute_sql(statement, (last, number, count)).fetchall():
        yield rows
        last = rows[-1][0]


def batch_at(number: int) -> Batch | None:
    """Return the settled batch `number`, or None."""
    batch: Batch | None = Batch.get_or_none(Batch.number == number, Batch.status.in_(SETTLED))
    return batch


def batch_by_hash(digest: bytes) -> Batch | None:
    """Return the settled batch whose public output is `digest`, or None; for genesis it is the root."""
    batch: Batch | None = Batch.get_or_none(Batch.expected_output == digest, Batch.status.in_(SETTLED))
    return batch


def transaction(digest: bytes) -> Transaction | None:
    """Return the transaction with this hash, or None."""
    row: Transaction | None = Transaction.get_or_none(Transaction.hash == digest)
    return row


def view(row: Transaction | StoredTransaction) -> TransactionView:
    """Return what a stored transaction says about itself; its sender and hash are those that were found at the door."""
    if is_request(row.content):
        return request_view(row.content)
    read = _kept_view if len(row.content) <= _VIEWED_BYTES else _view
    return read(row.content, row.sender, row.hash)


def _view(content: bytes, sender: bytes, digest: bytes) -> TransactionView:
    return read_transaction(content, sender=sender, digest=digest)


_kept_view = lru_cache(_VIEWS)(_view)


def transactions_of(number: int) -> list[StoredTransaction]:
    """Return the transactions of a batch in order; genesis has none."""
    return transactions.of_batch(number) if number else []


def transaction_in(number: int, position: int) -> Transaction | None:
    """Return the transaction at a position of a batch, or None."""
    here = (Transaction.batch_number == number) & (Transaction.batch_index == position)
    row: Transaction | None = Transaction.get_or_none(here) if number else None
    return row


def gas_used_before(row: Transaction) -> int:
    """Return the gas that the transactions before this one used in its batch."""
    before = (Transaction.batch_number == row.batch_number) & (Transaction.batch_index < row.batch_index)
    return int(Transaction.select(fn.SUM(Transaction.gas_used)).where(before).scalar() or 0)


def transactions_between(first: int, last: int) -> list[Transaction]:
    """Return what the transactions of these batches paid (number, gas and price only), ordered by batch."""
    columns = (Transaction.batch_number, Transaction.gas_used, Transaction.gas_price)
    rows = Transaction.select(*columns).where(Transaction.batch_number.between(max(first, 1), last))
    return list(rows.order_by(Transaction.batch_number))


def gas_used_between(first: int, last: int) -> dict[int, int]:
    """Return the gas that each of these batches used, by number; batches without transactions are left out."""
    used = fn.SUM(Transaction.gas_used)
    rows = Transaction.select(Transaction.batch_number, used).where(
        Transaction.batch_number.between(max(first, 1), last)
    )
    found: list[Any] = list(rows.group_by(Transaction.batch_number).tuples())
    return {number: int(gas) for number, gas in found}


def newest_transaction() -> int:
    """Return the row number of the transaction that came last; 0 before the first."""
    return int(Transaction.select(fn.MAX(Transaction.id)).scalar() or 0)


def transactions_after(first: int, last: int, limit: int) -> list[Transaction]:
    """Return the transactions that came after row `first`, up to row `last`, in the order in which they came."""
    rows = Transaction.select().where(Transaction.id > first, Transaction.id <= last)
    return list(rows.order_by(Transaction.id).limit(limit))
