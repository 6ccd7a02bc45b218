"""A bundle is refused whenever anything about the run that it claims is changed."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import zstandard

from proving import stages
from proving.machine.checkpoint import Checkpoint
from proving.machine.program import Program
from proving.stages import bundle, proof
from proving.stages.bundle import ChainBroken, MalformedBundle, OtherOutput, OtherProgram, SegmentRefused
from proving.stages.statement import Statement
from runtime import artifact
from runtime.errors import VerificationError
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.machine import assembler as asm
from tests.proving.stages.chain import PROFILE, Chain, chain, elf_of


@pytest.fixture(scope="module")
def made() -> Chain:
    return chain()


def verify(made: Chain, data: bytes, *, profile: str = PROFILE, output: bytes | None = None) -> stages.Verified:
    return stages.verify_bundle(data, program_commitment=made.program.commitment, profile=profile, output=output)


def repack(statement: Statement, proofs: list[bytes]) -> bytes:
    return bundle.pack(statement, proofs, protocol=PROTOCOL_VERSION)


def test_honest_bundle_verifies(made: Chain) -> None:
    shown = verify(made, made.bundle, output=made.statement.final.output())
    assert shown.segments == len(made.proofs)
    assert int.from_bytes(shown.output[:4], "little") == 3000
    assert shown.security.bits >= 100


def test_other_program_is_refused(made: Chain) -> None:
    other = Program.from_elf(elf_of(3001))
    with pytest.raises(OtherProgram):
        stages.verify_bundle(made.bundle, program_commitment=other.commitment, profile=PROFILE)


def test_other_output_is_refused(made: Chain) -> None:
    with pytest.raises(OtherOutput):
        verify(made, made.bundle, output=bytes(32))


@pytest.mark.parametrize("profile", ["proven128", "legacy-conjectured"])
def test_other_profile_is_refused_by_name(made: Chain, profile: str) -> None:
    with pytest.raises(SegmentRefused, match=f"another security profile.*{profile}.*{PROFILE}"):
        verify(made, made.bundle, profile=profile)


def _swap(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    return statement, [proofs[1], proofs[0], *proofs[2:]]


def _swap_with_ends(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    ends = statement.ends.copy()
    ends[[0, 1]] = ends[[1, 0]]
    return dataclasses.replace(statement, ends=ends), [proofs[1], proofs[0], *proofs[2:]]


def _gap(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    return dataclasses.replace(statement, ends=np.delete(statement.ends, 1, axis=0)), [proofs[0], *proofs[2:]]


def _repeat(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    return dataclasses.replace(statement, ends=np.insert(statement.ends, 1, statement.ends[0], axis=0)), [
        proofs[0],
        *proofs,
    ]


def _end_early(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    return dataclasses.replace(statement, ends=statement.ends[:-1]), proofs[:-1]


def _start_late(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    return dataclasses.replace(statement, ends=statement.ends[1:]), proofs[1:]


def _other_register(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    registers = statement.final.registers.copy()
    registers[10] += 1
    return dataclasses.replace(statement, final=dataclasses.replace(statement.final, registers=registers)), proofs


def _other_final_pc(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    final = dataclasses.replace(statement.final, pc=statement.final.pc + 4)
    return dataclasses.replace(statement, final=final), proofs


def _other_requests(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    requests = statement.final.requests.copy()
    requests[0, 0] += np.uint64(1)
    return dataclasses.replace(statement, final=dataclasses.replace(statement.final, requests=requests)), proofs


def _forged_final(statement: Statement, proofs: list[bytes]) -> tuple[Statement, list[bytes]]:
    changed, _ = _other_register(statement, proofs)
    ends = statement.ends.copy()
    ends[-1] = changed.final.digest()
    return dataclasses.replace(changed, ends=ends), proofs


@pytest.mark.parametrize(
    ("forge", "refusal"),
    [
        (_swap, SegmentRefused),
        (_swap_with_ends, SegmentRefused),
        (_gap, SegmentRefused),
        (_repeat, SegmentRefused),
        (_end_early, ChainBroken),
        (_start_late, SegmentRefused),
        (_other_register, ChainBroken),
        (_other_final_pc, ChainBroken),
        (_other_requests, ChainBroken),
        (_forged_final, SegmentRefused),
    ],
)
def test_changed_chain_is_refused(
    made: Chain,
    forge: Callable[[Statement, list[bytes]], tuple[Statement, list[bytes]]],
    refusal: type[VerificationError],
) -> None:
    with pytest.raises(refusal):
        verify(made, repack(*forge(made.statement, list(made.proofs))))


def test_a_run_that_goes_on_is_refused() -> None:
    """The first segment alone, honestly proven, with the honest opening of the running state that it ends in."""
    loop = [asm.i_type("addi", 10, 10, 1), asm.branch("bne", 10, 5, -4), asm.HALT]
    elf = asm.elf([*asm.li(5, 5000), *loop])
    run = stages.basic_witness(elf, b"", size_class=12)
    whole, second = Statement.decode(run.statement), Checkpoint.from_bytes(run.checkpoints[1])
    running = dataclasses.replace(whole.final, pc=int(second.boundary[0]), halted=False, registers=second.registers)
    assert np.array_equal(running.digest(), whole.ends[0])
    statement = dataclasses.replace(whole, ends=whole.ends[:1], final=running)
    proofs = [proof.unpack(stages.prove_segment(run.checkpoints[0], profile=PROFILE)).proof]
    with pytest.raises(ChainBroken, match="not halted"):
        bundle.check(statement, proofs, profile=PROFILE)
    with pytest.raises(MalformedBundle, match="not halted"):
        stages.verify_bundle(repack(statement, proofs), program_commitment=None, profile=PROFILE)


def test_any_changed_byte_is_refused(made: Chain) -> None:
    rng = random.Random(1)
    places = [*range(0, 200, 7), *(rng.randrange(len(made.bundle)) for _ in range(60)), len(made.bundle) - 1]
    for place in places:
        forged = bytearray(made.bundle)
        forged[place] ^= 1 << rng.randrange(8)
        with pytest.raises(VerificationError):
            verify(made, bytes(forged))


def test_any_changed_byte_under_a_right_checksum_is_refused(made: Chain) -> None:
    """The envelope's checksum is no security: the proof itself must refuse."""
    rng = random.Random(2)
    for _ in range(40):
        proofs = list(made.proofs)
        index = rng.randrange(len(proofs))
        forged = bytearray(proofs[index])
        forged[rng.randrange(len(forged))] ^= 1 << rng.randrange(8)
        proofs[index] = bytes(forged)
        with pytest.raises(VerificationError):
            verify(made, repack(made.statement, proofs))


