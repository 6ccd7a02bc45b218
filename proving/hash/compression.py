"""The compression C(x) = trunc4(P(x) + x), P = Poseidon2 of width 16, and the fixed-length hash built on it.

The fixed-length hash of ``l`` elements under a tag starts from the chaining value ``(tag, l, 0, 0)`` and takes blocks
of 12, the last one padded with zeros: ``cv = C(cv || block)``. The digest is the last chaining value. As the length is
part of the start, no message is a prefix of another.
"""

from __future__ import annotations

import numpy as np

from proving.backend.interface import HostArray
from proving.hash.tags import Tag
from proving.native import POINTER, SIZE, function

#: Elements of the permutation's state, of a digest, and of one block.
WIDTH = 16
DIGEST = 4
RATE = WIDTH - DIGEST

#: count states of 16 words -> count digests of 4, for native code that compresses.
compress16 = function("hm_compress16", None, [POINTER, POINTER, SIZE])
_hash_rows = function("hm_hash_rows16", None, [POINTER, POINTER, SIZE, SIZE, SIZE])


def compress(batch: HostArray) -> HostArray:
    """Compress states ``(..., 16)`` to digests ``(..., 4)``."""
    states = np.ascontiguousarray(batch, dtype=np.uint64)
    if states.shape[-1:] != (WIDTH,):
        raise ValueError(f"states have shape {states.shape}, expected (..., {WIDTH})")
    digests = np.empty((*states.shape[:-1], DIGEST), dtype=np.uint64)
    compress16(states.ctypes.data, digests.ctypes.data, states.size // WIDTH)
    return digests


def hash_rows(tag: Tag, rows: HostArray) -> HostArray:
    """Hash every row of ``(count, length)`` as one message under the tag: ``(count, 4)``."""
    messages = np.ascontiguousarray(rows, dtype=np.uint64)
    if messages.ndim != 2:
        raise ValueError(f"messages have shape {messages.shape}, expected (count, length)")
    count, length = messages.shape
    digests = np.empty((count, DIGEST), dtype=np.uint64)
    _hash_rows(messages.ctypes.data, digests.ctypes.data, count, length, int(tag))
    return digests


def hash_elements(tag: Tag, elements: HostArray) -> HostArray:
    """Hash one message ``(length,)`` under the tag: a digest ``(4,)``."""
    message = np.asarray(elements, dtype=np.uint64)
    if message.ndim != 1:
        raise ValueError(f"the message has shape {message.shape}, expected (length,)")
    digest: HostArray = hash_rows(tag, message[np.newaxis, :])[0]
    return digest
