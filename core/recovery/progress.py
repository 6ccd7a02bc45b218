"""How far a rebuild has read L1's blocks, in a file beside its tree."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from core.recovery.errors import HistoryChanged

_NAME = "progress.json"


class Progress(msgspec.Struct, forbid_unknown_fields=True):
    """How far blocks were read; digests are hex.

    Attributes
    ----------
    chain_id
        L1's.
    executor
        The contract's address.
    block
        The last block that was read.
    block_hash
        Its hash: L1 must still have it when reading goes on.
    waiting
        Batches that are committed and not executed: for each number stored hash and transaction of every commitment.
    """

    chain_id: int
    executor: str
    block: int
    block_hash: str
    waiting: dict[int, dict[str, str]]


def read_progress(folder: Path) -> Progress | None:
    """Return what an earlier run has kept, None when there was none.

    Raises
    ------
    HistoryChanged
        The file is not a rebuild's.
    """
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=Progress)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise HistoryChanged(f"{folder / _NAME} is damaged: {error}.") from None


def write_progress(folder: Path, progress: Progress) -> None:
    """Keep how far a run has come: the old file or the new one is there, whatever happens."""
    beside = folder / f"{_NAME}.part"
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(progress))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / _NAME)