@pytest.mark.parametrize("extra", [b"\0", bytes(32), b"HALLMARK"])
def test_trailing_bytes_are_refused(made: Chain, extra: bytes) -> None:
    with pytest.raises(MalformedBundle):
        verify(made, made.bundle + extra)
    with pytest.raises(VerificationError):
        verify(made, repack(made.statement, [*made.proofs[:-1], made.proofs[-1] + extra]))


def test_truncated_bundle_is_refused(made: Chain) -> None:
    for size in (0, 1, 63, 64, 200, 1000, len(made.bundle) // 2, len(made.bundle) - 1):
        with pytest.raises(VerificationError):
            verify(made, made.bundle[:size])


def test_count_of_proofs_must_match(made: Chain) -> None:
    with pytest.raises(MalformedBundle, match="proofs"):
        verify(made, repack(made.statement, made.proofs[:-1]))


def test_join_refuses_a_foreign_proof(made: Chain) -> None:
    with pytest.raises(VerificationError):
        stages.join([*made.artifacts[:-1], made.artifacts[0]], made.statement.encode(), profile=PROFILE)


def test_no_byte_of_the_payload_is_free(made: Chain) -> None:
    """Every byte of the statement is bound, also under a right checksum: a bundle has one encoding."""
    payload = artifact.unpack(made.bundle).payload
    for place in range(4 + len(made.statement.encode()) + 8):
        forged = bytearray(payload)
        forged[place] ^= 1
        with pytest.raises(VerificationError):
            verify(
                made,
                artifact.pack(bundle.KIND, bytes(forged), version=bundle.VERSION, protocol=PROTOCOL_VERSION),
            )


def test_compressed_copy_is_refused(made: Chain) -> None:
    payload = artifact.unpack(made.bundle).payload + bytes(0)
    stored = zstandard.ZstdCompressor().compress(payload)
    head = bytearray(made.bundle[:64])
    header = artifact.read_header(made.bundle)
    head[12] = 1
    head[24:32] = len(stored).to_bytes(8, "little")
    names = made.bundle[64 : header.payload_offset]
    head[32:64] = hashlib.sha256(bytes(head[:32]) + names + payload).digest()
    copy = bytes(head) + names + stored
    assert artifact.unpack(copy).payload == payload
    with pytest.raises(MalformedBundle, match="compressed"):
        verify(made, copy)


def test_a_small_file_does_not_inflate() -> None:
    """33 kB that state a gigabyte are refused before anything is decompressed."""
    size = bundle.MAX_BYTES
    compressor = zstandard.ZstdCompressor(level=3).compressobj(size=size)
    piece = bytes(1 << 24)
    stored = b"".join(compressor.compress(piece) for _ in range(size // len(piece))) + compressor.flush()
    assert len(stored) < 1 << 16
    honest = bytearray(artifact.pack(bundle.KIND, b"", version=bundle.VERSION, protocol=PROTOCOL_VERSION))
    honest[12] = 1
    honest[16:24], honest[24:32] = size.to_bytes(8, "little"), len(stored).to_bytes(8, "little")
    tracemalloc.start()
    try:
        with pytest.raises(MalformedBundle, match="compressed"):
            stages.verify_bundle(bytes(honest) + stored, program_commitment=None, profile=PROFILE)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()
