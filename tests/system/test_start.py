"""Every process starts, and refuses to start, in one way.

By default core, a worker and the migration are asked, which begin differently; all the others among the long tests.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from runtime import run_files
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
WORKERS = [("actors.run", "--stage", stage) for stage in ("witness", "vectors", "prove")]
SMALL = [*WORKERS[1:2], ("housekeeper",), ("housekeeper", "clock")]
SERVERS = [("core",), ("gateway",)]
PROCESSES = [*SERVERS, *SMALL]
EVERY = [*PROCESSES, ("broker.jobs", "migrate")]
#: One of each way to begin.
KINDS = [("core",), SMALL[0], ("broker.jobs", "migrate")]


def mostly(processes: list[tuple[str, ...]]) -> Any:
    """Those of `KINDS` by default, the others among the long tests."""
    marked = [pytest.param(each, marks=() if each in KINDS else pytest.mark.long) for each in processes]
    return pytest.mark.parametrize("arguments", marked, ids=" ".join)


@contextmanager
def run(folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``python -m <arguments>`` with a state folder of its own on free ports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    defaults = {
        "HALLMARK_STATE_DIR": str(folder / "state"),
        "HALLMARK_STAGES": "tests.actors.small_stages",
        "HALLMARK_METRICS_PORT": "0",
        "HALLMARK_CORE_PORT": "0",
        "HALLMARK_GATEWAY_PORT": "0",
        "HALLMARK_CONSOLE_PORT": "0",
        "HALLMARK_LOG_FORMAT": "json",
    }
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**kept, **defaults, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def refused(folder: Path, *arguments: str, **variables: str) -> str:
    """Return the one line with which a process ends with 78."""
    with run(folder, *arguments, **variables) as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 78, said
    lines = [line for line in said.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, said
    return lines[0]


def running(folder: Path, count: int = 1) -> list[dict[str, Any]]:
    """Wait until the folder names this many processes that are ready, and return what it says."""
    deadline = time.monotonic() + 60
    while True:
        found = [entry for entry in run_files.running(folder / "state") if entry["ready"]]
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


@mostly(EVERY)
def test_a_state_folder_that_cannot_be_used_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "state", Path("/sys/hallmark")):
        line = refused(tmp_path, *arguments, HALLMARK_STATE_DIR=str(folder))
        assert "HALLMARK_STATE_DIR" in line and str(folder) in line


@mostly(EVERY)
def test_a_bad_url_is_one_line_without_its_password(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    line = refused(tmp_path, *arguments, HALLMARK_DATABASE_URL="postgresql://u:S3cr/et@host/db")
    assert "HALLMARK_DATABASE_URL" in line and "S3cr" not in line


@mostly(PROCESSES)
def test_an_address_of_another_host_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    kind = {"core": "CORE", "gateway": "GATEWAY"}.get(arguments[0], "METRICS")
    for host in ("192.0.2.1", "no.such.host.invalid"):
        line = refused(tmp_path, *arguments, HALLMARK_TOKEN="t", **{f"HALLMARK_{kind}_HOST": host})
        assert f"HALLMARK_{kind}_HOST" in line and host in line


@pytest.mark.parametrize("kind", ["core", "gateway"])
def test_a_taken_port_is_one_line(tmp_path: Path, kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = refused(tmp_path, kind, **{f"HALLMARK_{kind.upper()}_PORT": str(taken.getsockname()[1])})
    assert line.startswith("port_taken: ") and f"HALLMARK_{kind.upper()}_PORT" in line


def spend(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait until a process has taken this much CPU time, or is over with it, however busy the machine is."""
    until = time.monotonic() + 10 * seconds
    with contextlib.suppress(psutil.NoSuchProcess):
        child = psutil.Process(process.pid)
        while sum(child.cpu_times()[:2]) < seconds and time.monotonic() < until:
            time.sleep(0.01)


@mostly(EVERY)
def test_sigterm_ends_a_process_at_any_instant_without_a_word(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    for seconds in (0.1, 0.5, 1.0):
        with run(tmp_path, *arguments) as process:
            spend(process, seconds)
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=30)[0]
            assert process.returncode == 0, said
            assert "Traceback" not in said


