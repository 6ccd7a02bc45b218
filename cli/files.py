"""Reading and writing the files that commands name."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from runtime.errors import DiskFull, HallmarkError, InvalidInput, TooLarge
from runtime.os_errors import is_disk_full


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


def check_place(path: Path) -> None:
    """Refuse a place where nothing can be written, before the work whose result is to go there.

    Raises
    ------
    DiskFull, InvalidInput
        As :func:`write`.
    """
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder; name a file in it.")
    if path.exists() and not os.access(path, os.W_OK):
        raise InvalidInput(f"{path} cannot be written.")
    if _is_special(path):
        return
    try:
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent):
            pass
    except OSError as error:
        raise _refused(path, error) from error


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; what is no plain file (a pipe, /dev/stdout) is written into.

    Raises
    ------
    DiskFull, InvalidInput
        The disk is full; the path cannot be written.
    """
    # A link stays a link: the file that it names is the one that was meant.
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        if _is_special(path):
            path.write_bytes(data)
            return
        temporary.write_bytes(data)
        temporary.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _refused(path, error) from error


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _refused(path: Path, error: OSError) -> HallmarkError:
    if is_disk_full(error):
        return DiskFull(f"The disk is full; {path} was not written.")
    return InvalidInput(f"{path} cannot be written: {error.strerror}.")
