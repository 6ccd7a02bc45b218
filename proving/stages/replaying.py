"""The stage `execution_records`: replay a checkpoint."""

from __future__ import annotations

from proving.machine.checkpoint import Checkpoint
from proving.machine.replay import replay


def execution_records(checkpoint: bytes) -> bytes:
    """Replay one checkpoint into execution records."""
    return replay(Checkpoint.from_bytes(checkpoint)).to_bytes()
