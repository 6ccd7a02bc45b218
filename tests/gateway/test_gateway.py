"""The gateway between a real core server, a real job store and a real artifact store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from broker.jobs import BatchState, JobStore, Stage
from core.process.node import Node
from core.process.server import Server
from core.proofs.acceptance import proven_batch
from core.store import Submission
from gateway.core_client import CoreClient, CoreRefusal, CoreUnavailable
from runtime.errors import ArtifactCorrupt, DiskFull, HallmarkError, InvalidInput, TooLarge
from runtime.wire import ProofDataRequest, WitnessInputReference
from tests.core.chain import KEY_DIGEST, Clock
from tests.gateway.conftest import WORKER, Prover, seal
from tests.processes import started


def proven(node: Node) -> int:
    with node.store.session():
        return proven_batch()


def count(prover: Prover, table: str) -> int:
    return int(prover.jobs.database.read(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"])


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("the condition did not come true")


async def test_a_batch_goes_through_the_gateway_and_back(node: Node, prover: Prover) -> None:
    seal(node, 2)
    async with TestServer(prover.gateway().application()):
        await until(lambda: count(prover, "batches") == 2)
        prover.work(node)
        await until(lambda: proven(node) == 2)
        await until(lambda: all(prover.batch(number).state == BatchState.ACCEPTED for number in (1, 2)))
    assert prover.batch(1).program_commitment == node.program.commitment


async def test_a_snark_that_core_asks_for_is_a_parameter_of_the_batch(
    node: Node, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.proof_data_handler, "_identity", replace(node.identity, snark_key="cd" * 32))
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        assert await gateway.poll()
    claim = prover.jobs.claim([Stage.WITNESS], WORKER, protocol_versions=["1"])
    assert claim is not None
    assert claim.job.parameters == {"snark_key": "cd" * 32} and claim.job.key_identity == KEY_DIGEST


async def test_one_step_at_a_time_changes_nothing_twice(node: Node, prover: Prover) -> None:
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        assert await gateway.poll()
        assert not await gateway.poll()
        assert (count(prover, "batches"), count(prover, "jobs")) == (1, 1)
        assert not await gateway.hand_back()
        prover.work(node)
        assert await gateway.hand_back()
        assert not await gateway.hand_back()
    with node.store.session():
        assert [row.outcome for row in Submission.select()] == ["accepted"]


async def test_a_gateway_that_dies_after_its_fetch_loses_no_batch(
    node: Node, prover: Prover, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(node)
    first = prover.line()
    with monkeypatch.context() as patch:
        patch.setattr(JobStore, "create_batch", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("killed")))
        async with first.client:
            with pytest.raises(RuntimeError):
                await first.poll()
    assert count(prover, "batches") == 0
    second = prover.line()
    async with second.client:
        assert not await second.poll(), "the dead gateway's offer is still live"
        clock.now += 61
        assert await second.poll()
        prover.work(node)
        assert await second.hand_back()
    assert proven(node) == 1


async def test_a_proof_that_cannot_be_read_keeps_no_other_back(node: Node, prover: Prover) -> None:
    seal(node, 2)
    gateway = prover.line()
    async with gateway.client:
        assert await gateway.poll()
        assert await gateway.poll()
        prover.work(node)
        assert prover.artifacts.folder is not None
        (prover.artifacts.folder / prover.batch(1).result).unlink()
        for _ in range(2):
            with pytest.raises(HallmarkError):
                await gateway.hand_back()
    assert (prover.batch(1).state, prover.batch(2).state) == (BatchState.PROVEN, BatchState.ACCEPTED)


async def test_an_offer_that_ran_out_while_proving_is_replaced_and_the_proof_kept(
    node: Node, prover: Prover, clock: Clock
) -> None:
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        await gateway.poll()
        prover.work(node)
        clock.now += 61
        assert not await gateway.hand_back()
        assert not await gateway.hand_back(), "the refused token is not tried again"
        assert prover.batch().state == BatchState.PROVEN
        assert await gateway.poll(), "core offers the batch again"
        assert (count(prover, "batches"), count(prover, "jobs")) == (1, 2)
        assert await gateway.hand_back()
    assert prover.batch().state == BatchState.ACCEPTED
    assert proven(node) == 1


async def test_offers_are_renewed_while_a_batch_is_proven(node: Node, prover: Prover, clock: Clock) -> None:
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        await gateway.poll()
        for _ in range(3):
            clock.now += 40
            await gateway.renew()
        prover.work(node)
        assert await gateway.hand_back()
    assert proven(node) == 1


async def test_an_answer_that_got_lost_is_asked_for_again(
    node: Node, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway dies between core's acceptance and its own record of it."""
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        await gateway.poll()
        prover.work(node)
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "mark_batch", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("killed")))
            with pytest.raises(RuntimeError):
                await gateway.hand_back()
    assert (proven(node), prover.batch().state) == (1, BatchState.PROVEN)
    again = prover.line()
    async with again.client:
        assert await again.hand_back()
    assert prover.batch().state == BatchState.ACCEPTED


