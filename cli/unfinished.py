"""What `hallmark prove` keeps while it works: a folder beside the proof, from which it goes on after a stop."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli import display, files
from runtime.errors import InvalidInput

#: How the names of proofs end; without any, a folder is not worth keeping.
PROOF_SUFFIX = ".proof"
_IDENTITY, _LOCK = "run.json", "lock"
#: Longest part that is read back, in bytes.
MAX_PART = 1 << 30


class Unfinished:
    """The parts of a proof in the making, by name; use `unfinished` to open one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> bytes | None:
        """Return a part that was kept before, or None."""
        path = self.folder / name
        return files.read(path, limit=MAX_PART) if path.exists() else None

    def keep(self, name: str, data: bytes) -> None:
        """Write a part whole or not at all; raises as `files.write`."""
        files.write(self.folder / name, data)


@contextmanager
def unfinished(output: Path, identity: Mapping[str, str]) -> Iterator[Unfinished]:
    """Open the folder of a proof in the making; it is removed when the block ends, unless with an error and proofs.

    Parameters
    ----------
    output
        Where the proof will be; for a pipe or a device the folder is a temporary one.
    identity
        What the proof is of, by name. A folder that was begun for anything else is not touched.

    Raises
    ------
    InvalidInput
        The folder is in use, was begun for something else, or cannot be written.
    """
    if files.is_special(output):
        with tempfile.TemporaryDirectory(prefix="hallmark-") as temporary:
            yield Unfinished(Path(temporary))
        return
    folder = folder_of(output)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be used: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidInput(
                f"Another `hallmark prove` is writing to {folder}.", remedy="Wait for it, or name another output."
            ) from None
        _check_identity(folder, identity)
        try:
            yield Unfinished(folder)
        except BaseException:
            if any(folder.glob(f"*{PROOF_SUFFIX}")):
                display.errors.print(f"What is proven is kept in {folder}: the same command goes on from there.")
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def folder_of(output: Path) -> Path:
    """Return the folder beside a proof where its parts are kept while it is made."""
    return output.with_name(f"{output.name}.unfinished")


def _check_identity(folder: Path, identity: Mapping[str, str]) -> None:
    path = folder / _IDENTITY
    if not path.exists():
        files.write(path, json.dumps(dict(identity), indent=1).encode())
        return
    try:
        found = json.loads(files.read(path, limit=1 << 16))
        differing = [name for name in sorted(identity) if found.get(name) != identity[name]]
    except (ValueError, AttributeError):
        differing = ["everything"]
    if differing:
        raise InvalidInput(
            f"{folder} holds an unfinished proof that differs in: {', '.join(differing)}.",
            remedy="Remove the folder to begin anew, or name another output.",
        )
