"""One gateway of several cores: none waits for another, and each of them may fail in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from broker.artifacts import open_artifacts
from broker.jobs import BatchState, JobSpec, Stage, open_store, status
from core.process.node import Node
from core.process.server import Server
from core.store import Submission
from gateway.cores import Core
from gateway.service import Gateway
from gateway.settings import load_gateway_settings
from runtime.settings import load_settings
from tests.core.chain import CHAIN_ID, KEY_DIGEST, Clock
from tests.core.stand_in_core import StandInCore
from tests.gateway.conftest import Prover, seal
from tests.gateway.test_gateway import proven, until
from tests.processes import started
from tests.servers import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OTHER = 7002


@dataclass
class Front:
    """The node's server behind a port that stays, which can be made to hang, and is begun anew each time."""

    node: Node
    port: int = field(default_factory=free_port)
    token: str = ""
    before: str = ""
    hangs: bool = False
    #: Paths of the requests that it refused for their token.
    refused: list[str] = field(default_factory=list)
    #: Answers to submissions that are made and come too late.
    late_answers: int = 0

    def core(self, **changes: object) -> Core:
        url = f"http://127.0.0.1:{self.port}"
        return Core.model_validate({"chain_id": CHAIN_ID, "url": url, "token": self.token, **changes})

    def outcomes(self) -> list[str]:
        with self.node.store.session():
            return [row.outcome for row in Submission.select()]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        tokens = {"token": SecretStr(self.token), "token_before": SecretStr(self.before)}
        settings = self.node.settings.model_copy(update=tokens)
        app = Server(replace(self.node, settings=settings), started(settings, "core")).application()

        @web.middleware
        async def in_between(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._answer(request, handler)

        app.middlewares.insert(0, in_between)
        async with TestServer(app, port=self.port):
            yield

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        while self.hangs:
            await asyncio.sleep(0.02)
        answer = await handler(request)
        if answer.status == 401:
            self.refused.append(request.path)
        if "/submit_proof/" in request.path and self.late_answers:
            self.late_answers -= 1
            await asyncio.sleep(1.5)
        return answer


@pytest.fixture
def one(node: Node) -> Front:
    return Front(node)


@pytest.fixture
def other(node: Node) -> Iterator[StandInCore]:
    made = StandInCore(node.program.elf, OTHER)
    yield made
    made.close()


@pytest.fixture
def prover(tmp_path: Path) -> Prover:
    settings = load_settings(state_dir=tmp_path / "prover", worker_chains="all", chain_id=CHAIN_ID)
    settings.state_dir.mkdir()
    own = load_gateway_settings(
        gateway_name="test",
        gateway_poll_seconds=0.02,
        gateway_renew_seconds=0.05,
        gateway_request_seconds=30,
        gateway_wait_seconds=0,
    )
    return Prover(settings, own, open_store(settings), open_artifacts(settings))


def core_of(other: StandInCore, **changes: object) -> Core:
    return Core.model_validate({"chain_id": OTHER, "url": other.url, **changes})


def gateway(prover: Prover, *cores: Core) -> Gateway:
    return Gateway(started(prover.settings, "gateway"), prover.own, cores, prover.jobs, prover.artifacts, KEY_DIGEST)


def states(prover: Prover, chain: int) -> dict[int, BatchState]:
    return {batch.number: batch.state for batch in status.batches(prover.jobs.of_chain(chain))}


async def pass_on(prover: Prover, node: Node, chain: int, number: int) -> None:
    """See a batch that its core has to offer through, in a few seconds."""
    async with asyncio.timeout(5):
        await until(lambda: number in states(prover, chain))
        prover.work(node)
        await until(lambda: states(prover, chain)[number] is BatchState.ACCEPTED)


async def test_a_core_that_never_answers_delays_no_batch_of_another(
    node: Node, prover: Prover, one: Front, other: StandInCore
) -> None:
    """One lends a batch and then answers nothing: no question, no renewal and no proof."""
    seal(node)
    served = gateway(prover, one.core(), core_of(other))
    async with one.served(), TestServer(served.application()) as pages:
        await until(lambda: 1 in states(prover, CHAIN_ID))
        one.hangs = True
        prover.work(node)
        await asyncio.sleep(0.2)
        for number in (1, 2, 3):
            other.add(number)
            await pass_on(prover, node, OTHER, number)
        assert states(prover, CHAIN_ID) == {1: BatchState.PROVEN}
        async with ClientSession(pages.make_url("/")) as http:
            async with http.get("/metrics") as answer:
                text = await answer.text()
            async with http.get("/ready") as answer:
                shown = {each["chain_id"]: each for each in (await answer.json())["cores"]}
        assert f'hallmark_gateway_batches_taken_total{{chain_id="{OTHER}",cluster="local"}} 3.0' in text
        assert f'hallmark_gateway_batches_taken_total{{chain_id="{CHAIN_ID}",cluster="local"}} 1.0' in text
        assert shown[OTHER]["reason"] == "" and shown[OTHER]["last_poll"] > shown[CHAIN_ID]["last_poll"] > 0
        one.hangs = False
        await until(lambda: states(prover, CHAIN_ID) == {1: BatchState.ACCEPTED})
    assert one.outcomes() == ["accepted"] and [len(proofs) for proofs in other.accepted.values()] == [1, 1, 1]


async def test_what_fails_is_named_with_its_chain(prover: Prover, one: Front, other: StandInCore) -> None:
    one.token = "right"
    served = gateway(prover, one.core(token="wrong"), core_of(other))
    async with one.served(), TestServer(served.application()) as pages:
        await until(lambda: bool(served.lines[0].failures) and not served.lines[1].trouble())
        async with ClientSession(pages.make_url("/")) as http, http.get("/ready") as answer:
            said = await answer.json()
    assert answer.status == 503 and not said["cores"][1]["reason"]
    for text in (said["reason"], said["refused"]):
        assert text.startswith(f"chain {CHAIN_ID}: ") and "unauthorized" in text and str(OTHER) not in text


async def test_a_limit_of_one_core_leaves_room_for_another_and_the_limit_of_all_holds(
    node: Node, prover: Prover, one: Front, other: StandInCore
) -> None:
    prover.own = prover.own.model_copy(update={"gateway_max_batches": 2})
    seal(node, 2)
    other.add(1)
    other.add(2)
    # Another gateway's batch in the same store does not count.
    prover.jobs.of_chain(9).create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    first, second = gateway(prover, one.core(max_batches=1), core_of(other)).lines
    async with one.served(), first.client, second.client:
        assert await first.poll()
        assert not await first.poll(), "its own limit"
        assert await second.poll()
        assert not await second.poll(), "the limit of all"


async def test_a_core_of_another_chain_than_stated_gives_no_batch(
    node: Node, prover: Prover, one: Front, other: StandInCore
) -> None:
    seal(node)
    other.add(1)
    served = gateway(prover, one.core(chain_id=5), core_of(other))
    async with one.served(), TestServer(served.application()):
        await until(lambda: "poll" in served.lines[0].failures)
        assert f"chain {CHAIN_ID}" in served.lines[0].trouble()
        await pass_on(prover, node, OTHER, 1)
    assert {batch.chain_id for batch in status.batches(prover.jobs, all_chains=True)} == {OTHER}


async def test_a_batch_that_is_offered_twice_is_proven_once_beside_the_same_number_of_another_chain(
    node: Node, prover: Prover, one: Front, other: StandInCore, clock: Clock
) -> None:
    seal(node)
    other.add(1)
    first, second = gateway(prover, one.core(), core_of(other)).lines
    async with one.served(), first.client, second.client:
        assert await first.poll() and await second.poll()
        clock.now += 61
        assert await first.poll(), "the offer ran out"
        prover.work(node)
        assert await first.hand_back() and await second.hand_back()
        assert not await first.hand_back() and not await second.hand_back()
    assert one.outcomes() == ["accepted"] and other.accepted == {1: [b"stand-in"]}
    assert states(prover, CHAIN_ID) == states(prover, OTHER) == {1: BatchState.ACCEPTED}


async def test_an_answer_that_comes_too_late_is_asked_for_again_while_another_core_goes_on(
    node: Node, prover: Prover, one: Front, other: StandInCore
) -> None:
    """Core accepts, and the gateway has given up by then; core is begun anew before the gateway learns of it."""
    prover.own = prover.own.model_copy(update={"gateway_request_seconds": 1.0})
    one.late_answers = 1
    seal(node)
    async with TestServer(gateway(prover, one.core(), core_of(other)).application()):
        async with one.served():
            await until(lambda: 1 in states(prover, CHAIN_ID))
            prover.work(node)
            await until(lambda: not one.late_answers)
            other.add(1)
            await pass_on(prover, node, OTHER, 1)
            one.hangs = True
        assert one.outcomes() == ["accepted"] and states(prover, CHAIN_ID) == {1: BatchState.PROVEN}
        other.add(2)
        await pass_on(prover, node, OTHER, 2)
        one.hangs = False
        async with one.served():
            await until(lambda: states(prover, CHAIN_ID) == {1: BatchState.ACCEPTED})
    assert set(one.outcomes()) == {"accepted"} and proven(node) == 1


async def test_a_token_of_one_core_is_changed_while_another_goes_on(
    node: Node, prover: Prover, one: Front, other: StandInCore
) -> None:
    steps = (("old", "", "old"), ("new", "old", "old"), ("new", "old", "new"), ("new", "", "new"))
    for number, (one.token, one.before, sent) in enumerate(steps, 1):
        served = gateway(prover, one.core(token=sent), core_of(other))
        async with TestServer(served.application()), one.served():
            seal(node, first=number - 1)
            other.add(number)
            await pass_on(prover, node, CHAIN_ID, number)
            await pass_on(prover, node, OTHER, number)
    assert not one.refused
