"""Folders and files that only their owner may read, whoever makes them first and whatever the umask is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runtime.errors import ConfigurationError, DiskFull
from runtime.os_errors import is_disk_full

#: Modes of what Hallmark makes for itself.
FOLDER_MODE, FILE_MODE = 0o700, 0o600


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for the owner alone; one that exists is left as it is."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if not path.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(path))
    return path


def private_file(path: Path) -> Path:
    """Make an empty file for the owner alone; one that exists is left as it is."""
    private_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    return path


def why_unusable(path: Path) -> str:
    """Return why a folder could not be made or written, without touching it; empty when it could."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written"


def usable_folder(path: Path, variable: str) -> Path:
    """Make a folder if need be and check that files can be written there.

    Raises
    ------
    ConfigurationError
        It cannot be made or written.
    DiskFull
        Its disk is full; that passes.
    """
    try:
        private_folder(path)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(f"The disk of {path} is full.") from None
        raise ConfigurationError(
            f"{variable}: the folder {path} cannot be written: {error.strerror}.",
            remedy=f"Set {variable} to a folder that this user may write.",
        ) from None
    return path
