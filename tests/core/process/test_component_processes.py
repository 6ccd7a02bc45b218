"""Core with every component in a process of its own: killed and started again, nothing is lost or done twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.batches.components import KINDS
from core.settings import load_core_settings
from core.store import Batch, BatchStatus, Store, open_store
from runtime.settings import load_settings
from tests.core.chain import WALLETS, transfer
from tests.core.server_process import ServerProcess

NAMES = [kind.name for kind in KINDS]


class Components:
    """The processes; one is killed with SIGKILL."""

    def __init__(self, core: ServerProcess) -> None:
        self._core = core
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "core.process.component", name]
        with self._core.log.open("ab") as log:
            self.running[name] = subprocess.Popen(command, env=self._core.environment, stdout=log, stderr=log)
        return self.running[name]

    def kill(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def core(tmp_path: Path) -> Iterator[ServerProcess]:
    made = ServerProcess("core", tmp_path, HALLMARK_CORE_COMPONENTS="none", HALLMARK_METRICS_PORT="0")
    made.environment["HALLMARK_CORE_URL"] = made.url
    yield made
    made.end()


@pytest.fixture
def components(core: ServerProcess) -> Iterator[Components]:
    made = Components(core)
    yield made
    made.kill()


def committed(store: Store, count: int, seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with store.session():
            if Batch.select().where(Batch.status == BatchStatus.COMMITTED).count() == count:
                return True
        time.sleep(0.1)
    return False


def seal(core: ServerProcess, tmp_path: Path, nonce: int) -> None:
    file = tmp_path / "transactions"
    file.write_text(transfer(WALLETS[0], nonce).hex())
    sent = core.command("submit", str(file), "--seal")
    assert sent.returncode == 0, sent.stdout + sent.stderr


def test_each_in_a_process_of_its_own(core: ServerProcess, components: Components, tmp_path: Path) -> None:
    core.start()
    core.wait_for("/ready")
    for name in NAMES:
        components.start(name)
    seal(core, tmp_path, 0)
    store = open_store(load_core_settings().database_url(load_settings(state_dir=tmp_path)))
    assert committed(store, 1), core.log.read_text()
    components.kill()
    seal(core, tmp_path, 1)
    assert not committed(store, 2, seconds=1), "nobody is there to do it"
    for name in NAMES:
        components.start(name)
    assert committed(store, 2), core.log.read_text()
    second = components.running[NAMES[1]]
    again = components.start(NAMES[1])
    assert again.wait(60) == 78, "one of a kind at a time"
    assert f"Another {NAMES[1]} runs" in core.log.read_text()
    second.terminate()
    assert second.wait(30) == 0
    store.close()
