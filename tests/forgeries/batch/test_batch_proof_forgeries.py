"""A batch's proof is refused whenever anything about the run that it claims is changed."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import zstandard

from proving import keys, stages
from proving.field.goldilocks import PRIME
from proving.machine.program import Program
from proving.stages import batch_proof, recursion_proof
from proving.stages.aggregation import ChainBroken, ChildRefused
from proving.stages.batch_proof import Claim, MalformedBatchProof, OtherKeySet, OtherOutput, OtherProgram, OtherProtocol
from proving.stages.recursion_witness import RecursionWitness
from proving.stages.rounds import Round, tree
from proving.stages.statement import Statement
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.machine import assembler as asm
from tests.proving.machine.programs import counting_loop
from tests.proving.stages.batch import PROFILE, ROUNDS, Batch, batch


@pytest.fixture(scope="module")
def made() -> Batch:
    return batch()


def verify(made: Batch, data: bytes, *, profile: str = PROFILE, output: bytes | None = None) -> batch_proof.Verified:
    return stages.verify_batch(data, program_commitment=made.program.commitment, profile=profile, output=output)


def repack(claim: Claim, proof: bytes) -> bytes:
    return batch_proof.pack(claim, proof, protocol=PROTOCOL_VERSION)


def places(made: Batch, wanted: Round) -> list[int]:
    return [place for place, step in enumerate(tree(made.told.segments)) if step.round is wanted]


def test_a_run_of_several_segments_ends_in_one_proof(made: Batch) -> None:
    assert made.told.segments >= 2
    shown = verify(made, made.proofs[-1], output=made.told.final.output())
    assert int.from_bytes(shown.output[:4], "little") == ROUNDS
    assert shown.security.bits >= 100
    assert len(made.proofs[-1]) < 400_000


def test_other_program_is_refused(made: Batch) -> None:
    other = Program.from_elf(asm.elf(counting_loop(ROUNDS + 1)))
    with pytest.raises(OtherProgram):
        stages.verify_batch(made.proofs[-1], program_commitment=other.commitment, profile=PROFILE)


def test_other_output_is_refused(made: Batch) -> None:
    with pytest.raises(OtherOutput):
        verify(made, made.proofs[-1], output=bytes(32))


@pytest.mark.parametrize("profile", ["proven128", "legacy-conjectured"])
def test_other_profile_is_refused_by_name(made: Batch, profile: str) -> None:
    with pytest.raises(OtherKeySet, match=f"profile {PROFILE}.*{profile}"):
        verify(made, made.proofs[-1], profile=profile)


@pytest.mark.parametrize("profile", ["proven128", pytest.param("legacy-conjectured", marks=pytest.mark.long)])
def test_the_key_set_of_another_profile_does_not_help(made: Batch, profile: str) -> None:
    claim, proof = batch_proof.unpack(made.proofs[-1])
    other = replace(claim, key_set=keys.key_set(profile).digest)
    with pytest.raises(VerificationError):
        verify(made, repack(other, proof), profile=profile)
    with pytest.raises(OtherKeySet):
        verify(made, repack(other, proof))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda claim: replace(claim, key_set=claim.key_set + np.uint64(1)), OtherKeySet),
        (lambda claim: replace(claim, protocol=claim.protocol + 1), OtherProtocol),
        (lambda claim: replace(claim, program_commitment=claim.program_commitment + np.uint64(1)), VerificationError),
        *(
            (
                lambda claim, place=place: replace(
                    claim, output=claim.output[:place] + bytes([claim.output[place] ^ 1]) + claim.output[place + 1 :]
                ),
                VerificationError,
            )
            for place in (0, 5, 12, 31)
        ),
    ],
)
def test_another_claim_is_refused_by_the_proof(
    made: Batch, change: Callable[[Claim], Claim], refusal: type[VerificationError]
) -> None:
    """The caller expects nothing of program and output here, so the proof itself must refuse them."""
    claim, proof = batch_proof.unpack(made.proofs[-1])
    with pytest.raises(refusal):
        stages.verify_batch(repack(change(claim), proof), program_commitment=None, profile=PROFILE)


def test_any_changed_byte_is_refused(made: Batch) -> None:
    rng = random.Random(1)
    whole = made.proofs[-1]
    for place in [*range(0, 200, 7), *(rng.randrange(len(whole)) for _ in range(60)), len(whole) - 1]:
        forged = bytearray(whole)
        forged[place] ^= 1 << rng.randrange(8)
        with pytest.raises(VerificationError):
            verify(made, bytes(forged))


def test_any_changed_byte_under_a_right_checksum_is_refused(made: Batch) -> None:
    """The envelope's checksum is no security: every byte of claim and proof is bound without it."""
    rng = random.Random(2)
    payload = artifact.unpack(made.proofs[-1]).payload
    for place in [*range(17 * 8), *(rng.randrange(len(payload)) for _ in range(40))]:
        forged = bytearray(payload)
        forged[place] ^= 1 << rng.randrange(8)
        data = artifact.pack(batch_proof.KIND, bytes(forged), version=batch_proof.VERSION, protocol=PROTOCOL_VERSION)
        with pytest.raises(VerificationError):
            stages.verify_batch(data, program_commitment=None, profile=PROFILE)


