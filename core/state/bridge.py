"""What the chain holds of the bridge: requests from L1, those of a batch, and a batch's messages to L1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_hash.auto import keccak
from peewee import fn

from core.formats.messages import WITHDRAWAL_ADDRESS, Message, receiver
from core.formats.priority import Kind, Request, is_request, read_request, request_section
from core.formats.transactions import TransactionView
from core.formats.witness_input import MAX_REQUESTS, ROLLING_BYTES
from core.program.state_transition import Status
from core.state import chain
from core.store import Claim, PriorityRequest, Transaction
from core.store.transactions import StoredTransaction


def waiting_requests() -> list[Request]:
    """Return the requests that are in no batch yet, in order, as many as a batch holds."""
    rows = PriorityRequest.select().where(PriorityRequest.batch_number == 0).order_by(PriorityRequest.number)
    return [request_of(row) for row in rows.limit(MAX_REQUESTS)]


def oldest_waiting() -> float | None:
    """Return when the oldest request that is in no batch came, None without one."""
    query: Any = PriorityRequest.select(fn.MIN(PriorityRequest.seen_at)).where(PriorityRequest.batch_number == 0)
    found: float | None = query.scalar()
    return found


def request_of(row: PriorityRequest) -> Request:
    """Return the request of a row."""
    return Request(row.number, Kind(row.kind), row.sender, row.receiver, row.amount)


def transaction_hash(row: PriorityRequest) -> bytes:
    """Return the hash of the transaction that stands for a request in a batch."""
    return keccak(request_of(row).transaction())


def rolling_hash(number: int) -> bytes:
    """Return the rolling hash after a known request; 0 stands for the time before the first."""
    return bytes(PriorityRequest.get_by_id(number).rolling_hash) if number else bytes(ROLLING_BYTES)


def section(requests: Sequence[Request]) -> bytes:
    """Return the section of the witness input for requests that follow each other."""
    return request_section(rolling_hash(requests[0].number - 1), requests) if requests else b""


def requests_in(rows: Sequence[StoredTransaction]) -> list[Request]:
    """Return the requests among the transactions of a batch; they come first."""
    return [read_request(row.content) for row in rows if is_request(row.content)]


def signed_in(rows: Sequence[StoredTransaction]) -> list[bytes]:
    """Return the transactions of a batch that somebody has signed, as they were sent."""
    return [row.content for row in rows if not is_request(row.content)]


def status_of(row: Transaction | StoredTransaction) -> Status:
    """Return how the program judged a transaction that is in a batch; only requests can be there in vain."""
    return Status[row.reason] if row.reason else Status.EXECUTED


def message_of(row: Transaction | StoredTransaction) -> Message | None:
    """Return the message to L1 that a transaction of a batch made, or None."""
    # Most transactions do not name the address at all, and are not read for it.
    if not is_request(row.content) and WITHDRAWAL_ADDRESS not in row.content:
        return None
    return message_to_l1(row.content, chain.view(row)) if status_of(row) is Status.EXECUTED else None


def message_to_l1(content: bytes, view: TransactionView) -> Message | None:
    """Return the message to L1 of an executed transaction or request, or None."""
    if view.to != WITHDRAWAL_ADDRESS or view.value == 0:
        return None
    if is_request(content):
        request = read_request(content)
        return Message(request.to, request.amount) if request.kind is Kind.WITHDRAWAL else None
    return Message(receiver(view.sender, view.data), view.value)


def messages_in(rows: Sequence[StoredTransaction]) -> list[Message]:
    """Return the messages to L1 of a batch, in order."""
    return [message for row in rows if (message := message_of(row)) is not None]


def claim_of(batch: int, index: int) -> Claim | None:
    """Return the claim of a message that was seen on L1, or None."""
    found: Claim | None = Claim.get_or_none(Claim.batch_number == batch, Claim.message_index == index)
    return found
