"""Artifacts of the machine: strict parsing within bounds, and typed errors for everything else."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.machine.checkpoint import KIND, Checkpoint, CheckpointError
from proving.machine.layout import LayoutError
from proving.machine.program import Program
from proving.machine.records import Records
from proving.machine.replay import replay
from proving.machine.state import State
from proving.machine.witness import witness
from runtime import artifact
from runtime.errors import ArtifactCorrupt, ArtifactError, ArtifactKind, ArtifactTruncated, ArtifactVersion
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities
from tests.proving.machine.programs import counting_loop


def _segments() -> list[Checkpoint]:
    program = Program.from_elf(asm.elf(counting_loop(50)))
    return [segment.checkpoint for segment in witness(program, b"", {**capacities(14), "add": 30})]


def _rewrapped(checkpoint: Checkpoint, change: object) -> bytes:
    """Return the checkpoint's artifact around a changed payload, with a right checksum."""
    payload = bytearray(artifact.unpack(checkpoint.to_bytes()).payload)
    change(payload)  # type: ignore[operator]
    return artifact.pack(KIND, bytes(payload), version=1, compress=True)


@pytest.mark.parametrize("seed", range(60))
def test_a_changed_byte_or_a_cut_is_seen(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(_segments()[1].to_bytes())
    if seed % 3 == 0:
        del data[rng.randrange(len(data)) :]
    elif seed % 3 == 1:
        data += rng.randbytes(rng.randrange(1, 9))
    else:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    with pytest.raises(ArtifactError):
        Checkpoint.from_bytes(bytes(data))


@pytest.mark.parametrize("seed", range(150))
def test_a_payload_changed_under_a_right_checksum_never_replays_to_other_records(seed: int) -> None:
    rng = random.Random(seed)
    good = _segments()[1]
    expected = replay(good).to_bytes()

    def change(payload: bytearray) -> None:
        if seed % 4 == 0:
            del payload[rng.randrange(len(payload)) :]
        else:
            for _ in range(rng.randrange(1, 4)):
                payload[rng.randrange(len(payload) if seed % 4 == 1 else 200)] = rng.getrandbits(8)

    try:
        records = replay(Checkpoint.from_bytes(_rewrapped(good, change)))
    except ArtifactError:
        return
    assert records.to_bytes() == expected


def test_other_versions_and_kinds_are_named() -> None:
    good = _segments()[0]
    payload = artifact.unpack(good.to_bytes()).payload
    with pytest.raises(ArtifactVersion):
        Checkpoint.from_bytes(artifact.pack(KIND, payload, version=2))
    with pytest.raises(ArtifactKind):
        Checkpoint.from_bytes(artifact.pack("proof", payload, version=1))
    with pytest.raises(ArtifactKind):
        Checkpoint.from_bytes(replay(good).to_bytes())
    with pytest.raises(ArtifactTruncated):
        Records.from_bytes(replay(good).to_bytes()[:-5])
    with pytest.raises(ArtifactCorrupt):
        Records.from_bytes(b"x" * 100)


def test_a_claim_of_many_rows_costs_nothing() -> None:
    def claim(payload: bytearray) -> None:
        payload[4 + 4 * 7 : 8 + 4 * 7] = (0xFFFFFFFF).to_bytes(4, "little")

    with pytest.raises(LayoutError):
        Checkpoint.from_bytes(_rewrapped(_segments()[0], claim))


@pytest.mark.parametrize(
    "change",
    [
        {"data_blocks": np.array([5, 5], dtype=np.uint32)},
        {"data_blocks": np.array([6, 5], dtype=np.uint32)},
        {"data_blocks": np.array([5, 1 << 26], dtype=np.uint32)},
        {"data_words": np.zeros((1, 16), dtype=np.uint32)},
        {"data_siblings": np.zeros((3, 4), dtype=np.uint64)},
        {"end": np.full(4, PRIME, dtype=np.uint64)},
        {"boundary": np.array([0x1002, 0x1000, 0, 1], dtype=np.uint32)},
        {"boundary": np.array([0x1000, 0x1000, 2, 1], dtype=np.uint32)},
        {"boundary": np.array([0x1000, 0x1000, 0, 0], dtype=np.uint32)},
        {"boundary": np.array([0x1000, 0x1000, 0, 1 << 22], dtype=np.uint32)},
        {"boundary": np.array([0x9000, 0x1000, 0, 1], dtype=np.uint32)},
        {"registers": np.ones(32, dtype=np.uint32)},
        {"advice": np.zeros(1000, dtype=np.uint32)},
    ],
)
def test_checkpoints_that_no_run_has_are_refused(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_bytes(replace(_segments()[1], **change).to_bytes())


def test_code_at_both_ends_of_the_address_space_is_replayed() -> None:
    high = 0xFFFFFF00
    code = asm.HALT.to_bytes(4, "little")
    elf = bytearray(asm.elf([*asm.li(5, high), asm.jalr(1, 5)], address=0, data=[(high, code)]))
    elf[52 + 32 + 24] = 5
    (segment,) = witness(Program.from_elf(bytes(elf)), b"", capacities(12))
    assert replay(segment.checkpoint).decode[:, 0].tolist() == [0, 4, 8, high]


def test_states_survive_serialisation_and_refuse_other_bytes() -> None:
    program = Program.from_elf(asm.elf(counting_loop(5)))
    (segment,) = witness(program, b"", capacities(12))
    data = segment.end.to_bytes()
    parsed = State.from_bytes(data)
    assert np.array_equal(parsed.digest(), segment.checkpoint.end)
    assert parsed.output() == segment.end.output()
    for bad in (data[:-1], data + b"\0", b"\2" + data[1:], data[:-1] + b"\xff" * 8, data[:8] + b"\1" + data[9:]):
        with pytest.raises(LayoutError):
            State.from_bytes(bad)
