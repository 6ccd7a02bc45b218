from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli import supervised, supervisor
from cli.procfile import ProcessType, read_procfile
from cli.run import ROOT, choose, patience
from cli.supervisor import KILLED_FOR_MEMORY, Supervisor
from runtime import run_files
from runtime.errors import ConfigurationError
from runtime.memory_kills import MemoryKills
from runtime.process import Exit
from runtime.settings import Settings
from tests.servers import free_port


@contextmanager
def supervising(
    folder: Path, came_up: Callable[[int], bool] = lambda pid: False, drain_seconds: float = 30, **scripts: str
) -> Iterator[tuple[Supervisor, list[tuple[str, str]]]]:
    lines: list[tuple[str, str]] = []
    types = [(ProcessType(name, ("python", "-uc", script)), 1) for name, script in scripts.items()]
    supervisor = Supervisor(
        types,
        directory=folder,
        environment=dict(os.environ),
        output=lambda name, line: lines.append((name, line)),
        came_up=came_up,
        told=lambda children: supervised.write(folder, children),
        drain_seconds=drain_seconds,
    )
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor, lines
    finally:
        supervisor.stop()
        thread.join(40)
        assert not thread.is_alive()


def wait_for(condition: object, seconds: float = 15.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    with supervising(tmp_path, flaky="import os; print('up'); os._exit(3)") as (supervisor, lines):
        wait_for(lambda: lines.count(("flaky.1", "up")) >= 2)
        assert supervisor.children[0].restarts >= 1
        assert any("status 3" in line for _, line in lines)


def test_a_child_that_the_kernel_ends_for_memory_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine whose count rises each time that it is looked at.
    kills = (MemoryKills("boot", "", 0, 0, number) for number in itertools.count())
    monkeypatch.setattr(supervisor, "memory_kills", lambda: next(kills))
    monkeypatch.setattr(supervisor, "killed_since", lambda before: next(kills).on_machine > before.on_machine)
    with supervising(tmp_path, big="import os, signal; os.kill(os.getpid(), signal.SIGKILL)") as (running, lines):
        wait_for(lambda: ("big.1", KILLED_FOR_MEMORY) in lines)
        assert "HALLMARK_MEMORY" in running.children[0].last_line


def test_a_child_that_somebody_kills_is_not_told_to_lack_memory(tmp_path: Path) -> None:
    with supervising(tmp_path, big="import os, signal; os.kill(os.getpid(), signal.SIGKILL)") as (_, lines):
        wait_for(lambda: any("status -9" in line for _, line in lines))
        assert ("big.1", KILLED_FOR_MEMORY) not in lines


def test_wrong_configuration_stops_everything(tmp_path: Path) -> None:
    with supervising(
        tmp_path, good="import time; time.sleep(60)", bad=f"import os; os._exit({Exit.CONFIGURATION.value})"
    ) as (
        supervisor,
        _,
    ):
        wait_for(lambda: supervisor.failed is not None)
        assert supervisor.failed is not None
        assert supervisor.failed.name == "bad.1"


def test_wrong_configuration_later_is_an_outage_that_is_retried_and_shown(tmp_path: Path) -> None:
    (tmp_path / "right").touch()
    script = (
        "import os, pathlib, time\n"
        "print('up')\n"
        "while pathlib.Path('right').exists(): time.sleep(0.05)\n"
        f"print('the password is wrong'); os._exit({Exit.CONFIGURATION.value})"
    )
    with supervising(tmp_path, lambda pid: True, worker=script, other="import time; time.sleep(60)") as (made, lines):
        wait_for(lambda: made.children[0].up)
        (tmp_path / "right").unlink()
        wait_for(lambda: made.children[0].restarts >= 2)
        assert made.failed is None
        (shown,) = supervised.outages(tmp_path)
        assert shown.startswith("worker.1 is down (status 78") and shown.endswith("the password is wrong")
        (tmp_path / "right").touch()
        wait_for(lambda: lines.count(("worker.1", "up")) >= 3)
        wait_for(lambda: not supervised.outages(tmp_path))


def test_draining_lets_children_finish_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; "
        "time.sleep(60)']); print(child.pid)\n"
        "def end(*_):\n print('drained'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); time.sleep(60)"
    )
    with supervising(tmp_path, worker=script) as (_, lines):
        wait_for(lambda: lines)
        grandchild = int(lines[0][1])
    assert ("worker.1", "drained") in lines
    wait_for(lambda: not Path(f"/proc/{grandchild}").exists() or "Z" in Path(f"/proc/{grandchild}/stat").read_text())


