"""What core takes: transfers over HTTP, each durable when answered, while batches are sealed and settled; its start."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import psutil
from eth_account import Account

from benchmarks.figure import Figure, figure
from core.state.genesis import DEVELOPMENT
from tests.core.server_process import ServerProcess

#: Transfers of one measurement, their senders, and connections that send at a time.
TRANSFERS, SENDERS, CONNECTIONS = 2000, 50, 64

#: Transactions of one batch.
BATCH = 256

#: Accounts of the store that core starts with, and starts of which the median is taken.
ACCOUNTS, STARTS = 1_000_000, 3

_CHAIN_ID = 4242

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)")


def transfers_per_second() -> list[Figure]:
    """Send transfers as fast as core answers, then at half that pace, until every one of them is in a settled block."""
    senders = [Account.from_key((index + 1).to_bytes(32, "big")) for index in range(SENDERS)]
    raws = [_signed(senders, place) for place in range(2 * TRANSFERS)]
    with tempfile.TemporaryDirectory() as folder:
        content = json.loads(DEVELOPMENT.read_text())
        content["accounts"] |= {sender.address: {"balance": str(10**22)} for sender in senders}
        genesis = Path(folder) / "genesis.json"
        genesis.write_text(json.dumps(content))
        server = ServerProcess(
            "core",
            Path(folder),
            HALLMARK_CORE_GENESIS=str(genesis),
            HALLMARK_CORE_BATCH_TRANSACTIONS=str(BATCH),
            HALLMARK_CORE_BATCH_SECONDS="1",
        )
        process = server.start()
        try:
            server.wait_for("/ready")
            return asyncio.run(_measure(server.url, raws, psutil.Process(process.pid)))
        finally:
            server.end()


def restart() -> list[Figure]:
    """Start core on a store of a million accounts until it is ready; the start that makes the store does not count."""
    with tempfile.TemporaryDirectory() as folder:
        content = json.loads(DEVELOPMENT.read_text())
        content["accounts"] |= {f"0x{number + 1:040x}": {"balance": 1} for number in range(ACCOUNTS)}
        genesis = Path(folder) / "genesis.json"
        genesis.write_text(json.dumps(content, separators=(",", ":")))
        server = ServerProcess("core", Path(folder), HALLMARK_CORE_GENESIS=str(genesis))
        seconds, spent, memory = [], [], []
        try:
            for _ in range(1 + STARTS):
                start = time.perf_counter()
                process = psutil.Process(server.start().pid)
                server.wait_for("/ready")
                seconds.append(time.perf_counter() - start)
                spent.append(sum(process.cpu_times()[:2]))
                memory.append(process.memory_info().rss)
                process.terminate()
                process.wait()
        finally:
            server.end()
    context = {
        "accounts": ACCOUNTS,
        "cpu_s": round(median(spent[1:]), 2),
        "memory_mb": round(max(memory[1:]) / 1e6),
        "first_start_s": round(seconds[0], 1),
    }
    return [figure("core.restart_1m", median(seconds[1:]), "s", "lower", context=context)]


def _signed(senders: list[Any], place: int) -> str:
    fields = {
        "type": 2,
        "chainId": _CHAIN_ID,
        "nonce": place // SENDERS,
        "gas": 21_000,
        "maxFeePerGas": 2 * 10**9,
        "maxPriorityFeePerGas": 0,
        "to": "0x" + "22" * 20,
        "value": 1,
    }
    return "0x" + bytes(senders[place % SENDERS].sign_transaction(fields).raw_transaction).hex()


class _Connection:
    """One connection that stays open. It reads no more of an answer than its status, length and body.

    What sends shares the cores with core: a client library for HTTP took a third of them, and was measured with it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> _Connection:
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def call(self, request: bytes) -> Any:
        """Send a request as :func:`_request` makes it and return the result."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise RuntimeError(head.decode(errors="replace"))
        content = json.loads(await self._reader.readexactly(int(length[1])))
        if "error" in content:
            raise RuntimeError(content["error"]["message"])
        return content["result"]

    def close(self) -> None:
        self._writer.close()


def _request(method: str, *parameters: Any) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _measure(url: str, raws: list[str], core: psutil.Process) -> list[Figure]:
    requests = [_request("eth_sendRawTransaction", raw) for raw in raws]
    connections = [await _Connection.open(url) for _ in range(CONNECTIONS)]
    own = psutil.Process()
    before, start, client = sum(core.cpu_times()[:2]), time.perf_counter(), sum(own.cpu_times()[:2])
    await _send_all(connections, requests[:TRANSFERS], pace=None)
    await _settled(connections[0], TRANSFERS)
    seconds, spent = time.perf_counter() - start, sum(core.cpu_times()[:2]) - before
    client = sum(own.cpu_times()[:2]) - client
    rate = TRANSFERS / seconds
    latencies = sorted(await _send_all(connections, requests[TRANSFERS:], pace=rate / 2))
    for connection in connections:
        connection.close()
    context = {
        "core_cpu_ms_per_transfer": round(1000 * spent / TRANSFERS, 2),
        "client_cpu_ms_per_transfer": round(1000 * client / TRANSFERS, 2),
        "connections": CONNECTIONS,
        "batch": BATCH,
    }
    p99 = 1000 * latencies[len(latencies) * 99 // 100]
    return [
        figure("core.tps", rate, "transactions/s", "higher", context=context),
        figure("core.latency_p99", p99, "ms", "lower", context={"pace": round(rate / 2, 1)}),
    ]


async def _send_all(connections: list[_Connection], requests: list[bytes], *, pace: float | None) -> list[float]:
    """Send each request by itself and return the seconds to each answer; `pace` is in transactions per second."""
    waiting, latencies = list(enumerate(requests))[::-1], []
    start = time.perf_counter()

    async def one(connection: _Connection) -> None:
        while waiting:
            place, request = waiting.pop()
            if pace is not None:
                await asyncio.sleep(max(0.0, start + place / pace - time.perf_counter()))
            sent = time.perf_counter()
            await connection.call(request)
            latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*(one(connection) for connection in connections))
    return latencies


async def _settled(connection: _Connection, count: int) -> None:
    """Wait until settled blocks hold so many transactions."""
    number = found = 0
    while found < count:
        more = await connection.call(_request("eth_getBlockTransactionCountByNumber", hex(number + 1)))
        if more is None:
            await asyncio.sleep(0.02)
            continue
        number, found = number + 1, found + int(more, 16)
