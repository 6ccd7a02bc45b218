"""A core that answers slowly, wrongly or never, and a token that is changed while batches pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from broker.jobs import BatchState
from core.process.node import Node
from core.process.server import Server
from gateway import handback
from gateway.core_client import CoreClient, CoreUnavailable
from gateway.line import Line
from runtime.errors import HallmarkError
from tests.core.chain import Clock
from tests.gateway.conftest import Prover, seal
from tests.gateway.test_gateway import count, proven, until
from tests.processes import started
from tests.servers import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, port: int) -> AsyncIterator[None]:
    """Serve every request with one handler."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, port=port):
        yield


def gateway_of(prover: Prover, url: str, **changes: object) -> Line:
    prover.settings = prover.settings.model_copy(update={"core_url": url})
    prover.own = prover.own.model_copy(update={"gateway_request_seconds": 0.3, **changes})
    return prover.line()


async def never(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    """Send a byte now and then, and never end."""
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.05)


def says(status: int, body: bytes) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (never, "core_unavailable"),
        (drips, "core_unavailable"),
        (says(200, b"[]"), "invalid_input"),
        (says(200, b"{" * 4096), "invalid_input"),
        (says(200, b" " * (2 << 20)), "too_large"),
        (says(302, b""), "core_unavailable"),
        (says(500, b"<html>"), "core_unavailable"),
        (says(418, b'{"error":{"code":"x","message":"m"}}'), "core_refusal"),
    ],
    ids=["never", "slowly", "another shape", "nested", "endless", "elsewhere", "no JSON", "unknown refusal"],
)
async def test_a_core_that_answers_badly_costs_bounded_time_and_harms_nothing(
    prover: Prover, answer: Handler, code: str
) -> None:
    port = free_port()
    gateway = gateway_of(prover, f"http://127.0.0.1:{port}")
    async with serving(answer, port), gateway.client, asyncio.timeout(5):
        with pytest.raises(HallmarkError) as raised:
            await gateway.poll()
    assert raised.value.code == code
    assert count(prover, "batches") == 0


async def test_a_proof_that_core_is_long_about_keeps_no_newer_one_back(
    node: Node, prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Core holds the answer for batch 1 until batch 2 was accepted."""
    monkeypatch.setattr(handback, "ROUND_SECONDS", 0.05)
    accepted = asyncio.Event()
    submit = CoreClient.submit

    async def slow(client: CoreClient, number: int, token: str, proof: bytes) -> None:
        if number == 1:
            await accepted.wait()
        await submit(client, number, token, proof)

    monkeypatch.setattr(CoreClient, "submit", slow)
    seal(node)
    async with TestServer(prover.gateway().application()):
        await until(lambda: count(prover, "batches") == 1)
        prover.work(node)
        await until(lambda: prover.batch(1).state is BatchState.PROVEN)
        await asyncio.sleep(0.2)
        seal(node, first=1)
        await until(lambda: count(prover, "batches") == 2)
        prover.work(node)
        await until(lambda: prover.batch(2).state is BatchState.ACCEPTED)
        assert prover.batch(1).state is BatchState.PROVEN
        accepted.set()
        await until(lambda: prover.batch(1).state is BatchState.ACCEPTED)
    assert proven(node) == 2


async def test_a_renewal_that_hangs_lets_no_other_offer_run_out(
    node: Node, prover: Prover, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handback, "RENEW_SECONDS", 0.2)
    renew, renewed = CoreClient.renew, []

    async def hangs(client: CoreClient, number: int, token: str) -> None:
        if number == 1:
            await asyncio.sleep(60)
        await renew(client, number, token)
        renewed.append(number)

    monkeypatch.setattr(CoreClient, "renew", hangs)
    seal(node, 2)
    gateway = prover.line()
    async with gateway.client, asyncio.timeout(5):
        assert await gateway.poll() and await gateway.poll()
        with pytest.raises(CoreUnavailable, match="batch 1"):
            await gateway.renew()
    assert renewed == [2]


async def test_a_token_is_changed_while_batches_pass(node: Node, prover: Prover) -> None:
    """Core takes the old token beside the new one until the gateway has the new one; nothing is refused meanwhile."""
    port = free_port()
    url, refused = f"http://127.0.0.1:{port}", []

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if answer.status == 401:
            refused.append(request.path)
        return answer

    def core(token: str, before: str = "") -> TestServer:
        settings = node.settings.model_copy(update={"token": SecretStr(token), "token_before": SecretStr(before)})
        changed = replace(node, settings=settings)
        app = Server(changed, started(settings, "core")).application()
        app.middlewares.insert(0, watch)
        return TestServer(app, port=port)

    def gateway(token: str) -> TestServer:
        prover.settings = prover.settings.model_copy(update={"core_url": url, "token": SecretStr(token)})
        return TestServer(prover.gateway().application())

    async def pass_a_batch(number: int) -> None:
        seal(node, first=number - 1)
        await until(lambda: count(prover, "batches") == number)
        prover.work(node)
        await until(lambda: prover.batch(number).state is BatchState.ACCEPTED)

    async with gateway("old"):
        async with core("old"):
            await pass_a_batch(1)
        async with core("new", "old"):
            await pass_a_batch(2)
    async with gateway("new"):
        async with core("new", "old"):
            await pass_a_batch(3)
        async with core("new"):
            await pass_a_batch(4)
            assert not refused
    async with core("new"), gateway("old"):
        await until(lambda: bool(refused))