def test_an_alias_of_a_word_is_refused(made: Batch) -> None:
    payload = bytearray(artifact.unpack(made.proofs[-1]).payload)
    for place in range(17):
        word = int.from_bytes(payload[8 * place : 8 * place + 8], "little")
        if word + PRIME < 2**64:
            forged = bytearray(payload)
            forged[8 * place : 8 * place + 8] = (word + PRIME).to_bytes(8, "little")
            data = artifact.pack(
                batch_proof.KIND, bytes(forged), version=batch_proof.VERSION, protocol=PROTOCOL_VERSION
            )
            with pytest.raises(MalformedBatchProof):
                stages.verify_batch(data, program_commitment=None, profile=PROFILE)


@pytest.mark.parametrize("extra", [b"\0", bytes(32), b"HALLMARK"])
def test_trailing_bytes_are_refused(made: Batch, extra: bytes) -> None:
    with pytest.raises(MalformedBatchProof):
        verify(made, made.proofs[-1] + extra)
    claim, proof = batch_proof.unpack(made.proofs[-1])
    with pytest.raises(VerificationError):
        verify(made, repack(claim, proof + extra))


def test_a_truncated_proof_is_refused(made: Batch) -> None:
    whole = made.proofs[-1]
    for size in (0, 1, 63, 64, 200, 1000, len(whole) // 2, len(whole) - 1):
        with pytest.raises(VerificationError):
            verify(made, whole[:size])


def test_a_compressed_copy_is_refused(made: Batch) -> None:
    whole = made.proofs[-1]
    payload = artifact.unpack(whole).payload
    stored = zstandard.ZstdCompressor().compress(payload)
    head = bytearray(whole[:64])
    header = artifact.read_header(whole)
    head[12] = 1
    head[24:32] = len(stored).to_bytes(8, "little")
    names = whole[64 : header.payload_offset]
    head[32:64] = hashlib.sha256(bytes(head[:32]) + names + payload).digest()
    copy = bytes(head) + names + stored
    assert artifact.unpack(copy).payload == payload
    with pytest.raises(MalformedBatchProof, match="compressed"):
        verify(made, copy)


def test_a_small_file_does_not_inflate() -> None:
    """A few kB that state megabytes are refused before anything is decompressed."""
    size = batch_proof.MAX_BYTES
    stored = zstandard.ZstdCompressor(level=3).compress(bytes(size))
    assert len(stored) < 1 << 14
    honest = bytearray(artifact.pack(batch_proof.KIND, b"", version=batch_proof.VERSION, protocol=PROTOCOL_VERSION))
    honest[12] = 1
    honest[16:24], honest[24:32] = size.to_bytes(8, "little"), len(stored).to_bytes(8, "little")
    tracemalloc.start()
    try:
        with pytest.raises(MalformedBatchProof, match="compressed"):
            stages.verify_batch(bytes(honest) + stored, program_commitment=None, profile=PROFILE)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("wanted", [Round.BASIC, Round.LEAF, Round.NODE, Round.TIP])
def test_a_proof_of_an_earlier_round_is_no_batch_proof(made: Batch, wanted: Round) -> None:
    place = places(made, wanted)[0]
    with pytest.raises(MalformedBatchProof):
        verify(made, made.proofs[place])
    claim, _ = batch_proof.unpack(made.proofs[-1])
    if wanted is not Round.BASIC:
        inner = recursion_proof.unpack(made.proofs[place])
        with pytest.raises(VerificationError):
            verify(made, repack(claim, inner.proof))


def witness(made: Batch, wanted: Round, proofs: list[bytes], statement: Statement | None = None) -> bytes:
    told = made.told if statement is None else statement
    return stages.recursive_witness(wanted, proofs, statement=told.encode(), profile=PROFILE)


def test_children_that_are_not_adjacent_are_refused(made: Batch) -> None:
    left, right = (made.proofs[place] for place in places(made, Round.LEAF)[:2])
    for children in ([right, left], [left, left]):
        with pytest.raises(ChainBroken):
            witness(made, Round.NODE, children)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (Round.NODE, Round.TIP),
        (Round.TIP, Round.TIP),
        (Round.SCHEDULER, Round.NODE),
        (Round.SCHEDULER, Round.LEAF),
    ],
)
def test_a_proof_of_another_role_is_refused(made: Batch, wanted: Round, given: Round) -> None:
    child = made.proofs[places(made, given)[0]]
    with pytest.raises(ChildRefused, match="does not take"):
        witness(made, wanted, [child, child] if wanted is Round.NODE else [child])


