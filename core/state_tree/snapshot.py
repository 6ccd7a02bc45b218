"""A version of the state tree as one compressed file: its root and its leaves in order."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import zstandard

from core.state_tree.accounts import KEY_WORDS
from core.state_tree.kept import Changes, Version
from core.state_tree.native import LEAF_WORDS
from core.state_tree.pieces import PIECE
from runtime.errors import InvalidInput

MAGIC = b"HMKTREE1"

#: Magic, version, root, leaves.
_HEAD = struct.Struct("<8sQ32sQ")

_LEAF_BYTES = 8 * LEAF_WORDS


class SnapshotError(InvalidInput):
    """The file is not a whole snapshot of a state tree."""

    code = "snapshot"
    default_remedy = "Make the snapshot again with `hallmark tree snapshot`."


@dataclass(frozen=True)
class Snapshot:
    """An open snapshot.

    Attributes
    ----------
    number : int
        The version, which is a batch's number.
    root : bytes
        As the file states it; the tree that is built from its leaves must have it.
    leaves : int
    """

    number: int
    root: bytes
    leaves: int
    _source: BinaryIO

    def pieces(self) -> Iterator[Changes]:
        """Yield the leaves: keys ``(count, 4) uint64`` and values ``(count, 5) uint64``.

        Raises
        ------
        SnapshotError
            There are fewer, or more.
        """
        left = self.leaves
        while left:
            count = min(left, PIECE)
            content = self._read(count * _LEAF_BYTES)
            leaves = np.frombuffer(content, dtype="<u8").reshape(count, LEAF_WORDS)
            yield leaves[:, :KEY_WORDS], leaves[:, KEY_WORDS:]
            left -= count
        if self._read(1, whole=False):
            raise SnapshotError("The snapshot holds more than it states.")

    def _read(self, size: int, *, whole: bool = True) -> bytes:
        return _read(self._source, size, whole=whole)


def write_snapshot(version: Version, path: Path) -> None:
    """Write a version to a file, which is there as a whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(file, closefd=False) as out:
                out.write(_HEAD.pack(MAGIC, version.number, version.root, len(version)))
                for leaves in version.leaves():
                    out.write(leaves.astype("<u8").tobytes())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def read_snapshot(path: Path) -> Iterator[Snapshot]:
    """Open a snapshot.

    Raises
    ------
    SnapshotError
        The file is none.
    """
    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as source:
            magic, number, root, leaves = _HEAD.unpack(_read(source, _HEAD.size))
            if magic != MAGIC:
                raise SnapshotError(f"{path} is not a snapshot of this format.")
            yield Snapshot(number, root, leaves, source)
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}.") from error


def _read(source: BinaryIO, size: int, *, whole: bool = True) -> bytes:
    """Read `size` bytes, or up to as many."""
    content = io.BytesIO()
    try:
        while content.tell() < size and (piece := source.read(size - content.tell())):
            content.write(piece)
    except zstandard.ZstdError as error:
        raise SnapshotError(f"The snapshot is damaged: {error}.") from error
    if whole and content.tell() < size:
        raise SnapshotError("The snapshot ends early.")
    return content.getvalue()
