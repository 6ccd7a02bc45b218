"""The methods of the bridge: what L1 asked for, and what a withdrawal needs to be claimed (docs/bridge.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.api.encoding import data, data_at, parameter, quantity, read_quantity
from core.eth_sender.status import L1Status, l1_status
from core.formats.messages import WITHDRAWAL_ADDRESS, message_path
from core.formats.priority import Kind
from core.state import bridge, chain
from core.state.chain import SETTLED
from core.store import Batch, PriorityRequest, Store, Transaction, TransactionStatus


class WithdrawalStatus(StrEnum):
    """How far a withdrawal is; between `sealed` and `claimable` it is what its batch is on L1."""

    WAITING = "waiting"
    """Its transaction waits for a batch."""
    SEALED = "sealed"
    """In a batch that L1 does not know yet."""
    CLAIMABLE = "claimable"
    """L1 has executed its batch."""
    CLAIMED = "claimed"
    """Paid on L1, as far as core has seen."""


@dataclass(frozen=True)
class Terms:
    """What does not change.

    Attributes
    ----------
    executor : str
        The contract on L1, 0x-hex; empty where L1 is not configured.
    confirmations : int
        How deep a block of L1 must be for its requests to count.
    """

    executor: str
    confirmations: int


class BridgeApi:
    """The methods over one chain. Call them in a session of the store.

    Parameters
    ----------
    store
        Core's rows.
    terms
        What does not change.
    """

    def __init__(self, store: Store, terms: Terms) -> None:
        self._store = store
        self._terms = terms

    def described(self) -> dict[str, object]:
        """Return what does not change."""
        return {
            "executor": self._terms.executor or None,
            "withdrawalAddress": data(WITHDRAWAL_ADDRESS),
            "confirmations": quantity(self._terms.confirmations),
        }

    def request(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        """Return the request with a number, None when core does not know it."""
        number = read_quantity(parameter(parameters, 0), "Parameter 0")
        row = PriorityRequest.get_or_none(PriorityRequest.number == number) if number < 1 << 63 else None
        return None if row is None else _described(row)

    def requests_of(self, parameters: Sequence[Any]) -> list[dict[str, object]]:
        """Return the requests that a transaction on L1 made, in order."""
        made = PriorityRequest.l1_transaction == data_at(parameters, 0, 32)
        return [_described(row) for row in PriorityRequest.select().where(made).order_by(PriorityRequest.number)]

    def withdrawal(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        """Return what a transaction's withdrawal needs to be claimed, None when it makes none."""
        row = chain.transaction(data_at(parameters, 0, 32))
        if row is None or row.status == TransactionStatus.DROPPED:
            return None
        message = bridge.message_of(row)
        if message is None:
            return None
        described: dict[str, object] = {"to": data(message.to), "amount": quantity(message.amount)}
        batch = Batch.get_or_none(Batch.number == row.batch_number) if row.batch_number else None
        if batch is None:
            return described | {"status": WithdrawalStatus.WAITING}
        described["batch"] = quantity(batch.number)
        if batch.status not in SETTLED:
            return described | {"status": WithdrawalStatus.SEALED}
        rows = chain.transactions_of(batch.number)
        index = len(bridge.messages_in([each for each in rows if each.batch_index < row.batch_index]))
        claim = bridge.claim_of(batch.number, index)
        return described | {
            "index": quantity(index),
            "path": [data(node) for node in message_path(bridge.messages_in(rows), index)],
            "root": data(batch.message_root),
            "status": WithdrawalStatus.CLAIMED if claim else self._status(batch.number),
            "claim": None if claim is None else data(claim.l1_transaction),
        }

    def _status(self, batch: int) -> str:
        status = l1_status(self._store, batch)
        if status is None:
            return WithdrawalStatus.SEALED
        return WithdrawalStatus.CLAIMABLE if status is L1Status.EXECUTED else status


def _described(row: PriorityRequest) -> dict[str, object]:
    made: Transaction | None = None
    if row.batch_number:
        made = chain.transaction(bridge.transaction_hash(row))
    return {
        "number": quantity(row.number),
        "kind": Kind(row.kind).name.lower(),
        "from": data(row.sender),
        "to": data(row.receiver),
        "amount": quantity(row.amount),
        "includeBy": quantity(row.include_by),
        "l1Transaction": data(row.l1_transaction),
        "l1Block": quantity(row.l1_block),
        "batch": None if made is None else quantity(made.batch_number),
        "transaction": None if made is None else data(made.hash),
        "status": "waiting" if made is None else bridge.status_of(made).name.lower(),
    }
