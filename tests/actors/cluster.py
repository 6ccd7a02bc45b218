"""Starts the platform's processes for tests, embedded or on servers, and feeds them batches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from broker.artifacts import ArtifactStore, open_artifacts
from broker.jobs import Batch, BatchState, JobSpec, JobState, JobStore, Stage, open_store, status
from runtime.settings import Settings, load_settings
from runtime.wire import SNARK_KEY

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = b"program"
#: What Dramatiq writes when an actor raises: workers handle what bodies raise themselves.
UNHANDLED = "with unhandled exception"


class Cluster:
    """Worker processes of all stages, housekeeper and clock, with short leases."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = {
            "HALLMARK_STATE_DIR": str(folder / "state"),
            "HALLMARK_STAGES": "tests.actors.small_stages",
            "HALLMARK_DEVICE": "cpu",
            "HALLMARK_METRICS_PORT": "0",
            "HALLMARK_LEASE_SECONDS": "2",
            "HALLMARK_SWEEP_SECONDS": "0.5",
            "HALLMARK_POLL_SECONDS": "1",
            "HALLMARK_RETRY_SECONDS": "0.1",
            "HALLMARK_ANNOUNCE_SECONDS": "3",
            "HALLMARK_DRAIN_SECONDS": "0.5",
            "HALLMARK_DISK_RESERVE": "0",
            "HALLMARK_LOG_FORMAT": "json",
            "PYTHONPATH": str(ROOT),
            "dramatiq_restart_delay": "500",
            **variables,
        }
        self.settings: Settings = load_settings(
            **{
                name.removeprefix("HALLMARK_").lower(): value
                for name, value in self.variables.items()
                if "HALLMARK" in name
            }
        )
        self.store: JobStore = open_store(self.settings, migrate=True)
        self.artifacts: ArtifactStore = open_artifacts(self.settings)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, within: Sequence[str] = (), **variables: str) -> subprocess.Popen[bytes]:
        """Start ``python -m <arguments>``, its log in the folder; ``within`` is a command that becomes it."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*within, sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **self.variables, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_all(self, *, provers: int = 1, compressors: int = 0) -> list[subprocess.Popen[bytes]]:
        """Start every process type and return the provers; only batches with a SNARK need a compressor."""
        for stage in (Stage.WITNESS, Stage.VECTORS, *(Stage.COMPRESS for _ in range(compressors))):
            self.start("actors.run", "--stage", stage)
        self.start("housekeeper")
        self.start("housekeeper", "clock")
        return [self.start_prover(number) for number in range(provers)]

    def start_prover(self, number: int) -> subprocess.Popen[bytes]:
        return self.start("actors.run", "--stage", "prove", HONCHO_PROCESS_NAME=f"prove.{number}")

    def batch(
        self,
        number: int,
        *,
        segments: int = 2,
        seconds: float = 0.0,
        traceparent: str = "",
        snark_key: str = "",
        key_identity: str = "",
        **wanted: Any,
    ) -> Batch:
        """Hand in a batch as the gateway does."""
        advice = json.dumps({"segments": segments, "seconds": seconds, **wanted}).encode()
        protocol = self.settings.protocol_version
        names = {}
        for kind, payload in (("program", PROGRAM), ("advice", advice)):
            names[kind] = self.artifacts.save(f"gateway/{number}/{kind}", kind, payload, protocol=protocol)
        parameters = {SNARK_KEY: snark_key} if snark_key else {}
        jobs = [JobSpec(Stage.WITNESS, inputs=names, parameters=parameters)]
        made, _ = self.store.create_batch(
            number, protocol_version=protocol, jobs=jobs, traceparent=traceparent, key_identity=key_identity
        )
        return made

    def proof(self, batch: Batch) -> bytes:
        return self.artifacts.load(batch.result, kind="batch_proof", protocol=batch.protocol_version)

    def wait(self, number: int, state: BatchState = BatchState.PROVEN, seconds: float = 30.0) -> Batch:
        """Wait until the batch is in a state and return it."""
        self.until(lambda: status.batch(self.store, number).state is state, seconds)
        return status.batch(self.store, number)

    def wait_running(self, stage: Stage, seconds: float = 20.0) -> int:
        """Wait until a job of the stage runs and return its identity."""
        found: list[int] = []

        def running() -> bool:
            # What is seen once may have ended when one looks again.
            found.extend(job.id for job in status.jobs(self.store, stage=stage, state=JobState.IN_PROGRESS))
            return bool(found)

        self.until(running, seconds)
        return found[0]

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                rows = [(job.stage, job.index, job.state, job.error) for job in status.jobs(self.store)]
                raise AssertionError(f"not within {seconds} s: {rows}\n{self.log()[-6000:]}")
            time.sleep(0.05)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        """Stop everything with SIGTERM, and what does not with SIGKILL; no actor may have ended in an error of its own.

        A job whose hint fails is done all the same, when a worker next looks into the database.
        """
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.store.database.close()
        assert UNHANDLED not in self.log()