async def test_a_refused_proof_is_recorded_with_its_reason(node: Node, prover: Prover) -> None:
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        await gateway.poll()
        prover.work(node, spoil=True)
        assert await gateway.hand_back()
        assert not await gateway.hand_back()
    assert prover.batch().state == BatchState.REFUSED
    assert "proof_refused" in prover.batch().error
    assert proven(node) == 0


async def test_a_refusal_that_says_nothing_of_the_proof_keeps_it(node: Node, prover: Prover) -> None:
    seal(node)
    gateway = prover.line()
    async with gateway.client:
        await gateway.poll()
        prover.work(node)
    guarded = replace(node, settings=node.settings.model_copy(update={"token": SecretStr("changed")}))
    async with TestServer(Server(guarded, started(guarded.settings, "core")).application()) as core:
        prover.settings = prover.settings.model_copy(update={"core_url": str(core.make_url("/"))})
        gateway = prover.line()
        async with gateway.client:
            with pytest.raises(CoreRefusal, match="unauthorized"):
                await gateway.hand_back()
        assert (prover.batch().state, proven(node)) == (BatchState.PROVEN, 0)
        prover.settings = prover.settings.model_copy(update={"token": SecretStr("changed")})
        gateway = prover.line()
        async with gateway.client:
            assert await gateway.hand_back()
    assert (prover.batch().state, proven(node)) == (BatchState.ACCEPTED, 1)


async def test_other_keys_get_a_clear_refusal_and_the_gateway_stays(node: Node, prover: Prover) -> None:
    seal(node)
    gateway = prover.gateway("proven100:" + "00" * 32)
    async with TestServer(gateway.application()) as server, ClientSession(server.make_url("/")) as http:
        await until(lambda: "poll" in gateway.lines[0].failures)
        async with http.get("/ready") as answer:
            assert answer.status == 503
            shown = await answer.json()
            assert "key_mismatch" in shown["reason"] and "key_mismatch" in shown["refused"]
        async with http.get("/health") as answer:
            assert answer.status == 200
        async with http.get("/metrics") as answer:
            assert 'code="key_mismatch"' in await answer.text()
    assert count(prover, "batches") == 0


async def test_core_may_be_away_and_come_back(node: Node, prover: Prover) -> None:
    seal(node)
    gateway = prover.line()
    healthy = gateway.client
    away = CoreClient("http://127.0.0.1:9", request_seconds=1)
    async with healthy, away:
        gateway.client = away
        with pytest.raises(CoreUnavailable):
            await gateway.poll()
        gateway.client = healthy
        assert await gateway.poll()


async def test_no_more_batches_are_taken_than_allowed(node: Node, prover: Prover) -> None:
    seal(node, 2)
    prover.own = prover.own.model_copy(update={"gateway_max_batches": 1})
    gateway = prover.line()
    async with gateway.client:
        assert await gateway.poll()
        assert not await gateway.poll()


