"""No client makes another wait: heavy readers, slow readers, stalled requests and full groups of transactions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.core.chain import WALLETS, transfer
from tests.core.server_process import ServerProcess

#: Transactions of the block that the heavy readers ask for.
BLOCK = 150
#: Longest that another client waits, in seconds.
LIMIT = 1.0


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    made = ServerProcess("core", tmp_path_factory.mktemp("core"), HALLMARK_CORE_BATCH_TRANSACTIONS="1024")
    made.start()
    made.wait_for("/ready")
    yield made
    made.end()


def body(method: str, *parameters: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}


@asynccontextmanager
async def client(address: str) -> AsyncIterator[ClientSession]:
    async with ClientSession(connector=TCPConnector(local_addr=(address, 0), limit=0)) as session:
        yield session


async def ask(session: ClientSession, core: ServerProcess, content: Any) -> Any:
    async with session.post(core.url, json=content) as answer:
        return json.loads(await answer.read())


async def waits(session: ClientSession, core: ServerProcess, contents: list[Any]) -> list[float]:
    """Ask one after the other and return how long each took."""
    found = []
    for content in contents:
        start = time.perf_counter()
        assert "result" in await ask(session, core, content)
        found.append(time.perf_counter() - start)
    return found


async def opened(core: ServerProcess, request: bytes, address: str) -> asyncio.StreamWriter:
    """Send bytes over a connection from an address and leave it at that."""
    host, port = core.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0), limit=1 << 12)
    writer.write(request)
    return writer


@pytest.fixture(scope="module")
def block(core: ServerProcess) -> str:
    """The number of a large block."""

    async def fill() -> None:
        async with client("127.0.0.9") as session:
            sends = [
                body("eth_sendRawTransaction", "0x" + transfer(WALLETS[0], nonce, value=1).hex())
                for nonce in range(BLOCK)
            ]
            await ask(session, core, sends)
            assert (await ask(session, core, body("hallmark_sealBatch")))["result"] == "0x1"
            while (await ask(session, core, body("eth_blockNumber")))["result"] != "0x1":
                await asyncio.sleep(0.05)

    asyncio.run(fill())
    return "0x1"


def plain(block: str) -> list[Any]:
    """What a wallet asks: reads of both kinds."""
    address = WALLETS[2].address
    return [
        body("eth_blockNumber"),
        body("eth_getBalance", address, "latest"),
        body("eth_getBlockByNumber", block, False),
        body("eth_estimateGas", {"to": address, "value": "0x1"}),
    ] * 4


async def test_who_asks_for_many_whole_blocks_delays_nobody(core: ServerProcess, block: str) -> None:
    async with client("127.0.0.2") as heavy, client("127.0.0.3") as wallet:
        lists = [[body("eth_getBlockByNumber", block, True)] * 60 for _ in range(16)]
        attack = [asyncio.create_task(ask(heavy, core, content)) for content in lists]
        await asyncio.sleep(0.3)
        found = await waits(wallet, core, plain(block))
        assert any(not task.done() for task in attack), "the attack is over too soon to show anything"
        assert sorted(found)[-2] < LIMIT
        for task in attack:
            task.cancel()
        await asyncio.gather(*attack, return_exceptions=True)


async def test_slow_readers_and_stalled_requests_delay_nobody(core: ServerProcess, block: str) -> None:
    answer = json.dumps([body("eth_getBlockByNumber", block, True)] * 40).encode()
    head = b"POST / HTTP/1.1\r\nHost: core\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    proof = b"POST /submit_proof/1 HTTP/1.1\r\nHost: core\r\nHallmark-Offer: none\r\nContent-Length: 9000000\r\n\r\n"
    async with AsyncExitStack() as stack:
        for content in [head % len(answer) + answer] * 12 + [head % len(answer) + answer[:100]] * 100 + [proof] * 20:
            writer = await opened(core, content, "127.0.0.2")
            stack.callback(writer.transport.abort)
        wallet = await stack.enter_async_context(client("127.0.0.3"))
        found = await waits(wallet, core, plain(block))
        async with wallet.get(core.url + "/ready") as ready:
            assert ready.status == 200, await ready.text()
        assert sorted(found)[-2] < LIMIT


async def test_who_sends_many_transactions_delays_nobody(core: ServerProcess, block: str) -> None:
    async with client("127.0.0.2") as heavy, client("127.0.0.3") as wallet:
        raws = [transfer(WALLETS[1], nonce, value=nonce) for nonce in range(200)]
        attack = [
            asyncio.create_task(ask(heavy, core, body("eth_sendRawTransaction", "0x" + raw.hex()))) for raw in raws * 3
        ]
        sends = [body("eth_sendRawTransaction", "0x" + transfer(WALLETS[2], nonce).hex()) for nonce in range(8)]
        await asyncio.sleep(0.05)
        sealing = asyncio.create_task(ask(heavy, core, body("hallmark_sealBatch")))
        found = await waits(wallet, core, sends)
        assert sorted(found)[-2] < LIMIT
        await asyncio.gather(*attack, sealing)
