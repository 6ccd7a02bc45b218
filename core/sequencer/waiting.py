"""Transactions that wait, in memory: by sender and nonce, what they will do to balances, and which go into a batch.

Nothing here refuses or drops: it orders. A transaction is *ready* when every nonce of its sender before it waits too;
the others wait for the gap to be filled. Their effects are those of the program's run at the door.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from core.state.chain import Account


@dataclass(frozen=True, eq=False)
class Entry:
    """A waiting transaction.

    Attributes
    ----------
    row : int
        Its row in the store; rises with arrival.
    size : int
        Bytes.
    fee_cap, tip : int
        As signed, wei per gas.
    reserve : int
        Wei that the sender must have for it to be valid: gas limit times fee cap, and the value.
    gas_used, price, cycles : int
        Of the run at the door; `price` is the effective one, in wei per gas.
    received_at : float
        Seconds since the epoch.
    """

    row: int
    hash: bytes
    sender: bytes
    to: bytes
    nonce: int
    value: int
    size: int
    fee_cap: int
    tip: int
    reserve: int
    gas_used: int
    price: int
    cycles: int
    received_at: float

    @property
    def fee(self) -> int:
        """What the sender pays for gas, in wei."""
        return self.gas_used * self.price

    @property
    def cost(self) -> int:
        """What the sender has less after it, in wei."""
        return self.value + self.fee


@dataclass(frozen=True)
class Bounds:
    """The most that one batch holds."""

    transactions: int
    gas: int
    size: int
    cycles: int


@dataclass
class _Sum:
    """What has been put together so far."""

    transactions: int = 0
    gas: int = 0
    size: int = 0
    cycles: int = 0

    def add(self, entry: Entry) -> None:
        self.transactions += 1
        self.gas += entry.gas_used
        self.size += entry.size
        self.cycles += entry.cycles

    def fits(self, entry: Entry, bounds: Bounds) -> bool:
        """Return whether it fits; the first one always does, or it would wait for ever."""
        return not self.transactions or (
            self.transactions < bounds.transactions
            and self.gas + entry.gas_used <= bounds.gas
            and self.size + entry.size <= bounds.size
            and self.cycles + entry.cycles <= bounds.cycles
        )

    def full(self, bounds: Bounds) -> bool:
        return (
            self.transactions >= bounds.transactions
            or self.gas >= bounds.gas
            or self.size >= bounds.size
            or self.cycles >= bounds.cycles
        )


@dataclass
class Queue:
    """What waits of one sender, and the sender's account in the newest state.

    Attributes
    ----------
    cost : int
        What the sender has less after all of it.
    ready : dict
        The entries without a gap before them, by nonce, in that order.
    """

    account: Account
    entries: dict[int, Entry] = field(default_factory=dict)
    ready: dict[int, Entry] = field(default_factory=dict)
    cost: int = 0

    def put(self, entry: Entry) -> None:
        """Take an entry in, in place of one with the same nonce."""
        self.take(entry.nonce)
        self.entries[entry.nonce] = entry
        self.cost += entry.cost

    def take(self, nonce: int) -> None:
        """Take the entry with this nonce out, if there is one."""
        entry = self.entries.pop(nonce, None)
        self.cost -= 0 if entry is None else entry.cost

    def readied(self, nonce: int) -> dict[int, Entry]:
        """Return the entries from `nonce` on without a gap, by nonce."""
        found = {}
        while nonce in self.entries:
            found[nonce] = self.entries[nonce]
            nonce += 1
        return found


class Waiting:
    """The index of what waits. Not safe for several threads: its owner locks.

    Parameters
    ----------
    account
        Returns an account's value in the newest state.
    fee_recipient
        Receives every fee.
    """

    def __init__(self, account: Callable[[bytes], Account], fee_recipient: bytes) -> None:
        self._account = account
        self._fee_recipient = fee_recipient
        self._queues: dict[bytes, Queue] = {}
        self._incoming: defaultdict[bytes, int] = defaultdict(int)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Entry]:
        return (entry for queue in self._queues.values() for entry in queue.entries.values())

    def queue(self, sender: bytes) -> Queue:
        """Return what waits of a sender; an empty queue is not kept."""
        return self._queues.get(sender) or Queue(self._account(sender))

    def put(self, entry: Entry) -> None:
        """Take an entry in, in place of one with the same sender and nonce."""
        queue = self._queues.get(entry.sender)
        if queue is None:
            queue = self._queues[entry.sender] = Queue(self._account(entry.sender))
        replaced = entry.nonce in queue.entries
        self._size += not replaced
        queue.put(entry)
        if replaced:
            self._refresh(entry.sender)
        elif entry.nonce == queue.account.nonce + len(queue.ready):
            # By far the most come in the order of their nonces, and whoever sends many must not make each dearer.
            for nonce, each in queue.readied(entry.nonce).items():
                queue.ready[nonce] = each
                self._credit(each, 1)

    def remove(self, entries: Iterable[Entry]) -> None:
        """Take entries out; what is not there (any more) is passed over."""
        touched = {}
        for entry in entries:
            queue = self._queues.get(entry.sender)
            if queue is not None and queue.entries.get(entry.nonce) is entry:
                queue.take(entry.nonce)
                self._size -= 1
                touched[entry.sender] = True
        for sender in touched:
            self._refresh(sender)

    def settle(self, accounts: Mapping[bytes, Account]) -> None:
        """Note new values of accounts in the newest state."""
        for address, account in accounts.items():
            if address in self._queues:
                self._queues[address].account = account
                self._refresh(address)

    def reload(self) -> None:
        """Read the account of every sender again."""
        self.settle({sender: self._account(sender) for sender in self._queues})

    def balance(self, address: bytes, *, without: Entry | None = None) -> int:
        """Return the balance after everything that waits, but for one entry of the account's own; at least zero."""
        queue = self.queue(address)
        spent = queue.cost - (0 if without is None else without.cost)
        return max(0, queue.account.balance + self._incoming.get(address, 0) - spent)

    def pending(self, address: bytes) -> Account:
        """Return the account's value after everything that is ready."""
        queue = self.queue(address)
        spent = sum(entry.cost for entry in queue.ready.values())
        balance = queue.account.balance + self._incoming.get(address, 0) - spent
        return Account(queue.account.nonce + len(queue.ready), max(0, balance))

    def ready(self) -> Iterator[Entry]:
        """Return everything that is ready."""
        return (entry for queue in self._queues.values() for entry in queue.ready.values())

    def fills(self, bounds: Bounds) -> bool:
        """Return whether what is ready fills a batch."""
        total = _Sum()
        for entry in self.ready():
            total.add(entry)
            if total.full(bounds):
                return True
        return False

    def select(self, bounds: Bounds) -> list[Entry]:
        """Choose a batch: the best paying first, each sender's by nonce, the older first where they pay the same.

        A sender whose balance does not suffice yet is put off until another chosen transaction pays it.
        """
        chosen: list[Entry] = []
        total = _Sum()
        change: defaultdict[bytes, int] = defaultdict(int)
        put_off: dict[bytes, Entry] = {}
        heads = [next(iter(queue.ready.values())) for queue in self._queues.values() if queue.ready]
        heap = [(-entry.price, entry.row, entry) for entry in heads]
        heapq.heapify(heap)
        while heap and not total.full(bounds):
            entry = heapq.heappop(heap)[2]
            queue = self._queues[entry.sender]
            if queue.account.balance + change[entry.sender] < entry.reserve:
                put_off[entry.sender] = entry
                continue
            if not total.fits(entry, bounds):
                continue
            chosen.append(entry)
            total.add(entry)
            change[entry.sender] -= entry.cost
            change[entry.to] += entry.value
            change[self._fee_recipient] += entry.fee
            woken = [put_off.pop(each) for each in {entry.to, self._fee_recipient} if each in put_off]
            following = queue.ready.get(entry.nonce + 1)
            for each in [*woken, *([following] if following else [])]:
                heapq.heappush(heap, (-each.price, each.row, each))
        return chosen

    def cheapest(self) -> Entry | None:
        """Return the last entry of a sender that is missed least: one behind a gap, else the one that pays least."""
        tails = [(max(queue.entries), queue) for queue in self._queues.values()]
        entries = [(nonce in queue.ready, queue.entries[nonce]) for nonce, queue in tails]
        return min(entries, key=lambda each: (each[0], each[1].price, -each[1].row), default=(False, None))[1]

    def _refresh(self, sender: bytes) -> None:
        """Compute anew what is ready of a sender, and what that brings to others."""
        queue = self._queues[sender]
        before, queue.ready = queue.ready, queue.readied(queue.account.nonce)
        for nonce, entry in before.items():
            if queue.ready.get(nonce) is not entry:
                self._credit(entry, -1)
        for nonce, entry in queue.ready.items():
            if before.get(nonce) is not entry:
                self._credit(entry, 1)
        if not queue.entries:
            del self._queues[sender]

    def _credit(self, entry: Entry, sign: int) -> None:
        for address, amount in ((entry.to, entry.value), (self._fee_recipient, entry.fee)):
            self._incoming[address] += sign * amount
            if not self._incoming[address]:
                del self._incoming[address]
