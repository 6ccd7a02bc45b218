"""`hallmark start`: the process itself, under the name that it was given."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from cli.run import ROOT
from runtime import run_files


def started(folder: Path, name: str) -> subprocess.Popen[str]:
    variables = {
        "HALLMARK_STATE_DIR": str(folder),
        "HALLMARK_STAGES": "tests.actors.small_stages",
        "HALLMARK_METRICS_PORT": "0",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "start", name],
        cwd=ROOT,
        env={**{key: value for key, value in os.environ.items() if not key.startswith("HALLMARK_")}, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_becomes_an_instance_of_the_process(tmp_path: Path) -> None:
    process = started(tmp_path, "housekeeper.7")
    deadline = time.monotonic() + 30
    while not (found := [entry for entry in run_files.running(tmp_path) if entry["ready"]]):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    assert [(entry["process"], entry["pid"]) for entry in found] == [("housekeeper.7", process.pid)]
    process.terminate()
    assert process.communicate(timeout=30) and process.returncode == 0


def test_an_unknown_process_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    process = started(tmp_path, "prover")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 78 and "prover" in said and "witness, vectors, prove" in " ".join(said.split())
