"""``python -m core`` as a process: start, work, SIGKILL, restart, SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.batch_file import read_batch_file
from tests.core.chain import WALLETS, transfer

START_SECONDS = 90


class CoreProcess:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "core.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
        self.environment = kept | {
            "HALLMARK_STATE_DIR": str(folder),
            "HALLMARK_CORE_PORT": str(port),
            "HALLMARK_CORE_URL": self.url,
            "HALLMARK_CORE_BATCH_SECONDS": "0",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **changes: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core"], env=self.environment | changes, stderr=log, stdout=log
            )
        return self.process

    def wait_until_ready(self) -> dict[str, Any]:
        assert self.process is not None
        for _ in range(START_SECONDS * 10):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(self.url + "/ready", timeout=5) as answer:
                    body: dict[str, Any] = json.load(answer)
                    return body
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"core did not start: {self.log.read_text()}")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "core", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[CoreProcess]:
    made = CoreProcess(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def test_core_takes_a_file_survives_a_kill_and_stops_on_a_signal(core: CoreProcess, tmp_path: Path) -> None:
    core.start()
    before = core.wait_until_ready()
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
    assert core.wait_until_ready()["program_commitment"] == before["program_commitment"]
    printed = core.command("batch", "1")
    assert read_batch_file(printed.stdout.encode()).transactions == 2
    assert before["program_commitment"] in core.log.read_text(), "core prints what it verifies with"

    core.process.send_signal(signal.SIGTERM)
    assert core.process.wait(20) == 0
    assert core.command("batch", "1").returncode == 1


def test_a_wrong_configuration_ends_in_one_line_and_exit_code_78(core: CoreProcess, tmp_path: Path) -> None:
    genesis = tmp_path / "genesis.json"
    genesis.write_text("{}")
    for changes in ({"HALLMARK_CORE_GENESIS": str(genesis)}, {"HALLMARK_CORE_OFFER_SECONDS": "never"}):
        core.log.write_bytes(b"")
        assert core.start(**changes).wait(60) == 78
        lines = core.log.read_text().strip().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("configuration: ")
