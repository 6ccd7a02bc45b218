"""``python -m core`` as a process: start, work, SIGKILL, restart, SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from core.process.only_core import OtherCore, only_core
from core.proofs.batch_file import read_batch_file
from core.tools.client import CoreClient
from tests.core.chain import WALLETS, transfer
from tests.core.server_process import ServerProcess


@pytest.fixture
def core(tmp_path: Path) -> Iterator[ServerProcess]:
    made = ServerProcess("core", tmp_path)
    made.environment["HALLMARK_CORE_URL"] = made.url
    yield made
    made.end()


def test_core_takes_a_file_survives_a_kill_and_stops_on_a_signal(core: ServerProcess, tmp_path: Path) -> None:
    core.start()
    before = core.wait_for("/ready")
    assert before["key_digest"].startswith("proven100:")
    file = tmp_path / "transactions"
    file.write_text("\n".join(transfer(WALLETS[0], nonce).hex() for nonce in range(2)) + "\nff\n")
    sent = core.command("submit", str(file), "--seal")
    assert (sent.returncode, "sealed: 0x1" in sent.stdout) == (1, True), sent.stdout + sent.stderr
    assert "3: invalid transaction" in sent.stdout

    assert core.process is not None
    core.process.kill()
    core.process.wait()
    core.start()
    assert core.wait_for("/ready")["program_commitment"] == before["program_commitment"]
    printed = core.command("batch", "1")
    assert read_batch_file(printed.stdout.encode()).transactions == 2
    assert before["program_commitment"] in core.log.read_text(), "core prints what it verifies with"

    file.write_text(transfer(WALLETS[0], 2).hex() + "\n")
    assert core.command("submit", str(file), "--seal").returncode == 0
    for _ in range(100):
        if core.command("batch", "2").returncode == 0:
            break
    with pytest.raises(OtherCore), only_core(tmp_path / "core", wait_seconds=0):
        pass
    core.process.send_signal(signal.SIGTERM)
    assert core.process.wait(20) == 0
    assert core.command("batch", "1").returncode == 1
    with only_core(tmp_path / "core", wait_seconds=0):
        pass
    spans = [json.loads(line) for line in (tmp_path / "traces" / "core.jsonl").read_text().splitlines()]
    # The span in which the first batch's core was killed is nowhere: the second batch has them all.
    traces = list(dict.fromkeys(span["trace_id"] for span in spans))
    assert len(traces) == 2, "one batch, one trace"
    parts = {span["name"] for span in spans if span["trace_id"] == traces[1]}
    assert {"seal batch", "metadata calculator", "basic witness input producer", "commitment generator"} <= parts


def test_a_wrong_configuration_ends_in_one_line_and_exit_code_78(core: ServerProcess, tmp_path: Path) -> None:
    genesis = tmp_path / "genesis.json"
    genesis.write_text("{}")
    for changes in ({"HALLMARK_CORE_GENESIS": str(genesis)}, {"HALLMARK_CORE_OFFER_SECONDS": "never"}):
        core.log.write_bytes(b"")
        assert core.start(**changes).wait(60) == 78
        lines = core.log.read_text().strip().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("configuration: ")


def test_what_was_answered_is_there_after_a_kill(core: ServerProcess) -> None:
    """Many senders at once, batches sealed meanwhile, SIGKILL in the middle."""
    limits = {"HALLMARK_CORE_BATCH_SECONDS": "0.2", "HALLMARK_CORE_BATCH_TRANSACTIONS": "20"}
    process = core.start(**limits)
    core.wait_for("/ready")

    async def send_and_kill() -> list[str]:
        answered: list[str] = []
        async with ClientSession(connector=TCPConnector(limit=32)) as session:

            async def send(raw: bytes) -> None:
                call = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x" + raw.hex()]}
                async with session.post(core.url, json=call) as answer:
                    answered.append((await answer.json())["result"])
                if len(answered) == 60:
                    process.send_signal(signal.SIGKILL)

            raws = [transfer(wallet, nonce) for nonce in range(100) for wallet in WALLETS]
            await asyncio.gather(*(send(raw) for raw in raws), return_exceptions=True)
        return answered

    answered = asyncio.run(send_and_kill())
    process.wait()
    assert 60 <= len(answered) < 300, "it was killed in the middle"
    core.start()
    core.wait_for("/ready")
    client = CoreClient(core.url)
    assert all(client.call("eth_getTransactionByHash", digest) is not None for digest in answered)
