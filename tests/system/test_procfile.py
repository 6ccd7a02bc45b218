"""The shipped Procfile under a foreman that is not Hallmark's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cli.procfile import read_procfile
from runtime import run_files

ROOT = Path(__file__).resolve().parents[2]


def test_honcho_runs_every_line_of_the_procfile(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    scripts = Path(sys.executable).parent
    environment = {
        **kept,
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "HALLMARK_STATE_DIR": str(tmp_path / "state"),
        "HALLMARK_STAGES": "tests.actors.small_stages",
        "HALLMARK_DEVICE": "cpu",
        "HALLMARK_METRICS_PORT": "0",
        "HALLMARK_CORE_PORT": "0",
        "HALLMARK_GATEWAY_PORT": "0",
        "HALLMARK_CONSOLE_PORT": "0",
        "PYTHONPATH": str(ROOT),
    }
    wanted = {f"{name}.1" for name in read_procfile(ROOT / "Procfile")}
    with (tmp_path / "log").open("wb") as log:
        honcho = subprocess.Popen(
            [str(scripts / "honcho"), "start"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while {entry["process"] for entry in run_files.running(tmp_path / "state") if entry["ready"]} != wanted:
            assert honcho.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
        honcho.send_signal(signal.SIGTERM)
        honcho.wait(30)
        assert not run_files.running(tmp_path / "state"), (tmp_path / "log").read_text()
    finally:
        if honcho.poll() is None:
            os.killpg(honcho.pid, signal.SIGKILL)
            honcho.wait()
