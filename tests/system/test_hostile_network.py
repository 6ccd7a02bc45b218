"""A thousand clients that open connections and never finish a request keep nobody else from an answer."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime import run_files
from tests.actors.cluster import ROOT

#: Connections that are opened; half of them begin a request and stop within its header.
HALF_OPEN = 1000
#: Longest that `/health` may take meanwhile, in seconds, as most of the requests see it.
HEALTH_SECONDS = 0.1
_ASKED = 40


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """Run a process that needs nothing but its state folder, and yield what its run file says."""
    variables = {
        "HALLMARK_STATE_DIR": str(folder / "state"),
        "HALLMARK_CONSOLE_PORT": "0",
        "HALLMARK_GATEWAY_PORT": "0",
        "HALLMARK_METRICS_PORT": "0",
        "HALLMARK_CORE_URL": "http://127.0.0.1:1",
    }
    subprocess.run([sys.executable, "-m", "broker.jobs", "migrate"], cwd=ROOT, env=os.environ | variables, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=os.environ | variables, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not (found := [e for e in run_files.running(folder / "state") if e["pid"] == process.pid]):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def health(entry: dict[str, Any]) -> float:
    """Ask for `/health` on a connection of its own and return how long that took, in seconds."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection(str(entry["host"]), int(entry["port"]), timeout=10)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    finally:
        connection.close()
    return time.perf_counter() - started


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize(
    "arguments", [("housekeeper.console",), ("gateway",), ("housekeeper",)], ids=lambda arguments: arguments[0]
)
def test_half_open_connections_delay_no_health_check_and_cost_little(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with serving(tmp_path, *arguments) as entry:
        health(entry)
        before = resident(entry["pid"])
        held: list[socket.socket] = []
        try:
            for number in range(HALF_OPEN):
                held.append(socket.create_connection((str(entry["host"]), int(entry["port"])), 10))
                # The server may have dropped it for a later one already.
                with contextlib.suppress(OSError):
                    if number % 2:
                        held[-1].sendall(b"GET /health HTTP/1.1\r\nHost: somewhere\r\nX-Slow: ")
            times = [health(entry) for _ in range(_ASKED)]
            grown = resident(entry["pid"]) - before
        finally:
            for each in held:
                each.close()
        assert statistics.median(times) < HEALTH_SECONDS, times
        assert grown < 64 << 20, grown
        # Places come back: as many again find the server as they did before.
        assert health(entry) < 10