@mostly(PROCESSES)
def test_every_process_listens_on_ipv6_names_its_port_and_keeps_its_files_private(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    hosts = {f"HALLMARK_{kind}_HOST": "::1" for kind in ("CORE", "GATEWAY", "METRICS")}
    previous = os.umask(0o022)
    try:
        with run(tmp_path, "broker.jobs", "migrate") as release:
            assert release.wait(30) == 0
        with run(tmp_path, *arguments, **hosts) as process:
            (entry,) = running(tmp_path)
            assert (entry["host"], entry["pid"]) == ("::1", process.pid)
            with urllib.request.urlopen(f"http://[::1]:{entry['port']}/health", timeout=5) as answer:
                assert b'"status": "up"' in answer.read()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        os.umask(previous)
    assert not run_files.running(tmp_path / "state")
    state = tmp_path / "state"
    for path in (state, *state.rglob("*")):
        open_to = stat.S_IMODE(path.stat().st_mode) & 0o077
        assert not open_to, f"{path} is open to others: {open_to:o}"


def test_two_of_a_kind_do_not_overwrite_each_other(tmp_path: Path) -> None:
    port = str(free_port())
    with (
        run(tmp_path, "housekeeper", HALLMARK_METRICS_PORT=port),
        run(tmp_path, "housekeeper", HALLMARK_METRICS_PORT=port),
    ):
        found = running(tmp_path, 2)
    assert len({entry["port"] for entry in found}) == len({entry["pid"] for entry in found}) == 2


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    assert str(tmp_path) in refused(tmp_path, "core", HALLMARK_CORE_GENESIS=str(tmp_path))
    assert str(tmp_path) in refused(tmp_path, "core", HALLMARK_CORE_PROGRAM=str(tmp_path / "none.elf"))


@mostly(EVERY)
def test_a_database_that_is_away_is_waited_for(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    url = f"postgresql://u:S3cret@127.0.0.1:{free_port()}/db"
    variable = "HALLMARK_CORE_DATABASE_URL" if arguments == ("core",) else "HALLMARK_DATABASE_URL"
    with run(tmp_path, *arguments, **{variable: url}) as process:
        assert process.stdout is not None
        said = ""
        while "waiting for the database" not in said:
            line = process.stdout.readline()
            assert line, f"it ended and said {said!r}"
            said += line
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=60)[0]
    assert process.returncode == 0 and "S3cret" not in said


def test_watching_ends_at_once_when_core_refuses_the_gateway_for_good(tmp_path: Path) -> None:
    port = str(free_port())
    with run(tmp_path, "broker.jobs", "migrate") as release:
        assert release.wait(30) == 0
    with (
        run(tmp_path, "core", HALLMARK_CORE_PORT=port, HALLMARK_CORE_PROFILE="proven128"),
        run(tmp_path, "gateway", HALLMARK_CORE_URL=f"http://127.0.0.1:{port}"),
        run(tmp_path, "cli.main", "watch") as watch,
    ):
        said = watch.communicate(timeout=60)[0]
    assert watch.returncode != 0 and "key_mismatch" in said and "proven128" in said, said


def test_an_address_with_too_many_connections_is_told_in_two_lines_and_harms_nobody(tmp_path: Path) -> None:
    port = free_port()
    command = f"ulimit -n 64; exec {sys.executable} -m core"
    environment = {
        **os.environ,
        "HALLMARK_STATE_DIR": str(tmp_path / "state"),
        "HALLMARK_CORE_PORT": str(port),
        "HALLMARK_LOG_FORMAT": "json",
    }
    with subprocess.Popen(
        ["sh", "-c", command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            running(tmp_path)
            idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(80)]
            time.sleep(1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as answer:
                assert answer.status == 200
            for connection in idle:
                connection.close()
            time.sleep(5)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=20) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            said = process.communicate(timeout=30)[0].splitlines()
    [began] = [line for line in said if "trouble began" in line]
    assert "127.0.0.1 has" in began and "too_many_connections_of_address" in began
    assert len([line for line in said if "trouble ended" in line]) == 1, said
    told = [line for line in said if '"up: ' not in line]
    assert len(told) < 5 and "Traceback" not in "".join(told), told
