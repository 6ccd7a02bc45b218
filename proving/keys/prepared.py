r"""Proving keys with their preprocessed columns extended and committed to, by a tree from the keystore.

Hashing the tree is most of what preparing a key takes. A file of a tree (little-endian)::

    offset  size  field
    0       8     magic "HMTREE\0\1"
    8       8     number of digests
    16      32    SHA-256 of the digests
    48      16    zeros
    64            digests of all levels, the widest first, 4 words each

It is named after the key's digest. Only a prover reads it, whose proofs are verified; its cap is compared with the
key's.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from proving import keys
from proving.backend.interface import Backend, HostArray, TreeHashing
from proving.backend.native_merkle import COMPRESSION, NativeTree
from proving.backend.native_vectors import VectorKernels
from proving.backend.streamed import Columns
from proving.hash import DIGEST
from proving.keys import keystore
from proving.stark.key import Key

MAGIC = b"HMTREE\0\1"

_HEAD = struct.Struct("<8sQ32s16x")
_DIGEST_BYTES = 8 * DIGEST


def ready_key(name: str, backend: Backend) -> Key:
    """Return a circuit's key with its preprocessed columns prepared on a backend.

    Raises
    ------
    KeyMismatch
        As :func:`proving.keys.key`.
    KeyRefused
        The columns are not those that the key commits to.
    """
    found = keys.proving_key(name)
    if isinstance(backend, VectorKernels):
        found.prepared(backend, functools.partial(_tree, path_of(name, found)))
    return found


def let_go() -> None:
    """Let go of every key that this process holds ready for proving; each is made ready again on its next use."""
    keys.proving_key.cache_clear()


def path_of(name: str, key: Key) -> Path:
    """Return the file of a key's tree."""
    return keystore.folder() / f"{name}-{key.hex[:16]}.tree"


def encode(levels: HostArray) -> bytes:
    """Return the file of a tree's digests ``(n, 4)``."""
    digests = np.ascontiguousarray(levels, dtype="<u8").tobytes()
    return _HEAD.pack(MAGIC, levels.shape[0], hashlib.sha256(digests).digest()) + digests


def decode(data: memoryview) -> HostArray | None:
    """Return the digests ``(n, 4)`` of a file, as a view, or None when it is cut off, changed or something else."""
    if len(data) < _HEAD.size:
        return None
    magic, count, checksum = _HEAD.unpack(data[: _HEAD.size])
    digests = data[_HEAD.size :]
    if magic != MAGIC or len(digests) != count * _DIGEST_BYTES or hashlib.sha256(digests).digest() != checksum:
        return None
    return np.frombuffer(digests, dtype="<u8").reshape(-1, DIGEST)


def _tree(path: Path, matrices: Sequence[Columns], cap_log: int, hashing: TreeHashing | None) -> NativeTree:
    """Return the tree over matrices with the digests that are stored, or one that is made and stored."""
    mapped = keystore.mapped(path)
    levels = None if mapped is None else decode(mapped)
    if levels is not None and levels.shape[0] == NativeTree.digests(matrices, cap_log):
        return NativeTree(matrices, cap_log, hashing or COMPRESSION, levels)
    made = NativeTree(matrices, cap_log, hashing or COMPRESSION)
    keystore.write(path, encode(np.concatenate(made.levels)))
    return made
