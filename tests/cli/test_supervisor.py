from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.procfile import ProcessType, read_procfile
from cli.run import ROOT, choose
from cli.supervisor import EXIT_CONFIGURATION, Supervisor
from runtime.errors import ConfigurationError


@contextmanager
def supervised(folder: Path, **scripts: str) -> Iterator[tuple[Supervisor, list[tuple[str, str]]]]:
    lines: list[tuple[str, str]] = []
    types = [(ProcessType(name, ("python", "-uc", script)), 1) for name, script in scripts.items()]
    supervisor = Supervisor(
        types, directory=folder, environment=dict(os.environ), output=lambda name, line: lines.append((name, line))
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
    with supervised(tmp_path, flaky="import os; print('up'); os._exit(3)") as (supervisor, lines):
        wait_for(lambda: lines.count(("flaky.1", "up")) >= 2)
        assert supervisor.children[0].restarts >= 1
        assert any("status 3" in line for _, line in lines)


def test_wrong_configuration_stops_everything(tmp_path: Path) -> None:
    with supervised(tmp_path, good="import time; time.sleep(60)", bad=f"import os; os._exit({EXIT_CONFIGURATION})") as (
        supervisor,
        _,
    ):
        wait_for(lambda: supervisor.failed is not None)
        assert supervisor.failed is not None
        assert supervisor.failed.name == "bad.1"


def test_draining_lets_children_finish_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; "
        "time.sleep(60)']); print(child.pid)\n"
        "def end(*_):\n print('drained'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); time.sleep(60)"
    )
    with supervised(tmp_path, worker=script) as (_, lines):
        wait_for(lambda: lines)
        grandchild = int(lines[0][1])
    assert ("worker.1", "drained") in lines
    wait_for(lambda: not Path(f"/proc/{grandchild}").exists() or "Z" in Path(f"/proc/{grandchild}/stat").read_text())


def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    import signal
    import subprocess

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
    assert next(iter(types)) == "release"
    assert {"core", "gateway", "witness", "vectors", "prove", "bundle", "housekeeper"} <= set(types)


@pytest.mark.parametrize("text", ["no colon here", "a: x\na: y", "bad name: x"])
def test_a_broken_procfile_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Procfile").write_text(text)
    with pytest.raises(ConfigurationError):
        read_procfile(tmp_path / "Procfile")


def test_instances_are_chosen() -> None:
    types = read_procfile(ROOT / "Procfile")
    chosen = {kind.name: count for kind, count in choose(types, counts=["prove=3"])}
    assert chosen["prove"] == 3
    assert "release" not in chosen
    assert [kind.name for kind, _ in choose(types, only="core,gateway")] == ["core", "gateway"]
    for counts in (["prove"], ["nothing=2"], ["prove=x"]):
        with pytest.raises(ConfigurationError):
            choose(types, counts=counts)
    with pytest.raises(ConfigurationError):
        choose(types, only="nothing")
