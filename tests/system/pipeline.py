"""The whole system as an operator runs it: `hallmark run` in a process of its own, driven through core's JSON-RPC."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.run import ROOT
from core.tools.client import CoreClient
from runtime.errors import Unavailable
from tests.actors.cluster import UNHANDLED
from tests.servers import free_port

#: Small segments, so that a batch has several and a worker can be killed in the middle of one.
SIZE_CLASS = 17


@dataclass
class Pipeline:
    """A running system."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path

    @property
    def core(self) -> CoreClient:
        return CoreClient(self.environment["HALLMARK_CORE_URL"])

    def hallmark(self, *arguments: str) -> str:
        """Run a command of the operator against this system and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, batch: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.hallmark("status", str(batch), "--json"))
        return found

    def wait_for_batch(self, batch: int, *, seconds: float = 400.0) -> dict[str, Any]:
        """Wait until core has the batch's proof or gave it up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            listed = json.loads(self.hallmark("status", "--json"))["batches"]
            states = {each["number"]: each["state"] for each in listed}
            if states.get(batch) in ("accepted", "refused", "dead"):
                return self.status(batch)
            time.sleep(1.0)
        raise AssertionError(f"batch {batch} did not end:\n{self.log.read_text()[-8000:]}")

    def wait_for_running(self, batch: int, stage: str, *, seconds: float = 120.0) -> dict[str, Any]:
        """Wait until a job of a stage is being worked on and return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(each["number"] == batch for each in json.loads(self.hallmark("status", "--json"))["batches"]):
                for job in self.status(batch)["jobs"]:
                    if job["stage"] == stage and job["state"] == "in_progress":
                        found: dict[str, Any] = job
                        return found
            time.sleep(0.2)
        raise AssertionError(f"no {stage} job of batch {batch} started:\n{self.log.read_text()[-8000:]}")

    def kill_at_work(self, batch: int, stage: str) -> dict[str, Any]:
        """Kill a worker in the middle of a job of a stage and return the job.

        The worker is halted before it is asked about again: on a busy machine the job may have ended since the answer.
        """
        while True:
            job = self.wait_for_running(batch, stage)
            worker = process_of(job["worker"])
            os.kill(worker, signal.SIGSTOP)
            now = next(each for each in self.status(batch)["jobs"] if each["id"] == job["id"])
            caught = now["state"] == "in_progress" and now["worker"] == job["worker"]
            os.kill(worker, signal.SIGKILL if caught else signal.SIGCONT)
            if caught:
                return job


@contextmanager
def running(folder: Path, *arguments: str, **settings: str) -> Iterator[Pipeline]:
    """Run `hallmark run` in a folder with settings of its own, wait until core answers, and drain it at the end."""
    with started(folder, *arguments, **settings) as pipeline:
        _wait_until_ready(pipeline)
        yield pipeline


@contextmanager
def started(folder: Path, *arguments: str, **settings: str) -> Iterator[Pipeline]:
    """Run `hallmark run` in a folder with settings of its own, and drain it at the end."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    environment |= {
        "HALLMARK_STATE_DIR": str(folder / "state"),
        "HALLMARK_CORE_PORT": str(port),
        "HALLMARK_CORE_URL": f"http://127.0.0.1:{port}",
        "HALLMARK_GATEWAY_PORT": str(free_port()),
        "HALLMARK_CONSOLE_PORT": "0",
        "HALLMARK_METRICS_PORT": "0",
        "HALLMARK_CORE_BATCH_SECONDS": "0",
        "HALLMARK_SIZE_CLASS": str(SIZE_CLASS),
        "HALLMARK_LEASE_SECONDS": "3",
        **{f"HALLMARK_{name.upper()}": value for name, value in settings.items()},
    }
    log = folder / "run.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "run", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=stream,
        )
    pipeline = Pipeline(process, environment, log)
    try:
        yield pipeline
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert UNHANDLED not in log.read_text()


def _wait_until_ready(pipeline: Pipeline) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            pipeline.core.ready()
        except Unavailable:
            alive = pipeline.process.poll() is None
            assert alive and time.monotonic() < deadline, pipeline.log.read_text()[-8000:]
            time.sleep(0.2)
        else:
            return


def process_of(worker: str) -> int:
    """Return the process id in a worker's name (`host/stage/pid`)."""
    return int(worker.rsplit("/", 1)[1])


def spans_of(pipeline: Pipeline, batch: int) -> Mapping[str, Any]:
    """Return what `hallmark trace BATCH --json` prints."""
    found: Mapping[str, Any] = json.loads(pipeline.hallmark("trace", str(batch), "--json"))
    return found
