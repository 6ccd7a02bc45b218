"""``python -m gateway`` as a process: it stays while core is away, and ends as asked."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.server_process import ServerProcess
from tests.servers import free_port


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[ServerProcess]:
    away = f"http://127.0.0.1:{free_port()}"
    made = ServerProcess("gateway", tmp_path, HALLMARK_CORE_URL=away, HALLMARK_GATEWAY_POLL_SECONDS="0.1")
    yield made
    made.end()


def test_the_gateway_stays_while_core_is_away_and_stops_on_a_signal(gateway: ServerProcess) -> None:
    process = gateway.start()
    assert "core" in gateway.wait_for("/ready", 503)["reason"]
    assert gateway.wait_for("/health")["process"] == "gateway"
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_wrong_configuration_ends_in_one_line_and_exit_code_78(gateway: ServerProcess, tmp_path: Path) -> None:
    cores = tmp_path / "cores.toml"
    cores.write_text('[[core]]\nchain_id = 1\nurl = "http://a"\n' * 2)
    for changes in (
        {"HALLMARK_GATEWAY_POLL_SECONDS": "often"},
        {"HALLMARK_CHAIN_ID": "0"},
        {"HALLMARK_GATEWAY_CORES": str(cores)},
    ):
        gateway.log.write_bytes(b"")
        assert gateway.start(**changes).wait(60) == 78
        lines = gateway.log.read_text().strip().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("configuration: HALLMARK_")
