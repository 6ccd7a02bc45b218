"""Reading and writing the files that commands name."""

from __future__ import annotations

import contextlib
import os
import stat
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


def size(path: Path) -> int:
    """Return the size of a plain file in bytes, and 0 for what is none or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def fill(path: Path, buffer: memoryview) -> None:
    """Read a plain file of known size to where it stays.

    Raises
    ------
    InvalidInput
        The file cannot be read, or has another size by now.
    """
    filled = 0
    try:
        with path.open("rb", buffering=0) as stream:
            while count := stream.readinto(buffer[filled:]):
                filled += count
            more = bool(stream.read(1))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    if more or filled < len(buffer):
        raise InvalidInput(f"{path} changed while it was read.")


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
    if is_special(path):
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
        if is_special(path):
            path.write_bytes(data)
            return
        temporary.write_bytes(data)
        temporary.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _refused(path, error) from error


def is_special(path: Path) -> bool:
    """Return whether something is there that is no plain file: a pipe, a device, a folder."""
    return path.exists() and not path.is_file()


def _refused(path: Path, error: OSError) -> HallmarkError:
    if is_disk_full(error):
        return DiskFull(f"The disk is full; {path} was not written.")
    return InvalidInput(f"{path} cannot be written: {error.strerror}.")