def test_a_part_of_the_chain_is_no_batch(made: Batch) -> None:
    """A leaf alone neither reaches the final state nor, from the second on, starts at the program."""
    for place in places(made, Round.LEAF):
        with pytest.raises(ChainBroken):
            witness(made, Round.TIP, [made.proofs[place]])


def test_a_statement_about_another_run_is_refused(made: Batch) -> None:
    registers = made.told.final.registers.copy()
    registers[10] += 1
    other = replace(made.told, final=replace(made.told.final, registers=registers))
    (node,) = places(made, Round.NODE)[-1:]
    with pytest.raises(ChainBroken):
        witness(made, Round.TIP, [made.proofs[node]], other)
    with pytest.raises(ChainBroken):
        witness(made, Round.SCHEDULER, [made.proofs[-2]], other)


@pytest.mark.parametrize("wanted", [Round.LEAF, Round.NODE, Round.TIP, Round.SCHEDULER])
def test_a_child_that_does_not_hold_is_refused_by_its_place(made: Batch, wanted: Round) -> None:
    step = tree(made.told.segments)[places(made, wanted)[0]]
    children = [made.proofs[child] for child in step.children]
    opened = artifact.read_header(children[-1])
    payload = bytearray(artifact.unpack(children[-1]).payload)
    payload[-100] ^= 1
    children[-1] = artifact.pack(opened.kind, bytes(payload), version=opened.version, protocol=PROTOCOL_VERSION)
    with pytest.raises(ChildRefused, match=f"Proof {len(children) - 1}"):
        witness(made, wanted, children)


def test_a_false_witness_makes_no_proof(made: Batch) -> None:
    """A prover whose witness claims another output proves in vain: its own check refuses the proof."""
    tip = RecursionWitness.unpack(made.witnesses[places(made, Round.TIP)[0]])
    publics = tip.publics.copy()
    publics[-1] ^= np.uint64(1)
    with pytest.raises(VerificationError):
        stages.prove_recursive(replace(tip, publics=publics).pack(protocol=PROTOCOL_VERSION), None, profile=PROFILE)


def test_a_witness_is_proven_under_its_own_profile_and_trace_only(made: Batch) -> None:
    tip, scheduler = (made.witnesses[places(made, wanted)[0]] for wanted in (Round.TIP, Round.SCHEDULER))
    with pytest.raises(InvalidInput, match="profile"):
        stages.prove_recursive(tip, None, profile="legacy-conjectured")
    with pytest.raises(InvalidInput, match="another witness"):
        stages.prove_recursive(tip, stages.recursive_vectors(scheduler), profile=PROFILE)
