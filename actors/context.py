"""What a worker process has: settings, stores, its identity, its device."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from opentelemetry.trace import Span

from actors.backend import device_name, open_backend
from actors.cost import Meter
from actors.device_turns import DeviceTurn, turn_of
from actors.keys import key_identity
from actors.left_behind import HeldFile
from actors.stages import Stages, load_stages
from broker.artifacts import ArtifactStore
from broker.jobs import Claim, JobStore, Worker
from broker.relay import Relay
from runtime.process import Process
from runtime.pulse import Pulse
from runtime.settings import Settings


@dataclass
class WorkerContext:
    """Everything that an actor reaches for.

    Parameters
    ----------
    local
        Artifacts that stay on this host (execution records).
    draining
        Set when the process was told to stop: nothing more is claimed.
    stopping
        Set when the time to drain is over: a running job is given back at its next progress report.
    broken
        Set when a job met an error after which this process cannot go on: it ends and is started again.
    began
        Set when a job begins: what the next one needs may be fetched now.
    loaded
        Circuit type of the newest proof: its key is in memory, so jobs of that type come first among equals.
    held
        Claims being worked on, for the main thread to give back when a stage does not report in time.
    spans
        Their spans, by job: who gives a job back ends its span too.
    """

    settings: Settings
    store: JobStore
    artifacts: ArtifactStore
    local: ArtifactStore
    relay: Relay
    worker: Worker
    pulse: Pulse = field(default_factory=Pulse)
    draining: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    broken: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    loaded: str = ""
    held: dict[int, Claim] = field(default_factory=dict)
    spans: dict[int, Span] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)

    def __post_init__(self) -> None:
        self.held_file = HeldFile(self.settings.state_dir, self.worker)

    @contextmanager
    def holding(self, claim: Claim, live: Span) -> Iterator[None]:
        """List a claim as held while the block runs."""
        self.held[claim.job_id], self.spans[claim.job_id] = claim, live
        self.held_file.hold(self.held)
        try:
            yield
        finally:
            self.held.pop(claim.job_id, None)
            self.spans.pop(claim.job_id, None)
            self.held_file.hold(self.held)

    @cached_property
    def stages(self) -> Stages:
        """The stage functions."""
        return load_stages(self.settings.stages)

    @cached_property
    def keys(self) -> str:
        """What identifies the keys held here, see :func:`actors.keys.key_identity`."""
        return key_identity(self.stages, self.settings)

    @cached_property
    def turn(self) -> DeviceTurn | None:
        """Turns at the device; none at the CPU, and none where a share of the device's memory is this process's."""
        return turn_of(self.settings, self.worker.device, self.worker.name, lambda: self.__dict__.get("backend"))

    @cached_property
    def backend(self) -> Any:
        """The compute backend, opened on first use, in the thread that uses it."""
        return open_backend(self.settings)


def worker_identity(process: Process) -> Worker:
    """Return who claims: host, process name and pid make it unique."""
    host = socket.gethostname()
    device = device_name(process.settings) if process.kind in ("prove", "compress") else "cpu"
    return Worker(f"{host}/{process.name}/{os.getpid()}", host, device, process.settings.zone)
