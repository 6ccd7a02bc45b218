"""What a batch states to L1: the hashes that its output is made of, from the batch's data alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.formats.commitments import (
    ResultValue,
    data_commitment,
    diffs_commitment,
    metadata_commitment,
    output_commitment,
    results_commitment,
    transactions_commitment,
)
from core.formats.messages import Message, message_root
from core.formats.priority import Request, queue_hash
from core.formats.witness_input import Header


@dataclass(frozen=True)
class Statement:
    """A batch's commitments.

    Attributes
    ----------
    parts : dict of str to bytes
        The digests of `transactions`, `results`, `diffs` and `metadata`, 32 bytes each.
    priority_queue, messages : bytes
        Hash of the requests that it takes, root of what it tells L1; 32 bytes each.
    output : bytes
        The public output that its proof must show, 32 bytes.
    """

    parts: dict[str, bytes]
    priority_queue: bytes
    messages: bytes
    output: bytes


def statement_of(
    header: Header,
    *,
    signed: Sequence[bytes],
    results: Sequence[ResultValue],
    published: bytes,
    requests: Sequence[Request],
    rolling_hash: bytes,
    messages: Sequence[Message],
    old_root: bytes,
    new_root: bytes,
) -> Statement:
    """Return what a batch states.

    Parameters
    ----------
    signed
        Its transactions that somebody has signed, raw.
    results
        Of its requests and transactions, in order.
    published
        The accounts that it changes, as `core.formats.state_diffs` writes them.
    requests, rolling_hash
        The requests that it takes, and the rolling hash before them.
    messages
        What it tells L1, in order.
    """
    parts = {
        "transactions": transactions_commitment(signed),
        "results": results_commitment(results),
        "diffs": diffs_commitment(published),
        "metadata": metadata_commitment(header, len(signed)),
    }
    queue, root = queue_hash(rolling_hash, requests), message_root(messages)
    output = output_commitment(
        chain_id=header.chain_id,
        batch_number=header.batch_number,
        timestamp=header.timestamp,
        old_root=old_root,
        new_root=new_root,
        data=data_commitment(**parts),
        priority_queue=queue,
        messages=root,
    )
    return Statement(parts, queue, root, output)
