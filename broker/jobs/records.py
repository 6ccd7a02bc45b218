"""The values that the job store takes and gives; frozen, changed with ``dataclasses.replace``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.jobs.states import BatchState, JobState, Stage

Row = Mapping[str, Any]


@dataclass(frozen=True)
class JobSpec:
    """A job to be created.

    Parameters
    ----------
    key
        Name among the jobs created together, for ``depends_on``.
    inputs
        Artifact names by kind.
    parameters
        JSON-ready values the stage needs.
    depends_on
        Keys of jobs created together with this one that must complete first.
    final
        Completing this job completes the batch; its result is the batch's proof.
    device
        Empty for any, else the device kind that it needs (``cpu``, ``cuda``).
    """

    stage: Stage
    key: str = ""
    round: int = 0
    depth: int = 0
    circuit_type: str = ""
    index: int = 0
    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    depends_on: Sequence[str] = ()
    final: bool = False
    device: str = ""


@dataclass(frozen=True)
class Worker:
    """Who claims: the identity that attempts and metrics carry.

    ``clock_skew`` is its host's clock less the database's in seconds, None while it is not known.
    """

    name: str
    host: str = ""
    device: str = "cpu"
    zone: str = "local"
    clock_skew: float | None = None


@dataclass(frozen=True)
class Input:
    """The result of one job that a claimed job depends on."""

    job_id: int
    stage: Stage
    round: int
    depth: int
    circuit_type: str
    index: int
    artifact: str

    @classmethod
    def of(cls, row: Row) -> Input:
        """Read a row of the ``INPUTS`` statement."""
        return cls(
            int(row["id"]),
            Stage(row["stage"]),
            row["round"],
            row["depth"],
            row["circuit_type"],
            row["position"],
            row["result"] or "",
        )


@dataclass(frozen=True)
class Job:
    """A job's row."""

    id: int
    batch_id: int
    chain_id: int
    protocol_version: str
    stage: Stage
    round: int
    depth: int
    circuit_type: str
    index: int
    priority: int
    final: bool
    state: JobState
    waiting_on: int
    attempts: int
    failures: int
    worker: str
    device: str
    inputs: dict[str, str]
    parameters: dict[str, Any]
    key_identity: str
    result: str
    traceparent: str
    progress: float
    progress_note: str
    error_code: str
    error: str
    traceback: str
    created_at: float
    queued_at: float | None
    started_at: float | None
    finished_at: float | None
    available_at: float
    announced_at: float | None
    lease_expires_at: float | None

    @classmethod
    def of(cls, row: Row) -> Job:
        """Read a row of ``jobs``."""
        texts = ("worker", "result", "error_code", "error", "traceback")
        same = (
            "id",
            "batch_id",
            "chain_id",
            "protocol_version",
            "round",
            "depth",
            "circuit_type",
            "priority",
            "key_identity",
        )
        more = ("waiting_on", "attempts", "failures", "device", "traceparent", "progress", "progress_note")
        times = ("created_at", "queued_at", "started_at", "finished_at", "available_at", "announced_at")
        values: dict[str, Any] = {name: row[name] for name in (*same, *more, *times, "lease_expires_at")}
        values |= {name: row[name] or "" for name in texts}
        return cls(
            **values,
            stage=Stage(row["stage"]),
            state=JobState(row["state"]),
            index=row["position"],
            final=bool(row["final"]),
            inputs=json.loads(row["inputs"]),
            parameters=json.loads(row["parameters"]),
        )


@dataclass(frozen=True)
class Claim:
    """A job held under a lease; ``token`` fences every later write.

    ``queue_wait`` is the seconds from queued to claimed, ``lease_seconds`` the length of one lease.
    """

    job: Job
    token: str
    attempt: int
    lease_seconds: float
    queue_wait: float

    @property
    def job_id(self) -> int:
        """Identity of the job."""
        return self.job.id


@dataclass(frozen=True)
class Cost:
    """What an attempt took: processor time, and payloads read from the artifact store and written to it."""

    cpu_seconds: float = 0.0
    loaded_bytes: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True)
class Attempt:
    """One run of a job, kept for good."""

    job_id: int
    number: int
    worker: str
    host: str
    device: str
    zone: str
    trace_id: str
    queue_wait: float
    started_at: float
    ended_at: float | None
    outcome: str
    error_code: str
    error: str
    traceback: str
    cpu_seconds: float
    loaded_bytes: int
    stored_bytes: int
    clock_skew: float | None

    @classmethod
    def of(cls, row: Row) -> Attempt:
        """Read a row of ``attempts``."""
        same = (
            "job_id",
            "number",
            "worker",
            "host",
            "device",
            "zone",
            "trace_id",
            "queue_wait",
            "started_at",
            "ended_at",
            "cpu_seconds",
            "loaded_bytes",
            "stored_bytes",
            "clock_skew",
        )
        texts = ("outcome", "error_code", "error", "traceback")
        values: dict[str, Any] = {name: row[name] for name in same}
        return cls(**values | {name: row[name] or "" for name in texts})


@dataclass(frozen=True)
class Batch:
    """A batch's row; ``offer`` is what core sent with it, ``result`` the artifact of its proof.

    ``key_identity`` is ``profile:digest`` of the keys that it is for, empty for any.
    """

    id: int
    chain_id: int
    number: int
    protocol_version: str
    state: BatchState
    priority: int
    program_commitment: str
    traceparent: str
    offer: dict[str, Any]
    key_identity: str
    result: str
    error: str
    created_at: float
    finished_at: float | None

    @classmethod
    def of(cls, row: Row) -> Batch:
        """Read a row of ``batches``."""
        same = ("id", "chain_id", "number", "protocol_version", "priority", "program_commitment", "traceparent")
        return cls(
            **{name: row[name] for name in (*same, "key_identity")},
            state=BatchState(row["state"]),
            offer=json.loads(row["offer"]),
            result=row["result"] or "",
            error=row["error"] or "",
            created_at=row["created_at"],
            finished_at=row["finished_at"],
        )


@dataclass(frozen=True)
class Announcement:
    """A queued row whose message is to be sent."""

    job_id: int
    batch_id: int
    batch_number: int
    chain_id: int
    stage: Stage
    round: int
    traceparent: str


@dataclass(frozen=True)
class Lost:
    """A lease that the sweep found expired."""

    job_id: int
    stage: Stage
    worker: str
    attempt: int
    traceparent: str
    dead: bool


@dataclass(frozen=True)
class Sweep:
    """What one sweep did."""

    lost: tuple[Lost, ...]
    reannounced: int
