"""Memory images and the root of the tree over them.

The tree is 4-ary over 2^26 blocks of 16 words: level 0 is C(16 words), level k is C(4 children), level 13 is the root.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.machine.elf import Guard, Segment
from runtime.errors import OutOfMemory

BLOCK_BYTES: Final = 64
BLOCK_WORDS: Final = 16

_blocks_root = native.function(
    "hm_blocks_root",
    native.INT,
    [native.POINTER, native.POINTER, native.SIZE, ctypes.c_uint32, ctypes.c_uint32, native.POINTER, native.POINTER],
)
_compress = native.function("hm_compress16", None, [native.POINTER, native.POINTER, native.SIZE])


class Image:
    """Initial contents of an address space: the blocks that are not zero.

    Attributes
    ----------
    indices
        ``(blocks,) uint32``, ascending: byte address / 64.
    words
        ``(blocks, 16) uint32``.
    guard
        The blocks that no instruction may access. Each has the digest (GUARD, 0, 0, 0), for which nobody knows words.
    """

    def __init__(self, indices: NDArray[np.uint32], words: NDArray[np.uint32], guard: Guard | None = None) -> None:
        self.indices = indices
        self.words = words
        self.guard = guard

    @classmethod
    def of_segments(cls, segments: Iterable[Segment], guard: Guard | None = None) -> Image:
        """Build the image of segments that do not overlap each other or the guard."""
        blocks: dict[int, bytearray] = {}
        for segment in segments:
            position = 0
            while position < len(segment.data):
                block, start = divmod(segment.address + position, BLOCK_BYTES)
                piece = segment.data[position : position + BLOCK_BYTES - start]
                blocks.setdefault(block, bytearray(BLOCK_BYTES))[start : start + len(piece)] = piece
                position += len(piece)
        indices = np.array(sorted(block for block, data in blocks.items() if any(data)), dtype=np.uint32)
        data = b"".join(bytes(blocks[int(block)]) for block in indices)
        return cls(indices, np.frombuffer(data, dtype="<u4").astype(np.uint32).reshape(-1, BLOCK_WORDS), guard)

    def root(self) -> NDArray[np.uint64]:
        """Return the root of the tree over this image, ``(4,) uint64``."""
        indices, words = np.ascontiguousarray(self.indices), np.ascontiguousarray(self.words)
        root = np.empty(4, dtype=np.uint64)
        guard = self.guard or Guard(0, 0)
        done = _blocks_root(
            *(indices.ctypes.data, words.ctypes.data, len(indices)),
            *(guard.address // BLOCK_BYTES, guard.size // BLOCK_BYTES),
            *(batch_compress(), root.ctypes.data),
        )
        if not done:
            raise OutOfMemory("There is no memory for hashing the program's image.")
        return root


def batch_compress() -> int:
    """Return the address of the compression with which the native machine hashes its memory."""
    return _compress.address()
