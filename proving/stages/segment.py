"""The stage `prove_segment`."""

from __future__ import annotations

from proving import keys
from proving.backend.interface import Backend
from proving.backend.native import NativeBackend
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm.expand import expand
from proving.machine.records import Records
from proving.machine.replay import replay
from proving.stages import proof
from proving.stages.version import PROTOCOL_VERSION, Progress
from proving.stark.prover import prove
from proving.stark.verifier import verify


def prove_segment(
    checkpoint: bytes,
    vectors: bytes | None = None,
    *,
    backend: Backend | None = None,
    profile: str = "proven100",
    progress: Progress | None = None,
) -> bytes:
    """Prove one segment and verify the proof.

    Parameters
    ----------
    vectors
        The segment's execution records; replayed from the checkpoint when they are not at hand.
    """
    key = keys.proving_key(keys.MAIN_VM)
    records = replay(Checkpoint.from_bytes(checkpoint)) if vectors is None else Records.from_bytes(vectors)
    traces, publics = expand(records)
    del records

    def report(phase: str, share: float) -> None:
        if progress is not None:
            progress(share, phase)

    made = prove(key, profile, publics, traces, backend or NativeBackend(), progress=report, consume=True)
    verify(key, profile, publics, made)
    return proof.pack(publics, made, protocol=PROTOCOL_VERSION)
