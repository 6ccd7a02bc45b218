"""Copies of artifacts on this host's disk, shared by its processes; the least recently used goes first."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from runtime.private import private_folder

#: The folder is looked through again when this share of its limit was added.
SCAN_SHARE = 32
#: The folder is looked through again when this many files were added.
SCAN_FILES = 1000
_CHUNK = 1 << 20


class ArtifactCache:
    """Files by artifact name. What is read from it is checked by who reads; nothing here is ever the only copy.

    Parameters
    ----------
    folder
        Made for its owner alone.
    limit
        Bytes that the files may take. Each process looks through the folder now and then, so that between two looks
        each may add a 32nd of the limit to it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self._added, self._files = limit, 0
        private_folder(folder)

    def chunks(self, name: str) -> Iterator[bytes] | None:
        """Return an artifact piece by piece, and nothing when it is not here."""
        path = self.folder / name
        try:
            file = path.open("rb")
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return _pieces_of(file)

    def has(self, name: str) -> bool:
        """Return whether a copy is here, whole or damaged."""
        return (self.folder / name).is_file()

    def keep(self, name: str, size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass an artifact on piece by piece and keep it when its last piece went by.

        A disk that is full, or a folder that is gone, keeps nothing and stops nobody.
        """
        if size > self.limit // SCAN_SHARE and not self._room(size):
            yield from chunks
            return
        path = self.folder / name
        partial = path.with_name(f"{path.name}#{secrets.token_hex(4)}")
        file = None
        try:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                file = partial.open("xb")
            for chunk in chunks:
                if file is not None:
                    try:
                        file.write(chunk)
                    except OSError:
                        file.close()
                        file = None
                yield chunk
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()
                    partial.replace(path)
                    self._count(size)
        finally:
            if file is not None:
                file.close()
            with contextlib.suppress(OSError):
                partial.unlink()

    def drop(self, name: str) -> None:
        """Forget an artifact."""
        with contextlib.suppress(OSError):
            (self.folder / name).unlink()

    def trim(self, limit: int) -> int:
        """Remove the least recently used files until the rest takes at most ``limit`` bytes; return how many went."""
        found = []
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):
                state = path.stat()
                if path.is_file():
                    found.append((state.st_mtime, state.st_size, path))
        taken = sum(size for _, size, _ in found)
        gone = 0
        for _, size, path in sorted(found):
            if taken <= limit:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                gone += 1
                # The folders of one attempt; those that hold something stay.
                path.parent.rmdir()
            taken -= size
        return gone

    def _room(self, size: int) -> bool:
        if size > self.limit:
            return False
        self.trim(self.limit - size)
        return True

    def _count(self, size: int) -> None:
        self._added, self._files = self._added + size, self._files + 1
        if self._added * SCAN_SHARE >= self.limit or self._files >= SCAN_FILES:
            self._added = self._files = 0
            self.trim(self.limit)


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
