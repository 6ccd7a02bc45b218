"""What a contract's blocks say of its batches: events, and the calldata that committed to a batch."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

from eth_hash.auto import keccak
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import FilterParams, LogReceipt

from core.eth_sender.executor import CommittedBatch, Executor
from core.recovery.errors import HistoryIncomplete, PublishedDataWrong

#: Blocks that are asked for at once. Nodes that refuse so many are asked for half, and so on down to one.
BLOCKS = 2048


class Kind(Enum):
    """What became of a batch; the value is the event's signature."""

    COMMITTED = "BatchCommitted(uint64,bytes32,bytes32)"
    EXECUTED = "BatchExecuted(uint64,bytes32,bytes32)"
    REVERTED = "BatchesReverted(uint64,bytes32)"


_KINDS = {keccak(kind.value.encode()): kind for kind in Kind}


class Event(NamedTuple):
    """An event of the contract.

    Attributes
    ----------
    kind
    number
        The batch; where batches are taken back, the last one that stays.
    hash
        The stored hash of that batch.
    root
        Its root where it is executed, else empty.
    transaction
        Hash of the transaction.
    """

    kind: Kind
    number: int
    hash: bytes
    root: bytes
    transaction: bytes


class Published:
    """The blocks of L1, as far as they are about one contract.

    Parameters
    ----------
    web3
        A connection to L1.
    executor
        The contract.
    blocks
        Blocks that are asked for at once, at most.
    """

    def __init__(self, web3: Web3, executor: Executor, blocks: int = BLOCKS) -> None:
        self._web3 = web3
        self._executor = executor
        self._most = self._blocks = blocks

    def events(self, first: int, last: int) -> Iterator[tuple[int, list[Event]]]:
        """Yield the events from block `first` to `last`, some blocks at a time, each with the last of these blocks."""
        while first <= last:
            end = min(last, first + self._blocks - 1)
            try:
                found = self._logs(first, end)
            except Web3RPCError:
                if self._blocks == 1:
                    raise
                self._blocks //= 2
                continue
            yield end, [_event(log) for log in found]
            first = end + 1
            self._blocks = min(2 * self._blocks, self._most)

    def batch(self, transaction: bytes) -> CommittedBatch:
        """Return what a transaction committed to.

        Raises
        ------
        PublishedDataWrong
            The node gives a transaction that commits to nothing.
        """
        found = self._web3.eth.get_transaction(Web3.to_hex(transaction))
        try:
            return self._executor.committed_by(bytes(found["input"]))
        except ValueError as error:
            raise PublishedDataWrong(f"Transaction 0x{transaction.hex()} commits to no batch: {error}") from None

    def _logs(self, first: int, last: int) -> list[LogReceipt]:
        wanted: dict[str, Any] = {
            "address": self._executor.address,
            "fromBlock": first,
            "toBlock": last,
            "topics": [[Web3.to_hex(topic) for topic in _KINDS]],
        }
        logs = self._web3.eth.get_logs(FilterParams(**wanted))  # type: ignore[typeddict-item]
        return sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))


def _event(log: LogReceipt) -> Event:
    topics = [bytes(topic) for topic in log["topics"]]
    kind = _KINDS.get(topics[0]) if len(topics) == 3 else None
    if kind is None:
        raise HistoryIncomplete("L1's node answers with events that were not asked for.")
    root = bytes(log["data"]) if kind is Kind.EXECUTED else b""
    return Event(kind, int.from_bytes(topics[1], "big"), topics[2], root, bytes(log["transactionHash"]))
