"""The endpoint of every process, towards clients that behave badly."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime import endpoint, run_files, troubles
from runtime.endpoint import Endpoint
from runtime.errors import DiskFull
from runtime.http_server import TooManyOfAddress
from runtime.logging import configure_logging, get_logger
from runtime.pages import Answer, Pages
from runtime.process import Process
from runtime.settings import load_settings
from tests.processes import started


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return started(load_settings(state_dir=tmp_path))


def get(served: Endpoint, path: str, **headers: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body.startswith(b"{") else {}


@pytest.mark.parametrize("sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: a\r\n"])
def test_a_connection_that_stalls_is_closed(process: Process, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(endpoint._Handler, "timeout", 0.2)
    with (
        Endpoint(Pages(process), port=0) as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection,
    ):
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_one_too_many_takes_the_place_of_who_waits_longest(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "MAX_CONNECTIONS", 2)
    with Endpoint(Pages(process), port=0) as served, contextlib.ExitStack() as stack:
        address = ("127.0.0.1", served.port)
        held = [stack.enter_context(socket.create_connection(address, timeout=5)) for _ in range(3)]
        assert held[0].recv(1) == b""
        assert get(served, "/health")[0] == 200
        assert held[1].recv(1) == b""
        held[2].sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert b"200" in held[2].recv(100)


def test_a_request_that_is_being_answered_makes_room_for_nobody(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_CONNECTIONS", 2)
    pages, begun, go_on = Pages(process), threading.Semaphore(0), threading.Event()
    answer = pages.answer

    def slow(path: str, authorization: str, accept: str) -> Answer:
        begun.release()
        go_on.wait(10)
        return answer(path, authorization, accept)

    monkeypatch.setattr(pages, "answer", slow)
    with Endpoint(pages, port=0) as served, contextlib.ExitStack() as stack:
        address = ("127.0.0.1", served.port)
        busy = [stack.enter_context(socket.create_connection(address, timeout=5)) for _ in range(2)]
        for each in busy:
            each.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            assert begun.acquire(timeout=5)
        assert stack.enter_context(socket.create_connection(address, timeout=5)).recv(1) == b""
        go_on.set()
        assert all(b"200" in each.recv(100) for each in busy)


def test_pages_follow_one_set_of_rules(tmp_path: Path) -> None:
    process = started(load_settings(state_dir=tmp_path, token="secret"))
    reasons = [""]
    with Endpoint(Pages(process, check=lambda: reasons[0], facts=lambda: {"held": 3}), port=0) as served:
        assert get(served, "/health") == (200, {"process": "test", "status": "up"})
        process.waits_for = "it waits"
        assert get(served, "/ready")[1]["reason"] == "it waits"
        served.ready()
        status, body = get(served, "/ready")
        assert (status, body["ready"], body["held"]) == (200, True, 3)
        reasons[0] = "no core"
        assert get(served, "/ready")[0] == 503
        reasons[0] = ""
        process.pulse.started -= 1000
        assert "no sign of life" in str(get(served, "/ready")[1]["reason"])
        assert get(served, "/metrics")[0] == 401
        assert get(served, "/metrics", Authorization="Bearer secret")[0] == 200
        assert get(served, "/nothing")[0] == 404


def test_a_resource_that_runs_out_is_told_once_shown_while_it_lasts_and_told_when_over(
    process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(troubles, "QUIET_SECONDS", 1.5)
    configure_logging(process.settings, process="test")
    logging.getLogger().addHandler(caplog.handler)
    logger = logging.getLogger("asyncio")
    pages = Pages(process)
    for _ in range(500):
        try:
            raise OSError(errno.EMFILE, "Too many open files")
        except OSError:
            logger.exception("socket.accept() out of system resource")
            get_logger("x").exception("failed")
    assert pages.state()[0] == 503 and "descriptor" in str(pages.state()[1]["reason"])
    assert until(lambda: pages.state()[0] == 200)
    told = [record.getMessage() for record in caplog.records if "trouble" in record.getMessage()]
    assert len(told) == 2 and "trouble began" in told[0] and "trouble ended" in told[1]
    assert "'times': 1000" in told[1]


def test_what_harms_nobody_else_is_told_and_leaves_a_process_ready() -> None:
    met = troubles.Troubles()
    met.note(TooManyOfAddress("192.0.2.1", 48), harmful=False)
    assert not met.reason()
    met.note(DiskFull())
    assert met.reason() == "The disk is full."


def test_a_full_disk_is_over_when_it_has_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(troubles, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(troubles, "ROOM_BYTES", 1 << 60)
    met = troubles.Troubles()
    met.disk = tmp_path
    met.note(DiskFull())
    time.sleep(0.5)
    assert met.reason() == "The disk is full."
    monkeypatch.setattr(troubles, "ROOM_BYTES", 0)
    assert until(lambda: not met.reason())


def test_two_of_a_kind_have_files_of_their_own(process: Process) -> None:
    with Endpoint(Pages(process), port=0) as served:
        (mine,) = run_files.running(process.settings.state_dir)
        assert (mine["process"], mine["port"], mine["pid"]) == ("test", served.port, os.getpid())
        assert not run_files.came_up(process.settings.state_dir, os.getpid()) or mine["ready"]
        folder = run_files.run_folder(process.settings.state_dir)
        stale = folder / f"test@{socket.gethostname()}.999999999.json"
        stale.write_text("{}")
        served.ready()
        assert not stale.exists()
        assert run_files.came_up(process.settings.state_dir, os.getpid())
    assert not list(folder.iterdir())


def test_it_listens_on_ipv6_and_takes_a_free_port_for_a_taken_one(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path, metrics_host="[::1]")
    with Endpoint(Pages(started(settings)), port=0) as first:
        with socket.create_connection(("::1", first.port), timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.0 200")
        with Endpoint(Pages(started(settings)), port=first.port) as second:
            assert second.port != first.port


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
