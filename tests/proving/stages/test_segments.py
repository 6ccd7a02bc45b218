from __future__ import annotations

import pytest

from proving import stages
from proving.machine.checkpoint import Checkpoint
from proving.stages import proof
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
