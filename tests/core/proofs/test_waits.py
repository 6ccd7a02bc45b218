"""Questions for a batch that wait: answered when one is ready, bounded in time and number, in nobody's way."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from core.process.node import Node
from core.process.server import Server
from core.proofs import proof_data_handler, waits
from core.proofs.waits import Waits
from core.store import Batch
from tests.core.chain import Clock
from tests.core.proofs.test_proof_data_handler import REQUEST, ask, seal
from tests.processes import started


async def wait(http: ClientSession, seconds: object) -> tuple[int, Any]:
    async with http.post(f"/proof_generation_data?wait={seconds}", json=REQUEST) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def waiting(node: Node, number: int) -> None:
    """Return once so many questions wait."""
    async with asyncio.timeout(5):
        while len(node.proof_data_handler._waits._waiting) != number:
            await asyncio.sleep(0.01)


async def test_a_question_is_answered_as_soon_as_a_batch_is_ready(http: ClientSession, node: Node) -> None:
    asked = asyncio.create_task(wait(http, 20))
    await waiting(node, 1)
    seal(node)
    async with asyncio.timeout(2):
        status, offer = await asked
    assert (status, offer["batch_number"]) == (200, 1)
    await waiting(node, 0)


async def test_of_two_that_wait_the_first_gets_the_batch_and_the_other_the_next(
    http: ClientSession, node: Node
) -> None:
    asked = [asyncio.create_task(wait(http, 20))]
    await waiting(node, 1)
    asked.append(asyncio.create_task(wait(http, 20)))
    await waiting(node, 2)
    for number, each in enumerate(asked):
        seal(node, first=number)
        async with asyncio.timeout(2):
            assert (await each)[1]["batch_number"] == number + 1


async def test_an_offer_that_runs_out_ends_a_wait(http: ClientSession, node: Node, clock: Clock) -> None:
    seal(node)
    assert (await ask(http))[0] == 200
    asked = asyncio.create_task(wait(http, 20))
    await waiting(node, 1)
    clock.now += 61
    async with asyncio.timeout(2):
        assert (await asked)[1]["batch_number"] == 1


async def test_a_wait_ends_in_time_and_the_longest_is_core_s(
    http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_data_handler, "MAX_WAIT_SECONDS", 0.3)
    for seconds, least in (("0.1", 0.1), ("600", 0.3), ("0", 0.0)):
        began = time.monotonic()
        assert await wait(http, seconds) == (204, None)
        assert least <= time.monotonic() - began < least + 5
    for wrong in ("-1", "1e3", "", "long", "9" * 400):
        status, body = await wait(http, wrong)
        assert (status, body["error"]["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("limit", ["MAX_WAITING", "MAX_WAITING_OF_ADDRESS"])
async def test_who_finds_no_place_to_wait_is_answered_at_once_and_everything_else_goes_on(
    http: ClientSession, node: Node, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(waits, limit, 3)
    seal(node)
    _, offer = await ask(http)
    asked = [asyncio.create_task(wait(http, 20)) for _ in range(3)]
    await waiting(node, 3)
    async with asyncio.timeout(2):
        assert await wait(http, 20) == (204, None) == await ask(http)
        headers = {"Hallmark-Offer": offer["offer_token"]}
        async with http.post("/renew_offer/1", headers=headers) as answer:
            assert answer.status == 200
    for each in asked:
        each.cancel()
    await waiting(node, 0)
    assert not node.proof_data_handler._waits._of_address


async def test_a_client_that_went_away_while_it_waited_takes_no_batch(server: TestServer, node: Node) -> None:
    async with ClientSession(base_url=server.make_url("/")) as http:
        asked = asyncio.create_task(wait(http, 20))
        await waiting(node, 1)
        asked.cancel()
    await waiting(node, 0)
    seal(node)
    async with ClientSession(base_url=server.make_url("/")) as http:
        assert (await ask(http))[0] == 200


async def test_a_server_that_stops_answers_those_that_wait(node: Node) -> None:
    server = TestServer(Server(node, started(node.settings, "core")).application())
    await server.start_server()
    async with ClientSession(base_url=server.make_url("/")) as http:
        asked = asyncio.create_task(wait(http, 20))
        await waiting(node, 1)
        async with asyncio.timeout(5):
            await server.close()
            assert (await asked)[0] == 204
    assert not await node.proof_data_handler._waits.until_ready("late", 20)


async def test_a_look_that_fails_sends_those_that_wait_to_see_for_themselves() -> None:
    async def fails(most: int) -> int:
        raise RuntimeError("the store is away")

    async with asyncio.timeout(2):
        assert await Waits(fails).until_ready("client", 20)


def test_a_look_reads_neither_all_batches_nor_all_offers(node: Node) -> None:
    with node.store.session():
        query, values = Batch.select(Batch.number).where(*node.offers._free(0.0)).limit(1).sql()
        plan = [str(row) for row in node.store.query(f"EXPLAIN QUERY PLAN {query}", values)]
    assert len([row for row in plan if "SEARCH" in row]) == 2 and not any("SCAN" in row for row in plan), plan
