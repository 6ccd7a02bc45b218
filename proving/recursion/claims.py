"""What leaves and nodes claim, and the set of keys that they belong to: what also those need who only read proofs."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from proving.circuits.requests import RequestType
from proving.hash import DIGEST, WIDTH, Tag, compress, hash_elements
from proving.stark.arithmetic import Words
from runtime.errors import InvalidInput

#: Public input of a leaf or node: key set, start, end, type.
CLAIM: Final = 3 * DIGEST + 1


class Role(IntEnum):
    """What a key of the key set may be used for."""

    #: A leaf or a node: a child of nodes and of the recursion tip.
    AGGREGATION = 1
    #: The recursion tip, or a tie over one: a child of ties and of the scheduler.
    TIP = 2
    #: The scheduler: read by the compressor and by whoever takes the batch.
    SCHEDULER = 3


def type_number(kind: RequestType) -> int:
    """Return the type of a chain of requests in claims; that of `main_vm` is 0."""
    return kind + 1


def request_type(number: int) -> RequestType:
    """Return the requests that a claim's type is of.

    Raises
    ------
    InvalidInput
        It is of none.
    """
    if not 0 < number <= len(RequestType):
        raise InvalidInput(f"A claim's type {number} is of no requests.")
    return RequestType(int(number) - 1)


def claim_words(key_set: Words, start: Words, end: Words, circuit_type: int) -> Words:
    """Return the public input of a leaf or node ``(13,)``."""
    return np.concatenate([key_set, start, end, np.array([circuit_type], dtype=np.uint64)])


def entry(digest: Words, role: Role) -> Words:
    """Return the key set's entry ``(4,)`` of a key with a role."""
    block = np.zeros(WIDTH, dtype=np.uint64)
    block[:DIGEST], block[DIGEST], block[DIGEST + 1] = digest, Tag.KEY, role
    return compress(block)


def key_set_digest(entries: Words) -> Words:
    """Return the digest ``(4,)`` of a key set's entries ``(n, 4)``."""
    return hash_elements(Tag.KEY, entries.reshape(-1))
