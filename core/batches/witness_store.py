"""Witness inputs and tree sections of batches: write-once files, because they can be gigabytes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from core.errors import BatchUnknown


class WitnessStore:
    """Files of batches in one folder.

    Parameters
    ----------
    folder
        Created when missing; nothing else may write there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, number: int, kind: str, content: bytes) -> None:
        """Store `content` durably; writing again after a crash replaces the file as a whole."""
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            Path(name).replace(self._path(number, kind))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def get(self, number: int, kind: str) -> bytes:
        """Return what :meth:`put` stored.

        Raises
        ------
        BatchUnknown
            Nothing is stored under this number and kind.
        """
        try:
            return self._path(number, kind).read_bytes()
        except FileNotFoundError:
            raise BatchUnknown(f"The {kind} of batch {number} is not stored.") from None

    def open(self, number: int) -> BinaryIO:
        """Open the witness input of a batch for reading.

        Raises
        ------
        BatchUnknown
            It is not stored (any more).
        """
        try:
            return self._path(number, "witness").open("rb")
        except FileNotFoundError:
            raise BatchUnknown(f"The witness input of batch {number} is not stored.") from None

    def numbers(self) -> set[int]:
        """Return the batches that have files."""
        return {int(path.stem.removeprefix("batch-")) for path in self._folder.glob("batch-*.*")}

    def remove(self, number: int) -> None:
        """Remove every file of a batch."""
        for path in self._folder.glob(f"batch-{number}.*"):
            path.unlink(missing_ok=True)

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"batch-{number}.{kind}"
