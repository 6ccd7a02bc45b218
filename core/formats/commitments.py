"""The hashes that the state-transition program's output is made of (docs/state_transition.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from eth_hash.auto import keccak

from core.formats.witness_input import Header, transaction_section
from proving.field.goldilocks import PRIME
from proving.hash import Tag, hash_elements
from runtime.errors import InvalidInput

#: What stands for the hash of something that the rollup does not have yet.
NOTHING: Final = bytes(32)


class ResultValue(Protocol):
    """What became of one transaction."""

    @property
    def status(self) -> int:
        """0 for an executed transaction."""

    @property
    def gas_used(self) -> int:
        """Zero unless executed."""

    @property
    def sender(self) -> bytes:
        """20 bytes; zero unless the signature was recovered."""

    @property
    def gas_price(self) -> int:
        """The effective one, in wei; zero unless executed."""


def words_commitment(content: bytes) -> bytes:
    """Return H(OUTPUT, words) of a whole number of little-endian words, as 32 bytes."""
    words = np.frombuffer(content, dtype="<u4").astype(np.uint64)
    return hash_elements(Tag.OUTPUT, words).astype("<u8").tobytes()


def transactions_commitment(transactions: Sequence[bytes]) -> bytes:
    """Return the commitment to the raw transactions of a batch."""
    return words_commitment(transaction_section(transactions))


def metadata_commitment(header: Header, transactions: int) -> bytes:
    """Return the commitment to a batch's header and number of transactions."""
    return words_commitment(header.metadata(transactions))


def results_commitment(results: Sequence[ResultValue]) -> bytes:
    """Return the commitment to the results of all transactions, in order."""
    return words_commitment(
        b"".join(
            int(result.status).to_bytes(4, "little")
            + result.gas_used.to_bytes(8, "little")
            + result.sender
            + result.gas_price.to_bytes(32, "little")
            for result in results
        )
    )


def diffs_commitment(published: bytes) -> bytes:
    """Return the commitment to the changed accounts as `core.formats.state_diffs` writes them for L1: Keccak-256."""
    return keccak(published)


def content_commitment(*, transactions: bytes, results: bytes, metadata: bytes) -> bytes:
    """Return what L1 takes on trust in the proof: the commitment to these three digests of 32 bytes each.

    Raises
    ------
    InvalidInput
        A digest has another length, or an element that is not below p.
    """
    elements = np.concatenate([_elements(part) for part in (transactions, results, metadata)])
    return hash_elements(Tag.OUTPUT, elements).astype("<u8").tobytes()


def data_commitment(*, transactions: bytes, results: bytes, diffs: bytes, metadata: bytes) -> bytes:
    """Return the data hash of a batch for these four digests of 32 bytes each, as an Ethereum contract computes it.

    Raises
    ------
    InvalidInput
        As for :func:`content_commitment`; the state diffs' digest is a plain hash, any 32 bytes.
    """
    content = content_commitment(transactions=transactions, results=results, metadata=metadata)
    return keccak(content + _hash(diffs))


def output_commitment(
    *,
    chain_id: int,
    batch_number: int,
    timestamp: int,
    old_root: bytes,
    new_root: bytes,
    data: bytes,
    priority_queue: bytes = NOTHING,
    messages: bytes = NOTHING,
) -> bytes:
    """Return the program's output, 32 bytes, as an Ethereum contract computes it: Keccak-256 of eight ABI words.

    Parameters
    ----------
    chain_id, batch_number, timestamp
        64 bits each.
    old_root, new_root
        Digests of 32 bytes, elements below p.
    data, priority_queue, messages
        Hashes of 32 bytes.

    Raises
    ------
    InvalidInput
        A number or a hash is out of its range.
    """
    for digest in (old_root, new_root):
        _elements(digest)
    hashes = [_hash(part) for part in (data, priority_queue, messages)]
    if any(not 0 <= number < 1 << 64 for number in (chain_id, batch_number, timestamp)):
        raise InvalidInput("A number of a batch has 64 bits.")
    numbers = (number.to_bytes(32, "big") for number in (chain_id, batch_number, timestamp))
    return keccak(b"".join((*numbers, old_root, new_root, *hashes)))


def _hash(digest: bytes) -> bytes:
    if len(digest) != 32:
        raise InvalidInput("A hash has 32 bytes.")
    return digest


def _elements(digest: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return a digest's four elements; a digest has one way to be written."""
    if len(digest) != 32:
        raise InvalidInput("A commitment has 32 bytes.")
    elements = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
    if (elements >= np.uint64(PRIME)).any():
        # The hash reads elements modulo p: another way to write a digest would have the same commitment.
        raise InvalidInput("A commitment's elements are below p.")
    return elements
