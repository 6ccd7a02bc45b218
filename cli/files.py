"""Reading and writing the files that commands name."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from runtime.errors import DiskFull, InvalidInput, TooLarge


def read(path: Path, *, limit: int) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    InvalidInput
        The file cannot be read.
    TooLarge
        It has more than `limit` bytes.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > limit:
        raise TooLarge(f"{path} is larger than {limit} bytes.")
    return data


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    DiskFull, InvalidInput
        The disk is full; the path cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"The disk is full; {path} was not written.") from error
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
