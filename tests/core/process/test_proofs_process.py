"""What takes proofs of the old version beside a core of the new one, each a process."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.proofs.verification import key_identity
from core.tools.client import CoreClient
from runtime.process import Exit
from tests.core.chain import WALLETS, transfer
from tests.core.server_process import ServerProcess


class ProofsProcess(ServerProcess):
    """``python -m core.process.proofs`` on the state of a core."""

    def __init__(self, core: ServerProcess, folder: Path) -> None:
        super().__init__("core.process.proofs", folder)
        self.environment = core.environment | {"HALLMARK_CORE_PORT": self.url.rsplit(":", 1)[1]}


@pytest.fixture
def core(tmp_path: Path) -> Iterator[ServerProcess]:
    made = ServerProcess("core", tmp_path)
    yield made
    made.end()


@pytest.fixture
def proofs(core: ServerProcess, tmp_path: Path) -> Iterator[ProofsProcess]:
    made = ProofsProcess(core, tmp_path)
    yield made
    made.end()


def offered(url: str, version: str) -> dict[str, Any] | int:
    """Return the batch that is offered to a prover of a version, or the status of a refusal."""
    asked = {"prover": "test", "protocol_version": version, "key_digest": key_identity("proven100")}
    request = urllib.request.Request(url + "/proof_generation_data", json.dumps(asked).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            content: dict[str, Any] = json.loads(answer.read() or b"{}")
            return content
    except urllib.error.HTTPError as error:
        return error.code


def test_each_version_offers_its_own_batches(core: ServerProcess, proofs: ProofsProcess) -> None:
    core.start()
    core.wait_for("/ready")
    client = CoreClient(core.url)
    client.send_raw_transaction(transfer(WALLETS[0], 0))
    assert client.seal() == 1
    core.wait_for("/batches/1")
    assert core.process is not None
    core.process.terminate()
    assert core.process.wait(30) == Exit.OK
    core.start(HALLMARK_PROTOCOL_VERSION="2")
    proofs.start()
    core.wait_for("/ready")
    client.send_raw_transaction(transfer(WALLETS[0], 1))
    assert client.seal() == 2
    core.wait_for("/batches/2")
    proofs.wait_for("/ready")
    assert offered(core.url, "1") == offered(proofs.url, "2") == 409
    old, new = offered(proofs.url, "1"), offered(core.url, "2")
    assert isinstance(old, dict) and isinstance(new, dict)
    assert (old["batch_number"], new["batch_number"]) == (1, 2)
    assert offered(proofs.url, "1") == offered(core.url, "2") == {}
