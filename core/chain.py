"""Read access to the chain: accounts at a batch, receipts, batches."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import fn

from core.store import AccountVersion, Batch, BatchStatus, Transaction

#: Statuses of batches that are shown to wallets and provers: everything about them is final.
SETTLED = (BatchStatus.COMMITTED, BatchStatus.PROVEN)


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
    row = (
        AccountVersion.select()
        .where(AccountVersion.address == address, AccountVersion.batch_number <= number)
        .order_by(AccountVersion.batch_number.desc())
        .first()
    )
    return Account() if row is None else Account(row.nonce, row.balance)


def newest_account(address: bytes) -> Account:
    """Return the account's value in the newest state, settled or not."""
    return account_at(address, (1 << 63) - 1)


def accounts_at(number: int) -> dict[bytes, Account]:
    """Return every account of the state after batch `number`, by address."""
    newer = AccountVersion.alias()
    newest = newer.select(fn.MAX(newer.batch_number)).where(
        newer.address == AccountVersion.address, newer.batch_number <= number
    )
    rows = AccountVersion.select().where(AccountVersion.batch_number == newest)
    return {row.address: Account(row.nonce, row.balance) for row in rows}


def batch_at(number: int) -> Batch | None:
    """Return the settled batch `number`, or None."""
    batch: Batch | None = Batch.get_or_none(Batch.number == number, Batch.status.in_(SETTLED))
    return batch


def transaction(digest: bytes) -> Transaction | None:
    """Return the transaction with this hash, or None."""
    row: Transaction | None = Transaction.get_or_none(Transaction.hash == digest)
    return row


def transactions_of(number: int) -> list[Transaction]:
    """Return the transactions of a batch in order."""
    rows = Transaction.select().where(Transaction.batch_number == number).order_by(Transaction.batch_index)
    return list(rows)
