"""Looks for requests and claims in L1's blocks that are deep enough.

What was read is written down together with the block that it was read up to. Each request is checked against the
rolling hash that L1 keeps, so a node that leaves out or mixes up events is noticed. Should L1 leave a block that was
deep enough, everything that is in no batch is forgotten and read again; what is in a batch must then be the same on L1,
or core says so and takes no more requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from peewee import fn
from web3 import Web3
from web3.exceptions import BlockNotFound

from core.eth_sender.connection import typed_errors
from core.eth_sender.errors import L1Diverged, L1Unavailable
from core.eth_sender.executor import Executor, request_in
from core.state import bridge
from core.store import Claim, PriorityRequest, Store
from runtime.logging import get_logger

log = get_logger(__name__)

#: Blocks whose events are asked for at once.
BLOCKS_AT_ONCE = 2000

_FACT = "l1_watched"


@dataclass(frozen=True)
class Watched:
    """The newest block of L1 whose events are written down."""

    block: int
    hash: str


class Watcher:
    """The way of an Executor's requests and claims into one store.

    Parameters
    ----------
    store
        Core's rows.
    web3, executor
        L1.
    confirmations
        A block counts when it and those on it are this many.
    first_block
        No event of the contract is before it.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        web3: Web3,
        executor: Executor,
        confirmations: int,
        first_block: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._web3 = web3
        self._executor = executor
        self._confirmations = confirmations
        self._first_block = first_block
        self._clock = clock

    def step(self) -> bool:
        """Look at L1 once and read some blocks; return whether there may be more at once.

        Raises
        ------
        L1Unavailable, L1Diverged
        """
        with typed_errors(), self._store.session():
            return self._look()

    def _look(self) -> bool:
        deep = int(self._web3.eth.block_number) - self._confirmations + 1
        watched = self._watched()
        if watched is not None and self._left(watched):
            self._forget(watched)
            watched = None
        first = self._first_block if watched is None else watched.block + 1
        if deep < first:
            return False
        last = min(deep, first + BLOCKS_AT_ONCE - 1)
        end = self._web3.eth.get_block(last)
        known = int(PriorityRequest.select(fn.MAX(PriorityRequest.number)).scalar() or 0)
        requests = self._executor.events("PriorityRequest", first, last)
        claims = self._executor.events("WithdrawalClaimed", first, last)
        if bytes(self._web3.eth.get_block(last)["hash"]) != bytes(end["hash"]):
            raise L1Unavailable("L1 left a block while its events were read.")
        rows = self._rows(requests, known)
        if last == deep:
            self._compare(self._executor.requested(deep), known + len(rows))
        with self._store.atomic():
            for row in rows:
                PriorityRequest.create(**row, seen_at=self._clock())
            for event in claims:
                _write_claim(event)
            state = Watched(last, bytes(end["hash"]).hex())
            self._store.record_fact(_FACT, msgspec.json.encode(state).decode())
        if rows or claims:
            log.info("l1.watched", block=last, requests=len(rows), claims=len(claims))
        return last < deep

    def _watched(self) -> Watched | None:
        text = self._store.fact(_FACT)
        return None if text is None else msgspec.json.decode(text, type=Watched)

    def _left(self, watched: Watched) -> bool:
        """Return whether L1 has another block now where one was read."""
        try:
            return bytes(self._web3.eth.get_block(watched.block)["hash"]).hex() != watched.hash
        except BlockNotFound:
            return True

    def _forget(self, watched: Watched) -> None:
        """Forget what was read and is in no batch; it is read again from the start."""
        log.warning("l1.left_a_deep_block", block=watched.block)
        with self._store.atomic():
            PriorityRequest.delete().where(PriorityRequest.batch_number == 0).execute()
            Claim.delete().execute()
            self._store.forget_fact(_FACT)

    def _compare(self, stated: int, found: int) -> None:
        """Compare the number of requests with what the contract says at the newest block that counts."""
        if stated < found:
            raise L1Diverged(f"Request {found} is in a batch, and L1 has {stated} now.")
        if stated > found:
            raise L1Unavailable(f"L1's node tells of {found} requests, the contract of {stated}.")

    def _rows(self, events: Sequence[Mapping[str, Any]], known: int) -> list[dict[str, Any]]:
        """Return the rows of requests that are new, after comparing the others with what is known."""
        rows: list[dict[str, Any]] = []
        rolled = bridge.rolling_hash(known)
        for event in events:
            stated = event["args"]
            request = request_in(event)
            if request.number <= known:
                if bridge.rolling_hash(request.number) != bytes(stated["rollingHash"]):
                    raise L1Diverged(f"Request {request.number} is in a batch, and is another one on L1 now.")
                continue
            rolled = request.rolled(rolled)
            if request.number != known + len(rows) + 1 or rolled != bytes(stated["rollingHash"]):
                raise L1Unavailable(f"L1's node tells of request {request.number} out of order, or of another one.")
            rows.append(
                {
                    "number": request.number,
                    "kind": int(request.kind),
                    "sender": request.sender,
                    "receiver": request.to,
                    "amount": request.amount,
                    "rolling_hash": rolled,
                    "include_by": int(stated["includeBy"]),
                    "l1_transaction": bytes(event["transactionHash"]),
                    "l1_block": int(event["blockNumber"]),
                }
            )
        return rows


def _write_claim(event: Mapping[str, Any]) -> None:
    stated = event["args"]
    Claim.insert(
        batch_number=int(stated["batch"]),
        message_index=int(stated["index"]),
        l1_transaction=bytes(event["transactionHash"]),
        l1_block=int(event["blockNumber"]),
    ).on_conflict_ignore().execute()
