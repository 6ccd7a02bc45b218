"""Reading the file of a SNARK's verifying key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli import files

if TYPE_CHECKING:
    from proving.snark.key import SnarkKey


def read_snark_key(path: Path) -> SnarkKey:
    """Return the verifying key in a file.

    Raises
    ------
    InvalidInput, SnarkKeyRefused
        The file cannot be read, or holds no key.
    """
    from proving.snark.key import SnarkKey
    from proving.snark.layout import KEY_BYTES

    return SnarkKey.from_bytes(files.read(path, limit=KEY_BYTES))
