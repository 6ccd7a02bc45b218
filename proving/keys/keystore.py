"""The keystore: a folder of keys, their trees and witness programs that all processes of a machine share.

A key is made once and then mapped. Nothing in the folder is believed: the head of a file, which is all that a verifier
reads, must have the SHA-256 that the repository pins, and is read into this process before it is compared; the columns
behind it are mapped, and a prover commits to them before it uses them. Of a witness program, which only provers read,
the whole file is compared. A file that is cut off, changed or of another release is made again. Files are written under
a name of their own and then renamed, never changed in place.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from proving.keys import described, stored
from proving.keys.errors import StoredKeyRefused
from proving.stark.key import Key

if TYPE_CHECKING:
    from proving.recursion.program import WitnessProgram
    from proving.snark.circuit import Circuit as SnarkCircuit

#: Where the folder is unless ``HALLMARK_KEY_DIR`` names another: below the checkout, as everything that it makes.
DEFAULT = Path(__file__).parents[2] / ".hallmark" / "keys"


def folder() -> Path:
    """Return the folder of this process's keystore."""
    return Path(os.environ.get("HALLMARK_KEY_DIR") or DEFAULT).expanduser()


def path_of(name: str, head_digest: str) -> Path:
    """Return the file of a key; releases with other circuits have files of their own."""
    return folder() / f"{name}-{head_digest[:16]}.key"


def load(name: str, head_digest: str, *, columns: bool) -> Key | None:
    """Return the stored key with this head, or None where there is none that can be used.

    Parameters
    ----------
    head_digest
        SHA-256 of the head that is asked for, in hexadecimal.
    columns
        Whether the preprocessed columns are compared with the checksum in the head as well.
    """
    data = mapped(path_of(name, head_digest))
    if data is None:
        return None
    try:
        length = stored.head_length(data)
    except StoredKeyRefused:
        return None
    # A copy: what was compared must not change afterwards, whoever may write to the file.
    head = bytes(data[:length])
    if stored.head_digest(head) != head_digest or len(data) != length + stored.columns_length(head):
        return None
    if columns and not stored.columns_intact(head, data[length:]):
        return None
    return stored.decode(head, data[length:])


def program_path_of(name: str, digest: str) -> Path:
    """Return the file of a circuit's witness program with this SHA-256."""
    return folder() / f"{name}-{digest[:16]}.program"


def load_program(name: str, digest: str) -> WitnessProgram | None:
    """Return the stored witness program with this SHA-256, mapped, or None where there is none that can be used."""
    from proving.keys import programs

    data = _described(program_path_of(name, digest), digest)
    return None if data is None else programs.decode(data)


def circuit_path_of(name: str, digest: str) -> Path:
    """Return the file of a SNARK's circuit with this SHA-256."""
    return folder() / f"{name}-{digest[:16]}.circuit"


def load_circuit(name: str, digest: str) -> SnarkCircuit | None:
    """Return the stored circuit of the SNARK with this SHA-256, or None where there is none that can be used."""
    from proving.keys import snark_circuits

    data = _described(circuit_path_of(name, digest), digest)
    return None if data is None else snark_circuits.decode(data)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process or thread at a time make a file that differs at every making.

    Where the folder cannot be written there is no file to agree on, and nobody waits.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read(path: Path) -> bytes:
    """Return a file of the keystore, empty where there is none; whoever reads it checks what it holds."""
    data = mapped(path)
    return b"" if data is None else bytes(data)


def write(path: Path, data: bytes) -> bool:
    """Write a file of the keystore whole or not at all; return whether it could be written.

    A folder that cannot be written costs every process the making of its keys and programs, and is no error.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()
        return False
    return True


def mapped(path: Path) -> memoryview | None:
    """Return a file's bytes, mapped, or None where it cannot be read or is empty."""
    try:
        with path.open("rb") as stream:
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None


def _described(path: Path, digest: str) -> memoryview | None:
    """Return a file's bytes, mapped, if they have this SHA-256."""
    data = mapped(path)
    return None if data is None or described.digest(data) != digest else data
