"""The proof of a run's only segment: what it shows, and that nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from proving import stages
from proving.machine.program import Program
from proving.machine.state import STATE_BYTES, State
from proving.stages import batch_proof, proof, run_proof
from proving.stages.batch_proof import CLAIM_BYTES, Claim
from proving.stages.statement import Statement
from proving.stages.witness import BasicWitness
from proving.stark.errors import ProofRefused
from runtime import artifact
from runtime.errors import HallmarkError, VerificationError
from runtime.protocol import PROTOCOL_VERSION
from tests.proving.machine import assembler as asm
from tests.proving.machine.main_vm.segments import ARITH256, NUMBERS
from tests.proving.stages.chain import PROFILE, chain, elf_of
from tests.shared import once

ROUNDS = 20


def witness(elf: bytes) -> BasicWitness:
    return stages.basic_witness(elf, b"", size_class=12)


@pytest.fixture(scope="module")
def made() -> bytes:
    """The proof of a run of one segment."""
    found = witness(elf_of(ROUNDS))
    (checkpoint,) = found.checkpoints
    (segment,) = once("run", lambda: [stages.prove_segment(checkpoint, profile=PROFILE)])
    return run_proof.pack(Statement.decode(found.statement), segment, profile=PROFILE)


def changed(
    data: bytes, *, claim: Callable[[Claim], Claim] | None = None, final: Callable[[State], State] | None = None
) -> bytes:
    """The artifact with another claim or final state, under a right checksum."""
    was, state, bare = run_proof.unpack(data)
    made = (claim(was) if claim else was).to_bytes() + (final(state) if final else state).to_bytes() + bare
    return artifact.pack(batch_proof.RUN_KIND, made, version=run_proof.VERSION, protocol=PROTOCOL_VERSION)


def check(data: bytes, **expected: bytes | None) -> batch_proof.Verified:
    commitment = Program.from_elf(elf_of(ROUNDS)).commitment
    return stages.verify_run(data, program_commitment=commitment, profile=PROFILE, **expected)


def refused(data: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        check(data)
    return caught.value.code


def test_it_shows_the_program_and_its_output(made: bytes) -> None:
    shown = check(made)
    assert shown.output[:4] == ROUNDS.to_bytes(4, "little")
    assert shown.security.bits >= 100
    check(made, output=shown.output)
    with pytest.raises(batch_proof.OtherOutput):
        check(made, output=bytes(32))


def test_it_covers_one_segment_without_requests_only() -> None:
    assert run_proof.covers(Statement.decode(witness(elf_of(ROUNDS)).statement))
    assert not run_proof.covers(chain().statement)
    words = [*asm.li(11, NUMBERS), *asm.li(10, NUMBERS - 32), ARITH256, asm.HALT]
    assert not run_proof.covers(Statement.decode(witness(asm.elf(words)).statement))


def test_it_is_no_proof_of_a_batch(made: bytes) -> None:
    with pytest.raises(batch_proof.NotJoined):
        stages.verify_batch(made, program_commitment=None, profile=PROFILE)
    with pytest.raises(batch_proof.NotJoined):
        stages.compress_proof(made, profile=PROFILE)


def register(number: int, value: int) -> Callable[[State], State]:
    def put(state: State) -> State:
        registers = state.registers.copy()
        registers[number] = value
        return replace(state, registers=registers)

    return put


def word(name: str) -> Callable[[State], State]:
    def flip(state: State) -> State:
        array = getattr(state, name).copy()
        array.reshape(-1)[0] ^= np.uint64(1)
        return replace(state, **{name: array})

    return flip


@pytest.mark.parametrize(
    "final",
    [
        register(9, 7),
        word("memory_root"),
        word("code_root"),
        lambda state: replace(state, pc=state.pc + 4),
    ],
)
def test_another_final_state_is_refused(made: bytes, final: Callable[[State], State]) -> None:
    with pytest.raises(ProofRefused):
        check(changed(made, final=final))


def test_a_run_that_goes_on_is_refused(made: bytes) -> None:
    assert refused(changed(made, final=lambda state: replace(state, halted=False))) == "not_the_run"


def test_requests_that_nobody_has_proven_are_refused(made: bytes) -> None:
    """A run that asks for a product would end in such a state, whatever the answer was."""
    assert refused(changed(made, final=word("requests"))) == "not_the_run"
    words = [*asm.li(11, NUMBERS), *asm.li(10, NUMBERS - 32), ARITH256, asm.HALT]
    found = witness(asm.elf(words))
    segment = stages.prove_segment(found.checkpoints[0], profile=PROFILE)
    asked = run_proof.pack(Statement.decode(found.statement), segment, profile=PROFILE)
    with pytest.raises(run_proof.NotTheRun, match="requests"):
        stages.verify_run(asked, program_commitment=Program.from_elf(asm.elf(words)).commitment, profile=PROFILE)


def test_another_output_is_refused(made: bytes) -> None:
    other = bytes([1]) + bytes(31)
    assert refused(changed(made, claim=lambda claim: replace(claim, output=other))) == "not_the_run"
    both = changed(made, claim=lambda claim: replace(claim, output=ROUNDS.to_bytes(4, "little") + other[:28]))
    assert refused(both) == "not_the_run"
    forged = changed(made, claim=lambda claim: replace(claim, output=other), final=lambda state: register(10, 1)(state))
    with pytest.raises(VerificationError):
        check(forged)


def test_another_claim_is_refused(made: bytes) -> None:
    one = np.uint64(1)
    assert refused(changed(made, claim=lambda claim: replace(claim, key_set=claim.key_set ^ one))) == "other_key_set"
    assert refused(changed(made, claim=lambda claim: replace(claim, protocol=claim.protocol + 1))) == "other_protocol"
    other = changed(made, claim=lambda claim: replace(claim, program_commitment=claim.program_commitment ^ one))
    assert refused(other) == "other_program"
    with pytest.raises(ProofRefused):
        stages.verify_run(other, program_commitment=None, profile=PROFILE)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_segment_of_a_longer_run_is_not_the_run(number: int) -> None:
    """Of three segments: neither does the first one end in the final state nor do the others begin the run."""
    run = chain()
    alone = run_proof.pack(run.statement, run.artifacts[number], profile=PROFILE)
    with pytest.raises(VerificationError):
        stages.verify_run(alone, program_commitment=run.program.commitment, profile=PROFILE)


def test_another_profile_is_refused(made: bytes) -> None:
    with pytest.raises(batch_proof.OtherKeySet, match="proven100"):
        stages.verify_run(made, program_commitment=None, profile="proven128")


@pytest.mark.parametrize("kept", [0, 3, CLAIM_BYTES - 1, CLAIM_BYTES, CLAIM_BYTES + STATE_BYTES - 1])
def test_a_payload_that_is_cut_off_is_malformed(made: bytes, kept: int) -> None:
    payload = artifact.unpack(made, plain=True).payload
    short = artifact.pack(batch_proof.RUN_KIND, payload[:kept], version=run_proof.VERSION, protocol=PROTOCOL_VERSION)
    assert refused(short) == "malformed_batch_proof"


def test_a_changed_byte_anywhere_is_refused(made: bytes) -> None:
    payload = bytearray(artifact.unpack(made, plain=True).payload)
    for place in range(0, len(payload), len(payload) // 60):
        payload[place] ^= 4
        other = artifact.pack(
            batch_proof.RUN_KIND, bytes(payload), version=run_proof.VERSION, protocol=PROTOCOL_VERSION
        )
        with pytest.raises(HallmarkError):
            check(other)
        payload[place] ^= 4
    assert len(made) < proof.MAX_BYTES
