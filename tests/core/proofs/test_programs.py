"""A core that was started with another program: each batch is finished, lent and judged with the one that made it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from core.batches.witness_store import WitnessStore
from core.errors import ProgramMissing, ProgramUnknown, ProofRefused
from core.process.node import Node
from core.process.server import Server
from core.program.kept import KeptPrograms
from core.program.state_transition import Program, Run
from core.proofs.batch_file import batch_file, read_batch_file
from core.proofs.verification import proof_verifier
from core.settings import PROGRAM
from core.state import versions
from core.store import Batch, BatchStatus
from runtime.errors import VerificationError
from tests.core.chain import KEY_DIGEST, WALLETS, Shown, node_at, transfer
from tests.core.second_program import second_program, write_second_program
from tests.processes import started
from tests.proving.stages.batch import prove_all

FIRST, SECOND = (Program(elf, 1 << 32) for elf in (PROGRAM.read_bytes(), second_program()))


def proof_of(program: Program, output: bytes) -> bytes:
    """Bytes that stand for a proof of one program and one output."""
    return hashlib.shake_256(program.commitment.encode() + output).digest(4096)


def by_program(program: Program) -> Callable[[bytes, bytes], Shown]:
    """Make a verifier that tells programs apart, as a real one does."""

    def verify(proof: bytes, output: bytes) -> Shown:
        if proof != proof_of(program, output):
            raise VerificationError("The stand-in proof is of another program or output.")
        return Shown(output)

    return verify


@pytest.fixture(autouse=True)
def verifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.core.chain.stand_in_verifier", by_program)


def seal(node: Node, count: int = 1) -> None:
    with node.store.session():
        done = Batch.select().count() - 1
    for nonce in range(done, done + count):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()


def again(node: Node, folder: Path, **changes: Any) -> Node:
    """End a core, and start one with the second program on the same state."""
    node.store.close()
    return node_at(folder, core_program=write_second_program(folder), **changes)


def batch(node: Node, number: int) -> Batch:
    with node.store.session():
        found: Batch = Batch.get_by_id(number)
        return found


def kept(folder: Path) -> Path:
    return folder / "core" / "programs" / f"{FIRST.commitment}.elf"


async def test_batches_on_both_sides_of_a_change_are_lent_with_their_programs(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node, 2)
    node = again(node, tmp_path)
    seal(node)
    asked = {"prover": "test", "protocol_version": "1", "key_digest": KEY_DIGEST}
    async with (
        TestServer(Server(node, started(node.settings)).application()) as server,
        ClientSession(server.make_url("/")) as http,
    ):
        for number, program in ((1, FIRST), (2, FIRST), (3, SECOND)):
            async with http.post("/proof_generation_data", json=asked) as answer:
                offer = await answer.json()
            assert (offer["batch_number"], offer["program_commitment"]) == (number, program.commitment)
            async with http.get(f"/programs/{offer['program_sha256']}") as answer:
                assert await answer.read() == program.elf
            async with http.get(offer["witness_input"]["url"]) as answer:
                run = Program(program.elf, 1 << 32).run(await answer.read())
            assert run.output == batch(node, number).expected_output
            headers = {"Hallmark-Offer": offer["offer_token"]}
            other = SECOND if program is FIRST else FIRST
            for of, status in ((other, 422), (program, 200)):
                content = proof_of(of, run.output)
                async with http.post(f"/submit_proof/{number}", data=content, headers=headers) as answer:
                    assert answer.status == status
        async with http.get(f"/programs/{'00' * 32}") as answer:
            assert answer.status == 404
    node.store.close()


def test_a_batch_file_names_the_program_of_its_batch(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node)
    node = again(node, tmp_path)
    seal(node)
    with node.store.session():
        files = [
            read_batch_file(batch_file(row, versions.identity_of(node.store, row, node.identity)))
            for row in Batch.select().where(Batch.number > 0).order_by(Batch.number)
        ]
        assert [(file.program_commitment, file.program_sha256) for file in files] == [
            (program.commitment, program.sha256) for program in (FIRST, SECOND)
        ]
        row = Batch.get_by_id(1)
        row.program_commitment = b"\x11" * 32
        with pytest.raises(ProgramUnknown, match="Batch 1 was made with the program 11111"):
            versions.identity_of(node.store, row, node.identity)
    node.store.close()


def test_a_batch_that_was_not_finished_is_finished_by_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_at(tmp_path, core_components="none")
    seal(node, 2)
    assert batch(node, 1).status == BatchStatus.TREE_UPDATED
    asked: list[str] = []
    run = Program.run

    def noting(program: Program, content: bytes) -> Run:
        asked.append(program.sha256)
        return run(program, content)

    monkeypatch.setattr(Program, "run", noting)
    node = again(node, tmp_path)
    assert batch(node, 2).status == BatchStatus.COMMITTED
    seal(node)
    node.store.close()
    assert asked[:2] == [FIRST.sha256] * 2
    assert set(asked[2:]) == {SECOND.sha256}


@pytest.mark.parametrize("kind", ["gone", "another program", "no program"])
def test_a_core_without_the_program_of_an_open_batch_does_not_start(tmp_path: Path, kind: str) -> None:
    node = node_at(tmp_path)
    seal(node)
    if kind == "gone":
        kept(tmp_path).unlink()
    else:
        kept(tmp_path).write_bytes(SECOND.elf if kind == "another program" else b"\x7fELF")
    with pytest.raises(ProgramMissing, match=f"program {FIRST.commitment}; this core runs {SECOND.commitment}") as told:
        again(node, tmp_path)
    assert str(kept(tmp_path)) in told.value.remedy
    kept(tmp_path).write_bytes(FIRST.elf)
    again(node, tmp_path).store.close()


def test_a_program_without_open_batches_is_not_asked_for(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node)
    proof = tmp_path / "proof"
    proof.write_bytes(proof_of(FIRST, batch(node, 1).expected_output))
    assert node.acceptance.judge(1, None, proof, "")
    kept(tmp_path).unlink()
    node = again(node, tmp_path)
    seal(node)
    node.store.close()


def test_a_damaged_file_of_ones_own_program_is_written_anew(tmp_path: Path) -> None:
    KeptPrograms(tmp_path, FIRST, 1 << 32)
    path = tmp_path / f"{FIRST.commitment}.elf"
    path.write_bytes(FIRST.elf[:100])
    KeptPrograms(tmp_path, FIRST, 1 << 32)
    assert KeptPrograms(tmp_path, SECOND, 1 << 32).of(bytes.fromhex(FIRST.commitment)).elf == FIRST.elf


@pytest.mark.long
def test_a_real_proof_of_the_old_program_is_accepted_by_a_core_that_runs_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And refused for a batch of the new program, whatever else is equal."""
    monkeypatch.setattr("tests.core.chain.stand_in_verifier", proof_verifier("proven100"))
    node = node_at(tmp_path)
    seal(node)
    node = again(node, tmp_path)
    seal(node)
    witness = WitnessStore(tmp_path / "core" / "witnesses").get(1, "witness")
    proof = tmp_path / "proof"
    content = prove_all(FIRST.elf, witness, size_class=18).proofs[-1]
    for number in (2, 1):
        proof.write_bytes(content)
        if number == 2:
            with pytest.raises(ProofRefused):
                node.acceptance.judge(number, None, proof, "")
        else:
            assert node.acceptance.judge(number, None, proof, "")
    with node.store.session():
        Batch.update(status=BatchStatus.COMMITTED, program_commitment=bytes.fromhex(SECOND.commitment)).where(
            Batch.number == 1
        ).execute()
    proof.write_bytes(content)
    with pytest.raises(ProofRefused, match="program"):
        node.acceptance.judge(1, None, proof, "")
    node.store.close()