async def test_a_question_that_waits_brings_the_batch_when_it_is_ready(node: Node, prover: Prover) -> None:
    prover.own = prover.own.model_copy(update={"gateway_wait_seconds": 20.0, "gateway_poll_seconds": 0.3})
    async with TestServer(prover.gateway().application()):
        await asyncio.sleep(1)
        seal(node)
        await until(lambda: count(prover, "batches") == 1, seconds=3)


async def test_core_is_asked_to_wait_only_once_it_answers(
    node: Node, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    async def ask(client: CoreClient, request: ProofDataRequest, *, wait: float = 0.0) -> None:
        asked.append(wait)

    monkeypatch.setattr(CoreClient, "ask", ask)
    prover.own = prover.own.model_copy(update={"gateway_wait_seconds": 20.0, "gateway_request_seconds": 30.0})
    line = prover.line()
    await line.poll()
    await line.poll()
    line.failures["poll"] = "core_unavailable", "away"
    await line.poll()
    assert asked == [0.0, 15.0, 0.0]


async def test_a_full_disk_leaves_the_batch_to_be_offered_again(node: Node, prover: Prover, clock: Clock) -> None:
    seal(node)
    prover.artifacts.disk_reserve = 1 << 60
    gateway = prover.line()
    async with gateway.client:
        with pytest.raises(DiskFull):
            await gateway.poll()
        prover.artifacts.disk_reserve = 0
        clock.now += 61
        assert await gateway.poll()


async def test_the_trace_context_travels_with_the_batch(node: Node, prover: Prover) -> None:
    seal(node)
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    with node.store.session():
        from core.store import Batch

        Batch.update(traceparent=traceparent).where(Batch.number == 1).execute()
    gateway = prover.line()
    async with gateway.client:
        await gateway.poll()
    assert prover.batch().traceparent == traceparent
    claim = prover.jobs.claim([Stage.WITNESS], WORKER, protocol_versions=["1"])
    assert claim is not None
    assert claim.job.traceparent == traceparent


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sha256": "00" * 32}, ArtifactCorrupt),
        ({"size": 10}, TooLarge),
        ({"size": 10_000}, ArtifactCorrupt),
        ({"size": 1 << 40}, TooLarge),
        ({"url": "http://127.0.0.1:9/witness"}, InvalidInput),
        ({"url": "//elsewhere/witness"}, CoreRefusal),
        ({"url": "/witness_inputs/77"}, CoreRefusal),
    ],
)
async def test_a_witness_input_that_is_not_as_stated_is_refused(
    node: Node, core: TestServer, changes: dict[str, object], error: type[Exception]
) -> None:
    seal(node)
    async with CoreClient(str(core.make_url("/"))) as client:
        offer = await client.ask(ProofDataRequest(prover="p", protocol_version="1", key_digest=KEY_DIGEST))
        assert offer is not None
        stated = {
            "url": offer.witness_input.url,
            "size": offer.witness_input.size,
            "sha256": offer.witness_input.sha256,
        }
        with pytest.raises(error):
            await client.witness_input(WitnessInputReference(**(stated | changes)), limit=1 << 20)  # type: ignore[arg-type]


async def test_a_program_with_another_hash_is_unknown(node: Node, core: TestServer) -> None:
    async with CoreClient(str(core.make_url("/"))) as client:
        with pytest.raises(CoreRefusal, match="program_unknown"):
            await client.program("00" * 32, limit=1 << 20)
        with pytest.raises(TooLarge):
            await client.program(node.program.sha256, limit=100)


async def test_a_batch_of_another_chain_is_not_taken(node: Node, prover: Prover) -> None:
    seal(node)
    prover.settings = prover.settings.model_copy(update={"chain_id": 7})
    gateway = prover.line()
    async with gateway.client:
        with pytest.raises(InvalidInput, match="chain 4242"):
            await gateway.poll()
    assert count(prover, "batches") == 0
