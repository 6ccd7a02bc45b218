"""The stage `prove_segment`."""

from __future__ import annotations

from proving import keys
from proving.backend.cpu import default_backend
from proving.backend.interface import Backend
from proving.keys.prepared import ready_key
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm.expand import prepare
from proving.machine.records import Records
from proving.machine.replay import replay
from proving.stages import proof
from proving.stages.budget import backend_for
from proving.stark.prover import prove
from runtime.progress import Progress
from runtime.protocol import PROTOCOL_VERSION


def prove_segment(
    checkpoint: bytes,
    records: bytes | None = None,
    *,
    backend: Backend | None = None,
    profile: str = "proven100",
    progress: Progress | None = None,
) -> bytes:
    """Prove one segment and verify the proof.

    Parameters
    ----------
    records
        The segment's execution records; replayed from the checkpoint when they are not at hand.
    """
    rows = replay(Checkpoint.from_bytes(checkpoint)) if records is None else Records.from_bytes(records)
    expansion, publics = prepare(rows)
    del rows
    backend = backend_for(backend or default_backend(), keys.MAIN_VM, expansion)
    key = ready_key(keys.MAIN_VM, backend)
    made = prove(key, profile, publics, expansion, backend, progress, consume=True)
    proof.check(publics, made, profile=profile)
    return proof.pack(publics, made, protocol=PROTOCOL_VERSION)
