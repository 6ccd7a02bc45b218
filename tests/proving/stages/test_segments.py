from __future__ import annotations

import pytest

from proving import stages
from proving.backend.interface import Backend
from proving.backend.native import NativeBackend
from proving.backend.streaming import StreamingBackend
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm.shapes import within
from proving.stages import budget, proof
from runtime import artifact
from runtime.errors import ArtifactError, InvalidInput
from tests.proving.stages.chain import PROFILE, chain, elf_of


def test_replay_is_deterministic_and_records_are_optional() -> None:
    made = stages.basic_witness(elf_of(50), b"", size_class=12)
    (checkpoint,) = made.checkpoints
    records = stages.execution_records(checkpoint)
    assert records == stages.execution_records(checkpoint)
    with_records = stages.prove_segment(checkpoint, records, profile=PROFILE)
    assert with_records == stages.prove_segment(checkpoint, profile=PROFILE)


def test_a_budget_that_is_too_small_for_extensions_changes_no_byte() -> None:
    """The backend is asked for what proves within its budget, and its proof is the same."""
    asked: list[int] = []

    class Recorded(NativeBackend):
        def within(self, kept: int) -> Backend:
            asked.append(kept)
            return super().within(kept)

    (checkpoint,) = stages.basic_witness(elf_of(50), b"", size_class=12).checkpoints
    made = stages.prove_segment(checkpoint, profile=PROFILE, backend=Recorded(StreamingBackend(), budget=1))
    assert made == stages.prove_segment(checkpoint, profile=PROFILE, backend=NativeBackend())
    assert len(asked) == 1 and asked[0] in map(budget.kept_bytes, within(12))


def test_proof_artifact_states_the_step() -> None:
    made = chain()
    opened = proof.unpack(made.artifacts[0])
    assert (opened.publics[:4] == made.program.commitment).all()
    assert (opened.publics[4:] == made.statement.ends[0]).all()


def test_checkpoint_of_another_version_is_refused() -> None:
    checkpoint = stages.basic_witness(elf_of(5), b"", size_class=12).checkpoints[0]
    payload = artifact.unpack(checkpoint).payload
    with pytest.raises(ArtifactError, match="version"):
        Checkpoint.from_bytes(artifact.pack("checkpoint", payload, version=99))


def test_broken_proof_artifact_is_refused() -> None:
    made = chain().artifacts[0]
    for broken in (b"", made[:-1], made + b"\0", artifact.pack("segment_proof", b"short")):
        with pytest.raises(InvalidInput):
            proof.unpack(broken)
