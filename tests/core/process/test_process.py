"""``python -m core`` as a process: start, work, SIGKILL, restart, SIGTERM."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.process.only_core import OtherCore, only_core
from core.proofs.batch_file import read_batch_file
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

    with pytest.raises(OtherCore), only_core(tmp_path / "core", wait_seconds=0):
        pass
    core.process.send_signal(signal.SIGTERM)
    assert core.process.wait(20) == 0
    assert core.command("batch", "1").returncode == 1
    with only_core(tmp_path / "core", wait_seconds=0):
        pass
    spans = [json.loads(line) for line in (tmp_path / "traces" / "core.jsonl").read_text().splitlines()]
    parts = {span["name"] for span in spans}
    assert {"seal batch", "metadata calculator", "basic witness input producer", "commitment generator"} <= parts
    assert len({span["trace_id"] for span in spans}) == 1, "one batch, one trace"


def test_a_wrong_configuration_ends_in_one_line_and_exit_code_78(core: ServerProcess, tmp_path: Path) -> None:
    genesis = tmp_path / "genesis.json"
    genesis.write_text("{}")
    for changes in ({"HALLMARK_CORE_GENESIS": str(genesis)}, {"HALLMARK_CORE_OFFER_SECONDS": "never"}):
        core.log.write_bytes(b"")
        assert core.start(**changes).wait(60) == 78
        lines = core.log.read_text().strip().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("configuration: ")
