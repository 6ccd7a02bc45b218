"""The request chains of the machine's state: what a segment's requests make of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from proving.circuits.arith256 import ARITH256
from proving.circuits.requests import U32, U64, absorb, blocks

#: Words of a record of `arith256_call` before its pairs of word and timestamp.
_HEAD: Final = 7


def requested(records: NDArray[np.uint32]) -> tuple[U32, U32]:
    """Return inputs ``(count, 32)`` and outputs ``(count, 8)`` of records of `arith256_call`."""
    words = np.ascontiguousarray(records[:, _HEAD::2])
    inputs = ARITH256.layout.input_words
    return np.ascontiguousarray(words[:, :inputs]), np.ascontiguousarray(words[:, inputs:])


def advanced(chains: U64, inputs: U32, outputs: U32) -> U64:
    """Return the digests of all chains ``(4, 4)`` behind requests of 256-bit arithmetic, from those before them."""
    after = np.array(chains, dtype=np.uint64)
    if len(inputs):
        after[ARITH256.kind] = absorb(chains[ARITH256.kind], blocks(inputs, outputs))[-1]
    return after
