"""Offers and submissions over HTTP: what core gives to provers, and what it refuses from them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from peewee import OperationalError

from core.process.node import Node
from core.process.server import Server
from core.proofs import proof_data_handler
from core.proofs.acceptance import proven_batch
from core.proofs.batch_file import read_batch_file
from core.store import Batch, BatchStatus, Submission
from tests.core.chain import KEY_DIGEST, WALLETS, Clock, node_at, stand_in_proof, transfer
from tests.processes import started

REQUEST = {"prover": "test", "protocol_version": "1", "key_digest": KEY_DIGEST}
TRACEPARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def seal(node: Node, batches: int = 1, first: int = 0) -> None:
    for nonce in range(first, first + batches):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()


def outputs(node: Node) -> dict[int, bytes]:
    with node.store.session():
        return {row.number: row.expected_output for row in Batch.select()}


def submissions(node: Node) -> list[str]:
    with node.store.session():
        return [row.outcome for row in Submission.select().order_by(Submission.id)]


def proven(node: Node) -> int:
    with node.store.session():
        return proven_batch()


async def ask(http: ClientSession, **changes: Any) -> tuple[int, Any]:
    async with http.post("/proof_generation_data", json=REQUEST | changes) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def submit(http: ClientSession, number: object, token: str, proof: Any) -> tuple[int, Any]:
    headers = {"Hallmark-Offer": token, "traceparent": TRACEPARENT}
    async with http.post(f"/submit_proof/{number}", data=proof, headers=headers) as answer:
        content = await answer.json()
        return answer.status, content if answer.status == 200 else content["error"]["code"]


async def test_a_batch_is_offered_fetched_and_accepted(http: ClientSession, node: Node) -> None:
    assert await ask(http) == (204, None)
    seal(node)
    status, offer = await ask(http)
    assert status == 200
    assert (offer["batch_number"], offer["chain_id"], offer["protocol_version"]) == (1, 4242, "1")
    assert offer["program_commitment"] == node.program.commitment
    async with http.get(offer["witness_input"]["url"]) as answer:
        witness = await answer.read()
    assert len(witness) == offer["witness_input"]["size"]
    assert hashlib.sha256(witness).hexdigest() == offer["witness_input"]["sha256"]
    async with http.get(f"/programs/{offer['program_sha256']}") as answer:
        elf = await answer.read()
    assert hashlib.sha256(elf).hexdigest() == offer["program_sha256"]
    assert node.program.run(witness).output == outputs(node)[1]
    proof = stand_in_proof(outputs(node)[1])
    assert await submit(http, 1, offer["offer_token"], proof) == (200, {"accepted": True})
    assert proven(node) == 1
    kept = node.settings.state_dir / "core/proofs/batch-1.proof"
    assert kept.read_bytes() == proof
    assert await ask(http) == (204, None)
    async with http.get("/batches/1") as answer:
        assert read_batch_file(await answer.read()).output == outputs(node)[1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key_digest": "proven100:" + "00" * 32}, "key_mismatch"),
        ({"key_digest": "legacy-conjectured:" + "ab" * 32}, "key_mismatch"),
        ({"protocol_version": "2"}, "protocol_mismatch"),
    ],
)
async def test_a_prover_with_other_keys_gets_no_batch(
    http: ClientSession, node: Node, changes: dict[str, str], code: str
) -> None:
    seal(node)
    status, body = await ask(http, **changes)
    assert (status, body["error"]["code"]) == (409, code)
    assert body["error"]["remedy"]
    both = {*changes.values(), *(REQUEST[name] for name in changes)}
    assert all(each in body["error"]["message"] for each in both), "the message names both in full"
    assert (await ask(http))[0] == 200, "the refusal took no batch"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"prover": 1}', json.dumps(REQUEST | {"more": 1}).encode(), b"\xff"]
)
async def test_a_malformed_question_is_a_typed_error(http: ClientSession, body: bytes) -> None:
    async with http.post("/proof_generation_data", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "invalid_input"


async def test_a_question_over_the_limit_is_refused(http: ClientSession) -> None:
    async with http.post("/proof_generation_data", data=b" " * (2 << 20)) as answer:
        assert answer.status == 413


async def test_two_provers_get_two_batches(http: ClientSession, node: Node) -> None:
    seal(node, 2)
    first, second = (await ask(http))[1], (await ask(http))[1]
    assert (first["batch_number"], second["batch_number"]) == (1, 2)
    assert await ask(http) == (204, None)


async def test_an_offer_that_expires_loses_no_batch(http: ClientSession, node: Node, clock: Clock) -> None:
    seal(node)
    proof = stand_in_proof(outputs(node)[1])
    dead = (await ask(http))[1]["offer_token"]
    clock.now += 61
    offer = (await ask(http))[1]
    assert offer["batch_number"] == 1
    assert await submit(http, 1, dead, proof) == (410, "offer_expired"), "a late proof is refused"
    assert proven(node) == 0
    assert (await submit(http, 1, offer["offer_token"], proof))[0] == 200


async def test_a_dead_provers_offer_runs_out_after_the_clock_stepped_back(
    http: ClientSession, node: Node, clock: Clock
) -> None:
    seal(node)
    assert (await ask(http))[0] == 200
    clock.now -= 86400
    assert await ask(http) == (204, None), "its prover may live and has a whole life to renew it"
    clock.now += 61
    assert (await ask(http))[1]["batch_number"] == 1


async def test_a_renewed_offer_lives_on(http: ClientSession, node: Node, clock: Clock) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    for _ in range(3):
        clock.now += 40
        async with http.post("/renew_offer/1", headers={"Hallmark-Offer": token}) as answer:
            assert answer.status == 200
            assert (await answer.json())["offer_expires_at"] == clock.now + 60
    assert await ask(http) == (204, None)
    clock.now += 61
    async with http.post("/renew_offer/1", headers={"Hallmark-Offer": token}) as answer:
        assert answer.status == 410


async def test_offers_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    node = node_at(tmp_path, clock)
    seal(node)
    issued = node.offers.issue("prover")
    assert issued is not None
    node.store.close()
    again = node_at(tmp_path, clock)
    assert again.offers.issue("other") is None
    assert again.offers.check(issued[0].token, 1).prover == "prover"


async def test_no_altered_proof_is_accepted(http: ClientSession, node: Node) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    proof = stand_in_proof(outputs(node)[1])
    flipped = bytearray(proof)
    flipped[100] ^= 1
    for bad in (b"", bytes(flipped), proof[:-1], proof + b"\x00", b"\x00" * 4096):
        assert await submit(http, 1, token, bad) == (422, "proof_refused")
    assert proven(node) == 0
    assert submissions(node) == ["proof_refused"] * 5
    assert not list((node.settings.state_dir / "core/incoming").iterdir()), "refused bytes are removed"
    assert (await submit(http, 1, token, proof))[0] == 200


async def test_a_proof_of_another_batch_is_refused(http: ClientSession, node: Node) -> None:
    seal(node, 2)
    tokens = [(await ask(http))[1]["offer_token"] for _ in range(2)]
    first = stand_in_proof(outputs(node)[1])
    assert await submit(http, 2, tokens[1], first) == (422, "proof_refused")
    assert await submit(http, 2, tokens[0], stand_in_proof(outputs(node)[2])) == (403, "offer_mismatch")
    assert proven(node) == 0


async def test_a_refusal_names_its_remedy_and_the_clients_trace(http: ClientSession, node: Node) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    headers = {"Hallmark-Offer": token, "traceparent": TRACEPARENT}
    async with http.post("/submit_proof/1", data=b"no proof", headers=headers) as answer:
        error = (await answer.json())["error"]
    assert set(error) == {"code", "message", "remedy", "trace_id"}
    assert (error["trace_id"], bool(error["remedy"])) == ("ab" * 16, True)
    with node.store.session():
        assert Submission.select().get().trace_id == "ab" * 16


async def test_a_replayed_proof_changes_nothing(http: ClientSession, node: Node) -> None:
    seal(node, 2)
    token = (await ask(http))[1]["offer_token"]
    proof = stand_in_proof(outputs(node)[1])
    assert (await submit(http, 1, token, proof))[0] == 200
    assert (await submit(http, 1, token, proof))[0] == 200, "the very same proof: its first answer may be lost"
    assert await submit(http, 1, token, stand_in_proof(outputs(node)[1], 5000)) == (409, "batch_proven")
    assert proven(node) == 1
    other = (await ask(http))[1]["offer_token"]
    assert await submit(http, 2, other, proof) == (422, "proof_refused")
    assert proven(node) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(9, "batch_unknown"), (0, "invalid_input"), ("x", "invalid_input"), (10**17, "batch_unknown")]
)
async def test_unknown_batches_are_refused(http: ClientSession, node: Node, number: object, code: str) -> None:
    assert (await submit(http, number, "00", b"proof"))[1] == code
    async with http.get(f"/witness_inputs/{number}") as answer:
        assert (await answer.json())["error"]["code"] == code


@pytest.mark.parametrize("token", ["", "00" * 32, "x" * 4000, "é"])
async def test_an_unknown_token_is_refused(http: ClientSession, node: Node, token: str) -> None:
    seal(node)
    await ask(http)
    assert await submit(http, 1, token, stand_in_proof(outputs(node)[1])) == (403, "offer_unknown")


async def test_proofs_may_arrive_out_of_order(http: ClientSession, node: Node) -> None:
    seal(node, 2)
    tokens = [(await ask(http))[1]["offer_token"] for _ in range(2)]
    assert (await submit(http, 2, tokens[1], stand_in_proof(outputs(node)[2])))[0] == 200
    assert proven(node) == 0
    assert (await submit(http, 1, tokens[0], stand_in_proof(outputs(node)[1])))[0] == 200
    assert proven(node) == 2


@pytest.fixture
def small(tmp_path: Path) -> Node:
    return node_at(tmp_path, core_proof_limit=10_000)


async def test_an_oversized_proof_is_refused_whether_it_says_so_or_not(small: Node) -> None:
    seal(small)

    async def stream() -> Any:
        for _ in range(100):
            yield bytes(1000)

    async with (
        TestServer(Server(small, started(small.settings, "core")).application()) as server,
        ClientSession(server.make_url("/")) as http,
    ):
        token = (await ask(http))[1]["offer_token"]
        assert await submit(http, 1, token, bytes(10_001)) == (413, "proof_too_large")
        assert await submit(http, 1, token, stream()) == (413, "proof_too_large")
        assert proven(small) == 0
        assert (await submit(http, 1, token, stand_in_proof(outputs(small)[1], 10_000)))[0] == 200


async def test_a_body_that_ends_early_is_recorded_as_truncated(
    http: ClientSession, server: TestServer, node: Node
) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    _, writer = await asyncio.open_connection(server.host, server.port)
    head = f"POST /submit_proof/1 HTTP/1.1\r\nHost: core\r\nHallmark-Offer: {token}\r\nContent-Length: 4096\r\n\r\n"
    writer.write(head.encode() + stand_in_proof(outputs(node)[1])[:1000])
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    for _ in range(100):
        if submissions(node):
            break
        await asyncio.sleep(0.02)
    assert submissions(node) == ["proof_truncated"]
    assert proven(node) == 0
    assert (await submit(http, 1, token, stand_in_proof(outputs(node)[1])))[0] == 200


async def test_a_body_that_stalls_gives_its_place_back(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(20)

    seal(node)
    token = (await ask(http))[1]["offer_token"]
    monkeypatch.setattr(proof_data_handler, "RECEIVE_SECONDS", 0.2)
    answers = await asyncio.gather(*(submit(http, 1, token, stalling()) for _ in range(4)))
    assert answers == [(400, "proof_truncated")] * 4
    assert (await submit(http, 1, token, stand_in_proof(outputs(node)[1])))[0] == 200


async def test_repeats_of_a_proven_batch_take_no_place_of_other_proofs(http: ClientSession, node: Node) -> None:
    seal(node, 2)
    first, second = [(await ask(http))[1]["offer_token"] for _ in range(2)]
    proof = stand_in_proof(outputs(node)[1])
    assert (await submit(http, 1, first, proof))[0] == 200
    release = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield proof
        await release.wait()

    repeats = [asyncio.create_task(submit(http, 1, "no token", held())) for _ in range(4)]
    await asyncio.sleep(0.2)
    assert (await submit(http, 1, "no token", proof))[0] == 503
    assert (await submit(http, 2, second, stand_in_proof(outputs(node)[2])))[0] == 200
    release.set()
    assert [status for status, _ in await asyncio.gather(*repeats)] == [200] * 4


async def test_stalled_proofs_under_one_offer_shut_no_other_prover_out(http: ClientSession, node: Node) -> None:
    seal(node, 2)
    first, second = [(await ask(http))[1]["offer_token"] for _ in range(2)]
    release = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"x"
        await release.wait()

    held = [asyncio.create_task(submit(http, 1, first, stalled())) for _ in range(4)]
    await asyncio.sleep(0.2)
    assert (await submit(http, 1, first, b"x"))[0] == 503
    assert (await submit(http, 2, second, stand_in_proof(outputs(node)[2])))[0] == 200
    release.set()
    assert [status for status, _ in await asyncio.gather(*held)] == [422] * 4


async def test_another_proof_of_a_proven_batch_is_refused_before_it_is_read(http: ClientSession, node: Node) -> None:
    seal(node)
    proof = stand_in_proof(outputs(node)[1])
    assert (await submit(http, 1, (await ask(http))[1]["offer_token"], proof))[0] == 200

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 16)

    assert await submit(http, 1, "no token", proof + b"x") == (409, "batch_proven")
    assert (await submit(http, 1, "no token", endless()))[0] == 413
    assert submissions(node)[0] == "accepted"


async def test_slow_reads_delay_neither_renewals_nor_readiness(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    release = threading.Event()
    monkeypatch.setattr("core.state.chain.head", lambda: release.wait(20) and 0)
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
    reads = [asyncio.create_task(http.post("/", json=body)) for _ in range(40)]
    await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        async with http.post("/renew_offer/1", headers={"Hallmark-Offer": token}) as answer:
            assert answer.status == 200
        async with http.get("/ready") as answer:
            assert answer.status == 200
        assert (await submit(http, 1, token, stand_in_proof(outputs(node)[1])))[0] == 200
    assert not any(read.done() for read in reads)
    release.set()
    assert [(await read).status for read in reads] == [200] * 40


async def test_a_failed_verifier_is_no_acceptance(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    proof = stand_in_proof(outputs(node)[1])
    answers: list[tuple[Exception, tuple[int, str]]] = [
        (RuntimeError("a bug"), (500, "error")),
        (MemoryError("out of memory"), (503, "out_of_memory")),
        (OSError(errno.EMFILE, "Too many open files"), (503, "out_of_descriptors")),
        (OSError(errno.ENOSPC, "No space left on device"), (503, "disk_full")),
    ]
    for error, answer in answers:
        with monkeypatch.context() as patch:
            patch.setattr(node.acceptance, "_verifier", Mock(side_effect=error))
            assert await submit(http, 1, token, proof) == answer
    assert proven(node) == 0
    assert (await submit(http, 1, token, proof))[0] == 200


async def test_more_proofs_than_core_verifies_at_once_are_told_to_wait(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    proof = stand_in_proof(outputs(node)[1])
    release = threading.Event()
    verify = node.acceptance._verifier

    def slow(*arguments: bytes) -> object:
        release.wait(20)
        return verify(*arguments)

    monkeypatch.setattr(node.acceptance, "_verifier", slow)
    tasks = [asyncio.create_task(submit(http, 1, token, proof)) for _ in range(6)]
    refused: set[asyncio.Task[tuple[int, str]]] = set()
    while len(refused) < 2:
        done, _ = await asyncio.wait(set(tasks) - refused, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        assert done, "nobody was told to wait"
        refused |= done
    assert {task.result() for task in refused} == {(503, "busy")}
    release.set()
    answers = [status for status, _ in await asyncio.gather(*tasks)]
    assert (answers.count(200), answers.count(503)) == (4, 2)
    assert submissions(node) == ["accepted"] * 4


async def test_uploads_that_stall_make_room_for_a_proof_that_comes(http: ClientSession, node: Node) -> None:
    seal(node)
    token = (await ask(http))[1]["offer_token"]
    proof = stand_in_proof(outputs(node)[1])

    async def stalled() -> tuple[int, str]:
        async def slowly() -> AsyncIterator[bytes]:
            yield proof[:100]
            await asyncio.sleep(60)

        headers = {"Hallmark-Offer": token, "Content-Length": str(len(proof))}
        async with http.post("/submit_proof/1", data=slowly(), headers=headers) as answer:
            return answer.status, (await answer.json())["error"]["code"]

    uploads = [asyncio.create_task(stalled()) for _ in range(4)]
    await asyncio.sleep(0.2)
    start, answers = time.perf_counter(), []
    while not answers or answers[-1][0] == 503:
        answers.append(await submit(http, 1, token, proof))
        await asyncio.sleep(0.05)
    assert answers[-1][0] == 200 and time.perf_counter() - start < 5
    done, waiting = await asyncio.wait(uploads, timeout=1)
    assert [task.result() for task in done] == [(400, "proof_truncated")] and len(waiting) == 3
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (OSError(28, "No space left on device"), "disk_full"),
        (OperationalError("database or disk is full"), "disk_full"),
    ],
)
async def test_a_full_disk_is_told_and_nothing_is_lost(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch, failure: Exception, code: str
) -> None:
    def full(*_: object) -> None:
        raise failure

    seal(node)
    token = (await ask(http))[1]["offer_token"]
    proof = stand_in_proof(outputs(node)[1])
    with monkeypatch.context() as patch:
        patch.setattr("core.proofs.acceptance._persist", full)
        assert await submit(http, 1, token, proof) == (503, code)
    assert proven(node) == 0
    assert (await submit(http, 1, token, proof))[0] == 200


async def test_an_accepted_proof_survives_a_restart(tmp_path: Path) -> None:
    node = node_at(tmp_path)
    seal(node)
    async with (
        TestServer(Server(node, started(node.settings, "core")).application()) as server,
        ClientSession(server.make_url("/")) as http,
    ):
        token = (await ask(http))[1]["offer_token"]
        await submit(http, 1, token, stand_in_proof(outputs(node)[1]))
    node.store.close()
    again = node_at(tmp_path)
    assert proven(again) == 1
    with again.store.session():
        assert Batch.get_by_id(1).status == BatchStatus.PROVEN


async def test_a_token_is_asked_for_when_one_is_set(tmp_path: Path) -> None:
    node = node_at(tmp_path, token="secret")
    async with (
        TestServer(Server(node, started(node.settings, "core")).application()) as server,
        ClientSession(server.make_url("/")) as http,
    ):
        status, body = await ask(http)
        assert (status, body["error"]["code"]) == (401, "unauthorized")
        async with http.get("/health") as answer:
            assert answer.status == 200
        headers = {"Authorization": "Bearer secret"}
        async with http.post("/proof_generation_data", json=REQUEST, headers=headers) as answer:
            assert answer.status == 204


async def submit_alone(http: ClientSession, number: int, proof: Any) -> tuple[int, Any]:
    """Submit without an offer."""
    async with http.post(f"/submit_proof/{number}", data=proof) as answer:
        content = await answer.json()
        return answer.status, content if answer.status == 200 else content["error"]["code"]


async def test_anybody_proves_a_batch_without_an_offer(http: ClientSession, node: Node) -> None:
    """From what core shows to everybody; whoever has the batch on offer learns that it is done."""
    seal(node, 2)
    token = (await ask(http))[1]["offer_token"]
    async with http.get("/witness_inputs/1") as answer:
        assert answer.status == 200 and await answer.read()
    proof = stand_in_proof(outputs(node)[1])
    assert await submit_alone(http, 1, proof[:-1] + b"\x00") == (422, "proof_refused")
    assert await submit_alone(http, 1, stand_in_proof(outputs(node)[2])) == (422, "proof_refused")
    assert await submit_alone(http, 3, proof) == (404, "batch_unknown")
    assert proven(node) == 0
    assert await submit_alone(http, 1, proof) == (200, {"accepted": True})
    assert proven(node) == 1
    assert await submit(http, 1, token, proof) == (200, {"accepted": True})
    other = stand_in_proof(outputs(node)[1], 8192)
    assert await submit(http, 1, token, other) == (409, "batch_proven")
    assert (await ask(http))[1]["batch_number"] == 2


async def test_uploads_without_an_offer_are_limited_per_client(http: ClientSession, node: Node) -> None:
    """And they take no place from who holds an offer."""
    seal(node)
    token, proof = (await ask(http))[1]["offer_token"], stand_in_proof(outputs(node)[1])

    async def waiting() -> int:
        async def steadily() -> AsyncIterator[bytes]:
            for at in range(400):
                yield proof[at : at + 1]
                await asyncio.sleep(0.05)

        async with http.post("/submit_proof/1", data=steadily()) as answer:
            return answer.status

    uploads = [asyncio.create_task(waiting()) for _ in range(4)]
    await asyncio.sleep(0.3)
    assert await submit_alone(http, 1, proof) == (503, "busy")
    assert await submit(http, 1, token, proof) == (200, {"accepted": True})
    for task in uploads:
        task.cancel()
    await asyncio.gather(*uploads, return_exceptions=True)