def test_a_child_that_does_not_drain_is_killed_when_patience_ends(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(100)"
    with supervising(tmp_path, drain_seconds=1, deaf=deaf) as (supervisor, lines):
        wait_for(lambda: ("deaf.1", "up") in lines)
        start = time.monotonic()
        supervisor.stop()
        wait_for(lambda: any("killing it" in line for _, line in lines))
        assert 0.9 < time.monotonic() - start < 10


def test_patience_is_longer_than_workers_drain() -> None:
    for seconds in (0, 4, 60, 3600):
        assert patience(Settings.of(drain_seconds=seconds)) >= max(30, seconds + 5)


def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    import signal

    (tmp_path / "Procfile").write_text('sleeper: python -uc "import os, time; print(os.getpid()); time.sleep(60)"\n')
    parent = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", "--procfile", str(tmp_path / "Procfile")],
        cwd=ROOT,
        env={**os.environ, "HALLMARK_STATE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline().split("|")[1])
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())
    parent.stdout.close()


def test_the_procfile_is_read_in_order() -> None:
    types = read_procfile(ROOT / "Procfile")
    assert next(iter(types)) == "core"
    assert {"core", "gateway", "witness", "vectors", "prove", "housekeeper"} <= set(types)


@pytest.mark.parametrize("text", ["no colon here", "a: x\na: y", "bad name: x"])
def test_a_broken_procfile_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Procfile").write_text(text)
    with pytest.raises(ConfigurationError):
        read_procfile(tmp_path / "Procfile")


def test_instances_are_chosen() -> None:
    types = read_procfile(ROOT / "Procfile")
    chosen = {kind.name: count for kind, count in choose(types, counts=["prove=3"])}
    assert chosen["prove"] == 3
    assert set(chosen) == set(types)
    assert [kind.name for kind, _ in choose(types, only="core,gateway")] == ["core", "gateway"]
    for counts in (["prove"], ["nothing=2"], ["prove=x"]):
        with pytest.raises(ConfigurationError):
            choose(types, counts=counts)
    with pytest.raises(ConfigurationError):
        choose(types, only="nothing")


def run_command(folder: Path, *arguments: str, **variables: str) -> tuple[list[str], dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    environment = {**kept, "HALLMARK_STATE_DIR": str(folder / "state"), "HALLMARK_METRICS_PORT": "0", **variables}
    return [sys.executable, "-m", "cli.main", "run", *arguments], environment


def test_a_second_run_on_the_same_folder_or_ports_is_one_line(tmp_path: Path) -> None:
    port = str(free_port())
    command, environment = run_command(tmp_path, "--only", "core", HALLMARK_CORE_PORT=port)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as first:
        try:
            wait_for(lambda: run_files.running(tmp_path / "state"), 60)
            others = {str(tmp_path / "state"): "already_running: ", str(tmp_path / "other"): "port_taken: "}
            for folder, expected in others.items():
                second = subprocess.run(
                    command,
                    cwd=ROOT,
                    env={**environment, "HALLMARK_STATE_DIR": folder},
                    capture_output=True,
                    text=True,
                    timeout=30,
                    check=False,
                )
                assert second.returncode == Exit.CONFIGURATION
                (line,) = second.stderr.splitlines()
                assert line.startswith(f"hallmark: {expected}") and not second.stdout
            assert first.poll() is None
        finally:
            first.terminate()
            assert first.wait(30) == 0


def test_a_reader_that_goes_away_freezes_nobody(tmp_path: Path) -> None:
    script = (
        "import pathlib, time\n"
        "for number in range(20000): print('x' * 50, flush=True)\n"
        "pathlib.Path('written').touch(); time.sleep(60)"
    )
    (tmp_path / "talk.py").write_text(script)
    (tmp_path / "Procfile").write_text(f"talker: sh -c 'cd {tmp_path} && exec {sys.executable} talk.py'\n")
    command, environment = run_command(tmp_path, "--procfile", str(tmp_path / "Procfile"))
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None and parent.stderr is not None
        parent.stdout.readline()
        parent.stdout.close()
        wait_for((tmp_path / "written").exists, 30)
        assert parent.poll() is None
        parent.terminate()
        assert parent.wait(30) == 0
        assert "nobody reads the output" in parent.stderr.read()


def test_children_see_what_config_check_shows(tmp_path: Path) -> None:
    stand = tmp_path / "stand"
    stand.mkdir()
    (stand / ".env").write_text("HALLMARK_STATE_DIR=state\nHALLMARK_ZONE=from the file\n")
    told = "'; '.join(f'{e.variable}={e.value}' for e in show(load_settings()))"
    imports = "from runtime.settings import load_settings; from runtime.configuration import show"
    (tmp_path / "Procfile").write_text(f'teller: python -uc "{imports}; import time; print({told}); time.sleep(60)"\n')
    command, environment = run_command(tmp_path, "--procfile", str(tmp_path / "Procfile"))
    del environment["HALLMARK_STATE_DIR"]
    environment["PYTHONPATH"] = str(ROOT)
    check = subprocess.run(
        [*command[:3], "config", "check", "--json"], cwd=stand, env=environment, capture_output=True, check=True
    )
    expected = {each["variable"]: each["value"] for each in json.loads(check.stdout)}
    with subprocess.Popen(command, cwd=stand, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        seen = dict(
            entry.partition("=")[::2] for entry in parent.stdout.readline().partition("| ")[2].strip().split("; ")
        )
        parent.terminate()
        parent.wait(30)
    assert seen["HALLMARK_ZONE"] == "from the file" and seen["HALLMARK_STATE_DIR"] == str(stand / "state")
    assert seen.items() <= expected.items()
