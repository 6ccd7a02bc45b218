"""Requests: what a program asks a precompile for, and the chain in which a type's requests stand.

A request is a fixed number of input words and of output words. Three words become two elements below 2^48, so that no
two requests have the same elements; inputs and outputs are padded with zeros to whole blocks of 12 elements each. A
type's chain starts from a digest that names the type, and each block moves it on by one compression:
``d = C(d || block)``. As every request of a type has the same number of blocks, the chain of a list of requests is the
Merkle-Damgard hash of that list, and no request can be read as a part of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from proving.hash import DIGEST, RATE, Tag
from proving.native import POINTER, SIZE, function

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]

_absorb = function("hm_chain_absorb", None, [POINTER, SIZE, POINTER])

#: Words that two elements hold.
GROUP = 3


class RequestType(IntEnum):
    """The precompiles, in the order of their digests in the machine's state."""

    ARITH256 = 0
    KECCAK_F = 1
    SHA256 = 2
    BLAKE2S = 3


#: What proving a request costs, in cycles of the machine: those whose tables have as many cells as it takes, in
#: `main_vm` and in its own circuit. A cycle counts as 64 cells, about what instructions take.
CYCLES: Mapping[RequestType, int] = {
    RequestType.ARITH256: 80,
    RequestType.KECCAK_F: 980,
    RequestType.SHA256: 210,
    RequestType.BLAKE2S: 380,
}


@dataclass(frozen=True)
class Layout:
    """The words of one request."""

    input_words: int
    output_words: int

    @property
    def input_blocks(self) -> int:
        """Blocks of the chain that hold the inputs."""
        return _blocks(self.input_words)

    @property
    def blocks(self) -> int:
        """Blocks of the chain that one request takes."""
        return self.input_blocks + _blocks(self.output_words)


def _blocks(words: int) -> int:
    return -(-(2 * -(-words // GROUP)) // RATE)


def empty_chain(kind: RequestType) -> U64:
    """Return the digest that a type's chain starts from, ``(4,)``."""
    return np.array([Tag.REQUEST, kind, 0, 0], dtype=np.uint64)


def pack(words: U32) -> U64:
    """Pack the words of parts of requests, ``(count, words)``, into blocks ``(count, blocks, 12)``.

    Words u, v, w become u + 2^32 (v mod 2^16) and w + 2^32 (v >> 16).
    """
    count, width = words.shape
    size = _blocks(width) * RATE
    groups = np.zeros((count, size // 2, GROUP), dtype=np.uint64)
    groups.reshape(count, size // 2 * GROUP)[:, :width] = words
    elements = np.empty((count, size // 2, 2), dtype=np.uint64)
    elements[..., 0] = groups[..., 0] | (groups[..., 1] & np.uint64(0xFFFF)) << np.uint64(32)
    elements[..., 1] = groups[..., 2] | (groups[..., 1] >> np.uint64(16)) << np.uint64(32)
    return elements.reshape(count, size // RATE, RATE)


def blocks(inputs: U32, outputs: U32) -> U64:
    """Return what requests put on their chain, ``(blocks, 12)``; inputs and outputs are ``(count, words)``."""
    packed: U64 = np.concatenate([pack(inputs), pack(outputs)], axis=1)
    return np.ascontiguousarray(packed.reshape(-1, RATE))


def absorb(start: U64, absorbed: Sequence[U64] | U64) -> U64:
    """Return the chain's digests, ``(blocks + 1, 4)``, from ``start`` on, one for each block ``(blocks, 12)``."""
    given = np.ascontiguousarray(absorbed, dtype=np.uint64).reshape(-1, RATE)
    digests = np.empty((len(given) + 1, DIGEST), dtype=np.uint64)
    digests[0] = start
    _absorb(given.ctypes.data, len(given), digests.ctypes.data)
    return digests
