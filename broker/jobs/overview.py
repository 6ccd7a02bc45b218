"""What an operator looks at: queues, workers, a batch's timeline, durations and versions, of the whole database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.jobs import overview_sql as sql
from broker.jobs.database import Row
from broker.jobs.states import JobState, Stage
from broker.jobs.store import JobStore

#: Seconds that a worker which ended a job is still listed without holding one.
LATELY_SECONDS = 3600.0


@dataclass(frozen=True)
class Line:
    """What one stage does at one place of a batch.

    Attributes
    ----------
    states
        Jobs by state; states that none is in are left out.
    queued_at, started_at, finished_at
        First moment that a job could be claimed and was, last moment that one ended, in epoch seconds.
    waited, ran
        Seconds that its successful jobs waited for a worker and ran, added up.
    retried
        Jobs of more than one attempt.
    """

    round: int
    depth: int
    stage: Stage
    circuit_type: str
    jobs: int
    states: dict[str, int]
    queued_at: float | None
    started_at: float | None
    finished_at: float | None
    attempts: int
    failures: int
    retried: int
    waited: float
    ran: float

    @property
    def open(self) -> bool:
        """Whether some of its jobs have yet to end."""
        return any(self.states.get(state) for state in ("waiting", "queued", "in_progress", "failed"))


def timeline(store: JobStore, batch_id: int) -> list[Line]:
    """Return what every stage does at every place of a batch, in the order of rounds, depths and stages."""
    order = list(Stage)
    lines = [
        Line(
            **{name: row[name] for name in ("round", "depth", "circuit_type")},
            **{name: row[name] for name in ("queued_at", "started_at", "finished_at")},
            **_counts(row, "jobs", "attempts", "failures", "retried"),
            stage=Stage(row["stage"]),
            states={str(state): int(row[state]) for state in JobState if row[state]},
            waited=float(row["waited"]),
            ran=float(row["ran"]),
        )
        for row in store.database.read(sql.LINES, batch_id=batch_id)
    ]
    return sorted(lines, key=lambda line: (line.round, line.depth, order.index(line.stage), line.circuit_type))


@dataclass(frozen=True)
class Place:
    """A job as a timeline shows it."""

    id: int
    index: int
    state: JobState
    attempts: int
    failures: int
    worker: str
    queued_at: float | None
    started_at: float | None
    finished_at: float | None
    progress: float
    progress_note: str
    error_code: str
    error: str


def jobs_of(store: JobStore, batch_id: int, line: Line, *, first: int = 0, limit: int = 200) -> list[Place]:
    """Return the jobs of a line from an index on, in the order of their index."""
    rows = store.database.read(
        sql.JOBS_OF_LINE,
        batch_id=batch_id,
        stage=line.stage,
        round=line.round,
        depth=line.depth,
        circuit_type=line.circuit_type,
        first=first,
        limit=limit,
    )
    same = ("id", "attempts", "failures", "queued_at", "started_at", "finished_at", "progress", "progress_note")
    return [
        Place(
            **{name: row[name] for name in same},
            **_texts(row, "worker", "error_code", "error"),
            index=row["position"],
            state=JobState(row["state"]),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Queue:
    """Open jobs of a stage, of its first round or the later ones, for one protocol version and kind of device."""

    stage: Stage
    recursive: bool
    protocol_version: str
    device: str
    queued: int
    failed: int
    in_progress: int
    unannounced: int
    oldest_seconds: float


def queues(store: JobStore) -> list[Queue]:
    """Return the open jobs by whom they wait for."""
    moment = now(store)
    same = ("protocol_version", "device")
    counts = ("queued", "failed", "in_progress", "unannounced")
    return [
        Queue(
            **{name: row[name] for name in same},
            **_counts(row, *counts),
            stage=Stage(row["stage"]),
            recursive=bool(row["recursive"]),
            oldest_seconds=max(0.0, moment - row["oldest"]) if row["oldest"] is not None else 0.0,
        )
        for row in store.database.read(sql.QUEUES)
    ]


@dataclass(frozen=True)
class Held:
    """A job that a worker holds now."""

    job_id: int
    chain_id: int
    batch: int
    stage: Stage
    round: int
    circuit_type: str
    index: int
    protocol_version: str
    progress: float
    progress_note: str
    seconds: float
    seconds_since_progress: float
    lease_seconds_left: float


@dataclass(frozen=True)
class Working:
    """A worker: what it holds, and what it ended within :data:`LATELY_SECONDS`.

    ``clock_skew`` is its host's clock less the database's in seconds, as its newest attempt has it; None where that was
    too short for a look at the clock, or of a release that did not say.
    """

    name: str
    host: str
    device: str
    zone: str
    held: tuple[Held, ...]
    ended: int
    successful: int
    seconds_since_ended: float | None
    clock_skew: float | None

    @property
    def clock(self) -> str:
        """How far its clock is ahead of the database's (+) or behind (-), for people."""
        if self.clock_skew is None:
            return "-"
        return f"{self.clock_skew:+.{1 if abs(self.clock_skew) < 10 else 0}f} s"


def workers(store: JobStore, *, lately: float = LATELY_SECONDS) -> list[Working]:
    """Return the workers that hold a job or ended one lately; others leave no trace in the database."""
    moment = now(store)
    facts = ("host", "device", "zone", "clock_skew")
    known: dict[str, dict[str, Any]] = {}
    held: dict[str, list[Held]] = {}
    ended: dict[str, tuple[int, int, float]] = {}
    for row in store.database.read(sql.HOLDERS):
        known[row["worker"]] = {name: row[name] for name in facts}
        held.setdefault(row["worker"], []).append(
            Held(
                **{name: row[name] for name in ("job_id", "chain_id", "round", "circuit_type", "protocol_version")},
                **{name: row[name] for name in ("progress", "progress_note")},
                batch=row["number"],
                stage=Stage(row["stage"]),
                index=row["position"],
                seconds=max(0.0, moment - row["started_at"]),
                seconds_since_progress=max(0.0, moment - row["renewed_at"]),
                lease_seconds_left=row["lease_expires_at"] - moment,
            )
        )
    for row in store.database.read(sql.ENDED_LATELY, age=lately):
        known.setdefault(row["worker"], {name: row[name] for name in facts})
        done, good, last = ended.get(row["worker"], (0, 0, 0.0))
        ended[row["worker"]] = (
            done + int(row["attempts"]),
            good + int(row["successful"]),
            max(last, float(row["ended_at"])),
        )
    return [
        Working(
            name=name,
            **facts_of,
            held=tuple(held.get(name, ())),
            ended=ended.get(name, (0, 0, 0.0))[0],
            successful=ended.get(name, (0, 0, 0.0))[1],
            seconds_since_ended=max(0.0, moment - ended[name][2]) if name in ended else None,
        )
        for name, facts_of in sorted(known.items())
    ]


@dataclass(frozen=True)
class Dead:
    """A job that an operator must look at."""

    id: int
    batch_id: int
    batch: int
    chain_id: int
    stage: Stage
    round: int
    index: int
    attempts: int
    error_code: str
    error: str
    finished_at: float


def dead_jobs(store: JobStore, *, limit: int = 200) -> list[Dead]:
    """Return the jobs that died last."""
    same = ("id", "batch_id", "chain_id", "round", "attempts", "finished_at")
    return [
        Dead(
            **{name: row[name] for name in same},
            **_texts(row, "error_code", "error"),
            batch=row["number"],
            stage=Stage(row["stage"]),
            index=row["position"],
        )
        for row in store.database.read(sql.DEAD_JOBS, limit=limit)
    ]


@dataclass(frozen=True)
class Durations:
    """Successful attempts of a day by stage, round and circuit type; times in seconds, percentiles by nearest rank.

    ``others`` counts the attempts that ended otherwise, by outcome.
    """

    day: float
    stage: Stage
    round: int
    circuit_type: str
    attempts: int
    seconds: float
    p50: float
    p95: float
    longest: float
    wait_p50: float
    wait_p95: float
    others: dict[str, int]


#: Seconds of a day.
DAY = 86_400.0


def durations(store: JobStore, *, days: int) -> list[Durations]:
    """Return how long attempts took on each of the last days, today (UTC) first."""
    today = now(store) // DAY * DAY
    return [each for back in range(days) for each in _of_day(store, today - back * DAY)]


def _of_day(store: JobStore, day: float) -> list[Durations]:
    span = {"since": day, "until": day + DAY}
    others: dict[tuple[str, int, str], dict[str, int]] = {}
    for row in store.database.read(sql.OUTCOMES, **span):
        place = (row["stage"], row["round"], row["circuit_type"])
        others.setdefault(place, {})[row["outcome"]] = int(row["attempts"])
    found = {
        (row["stage"], row["round"], row["circuit_type"]): row for row in store.database.read(sql.STATISTICS, **span)
    }
    times = ("seconds", "p50", "p95", "longest", "wait_p50", "wait_p95")
    return [
        Durations(
            day=day,
            stage=Stage(place[0]),
            round=place[1],
            circuit_type=place[2],
            attempts=int(found[place]["attempts"]) if place in found else 0,
            **{name: float(found[place][name]) if place in found else 0.0 for name in times},
            others=others.get(place, {}),
        )
        for place in sorted({*found, *others})
    ]


@dataclass(frozen=True)
class Version:
    """A protocol version that batches have or that was inserted; its keys are empty where it was not."""

    chain_id: int
    protocol_version: str
    key_identity: str
    batches: dict[str, int]


def versions(store: JobStore) -> list[Version]:
    """Return the protocol versions of every chain with their keys, and how many of their batches are in which state."""
    listed = store.database.read(sql.INSERTED_VERSIONS)
    keys = {(row["chain_id"], row["protocol_version"]): str(row["key_identity"]) for row in listed}
    found: dict[tuple[int, str], dict[str, int]] = {place: {} for place in keys}
    for row in store.database.read(sql.VERSIONS):
        place = row["chain_id"], row["protocol_version"]
        found.setdefault(place, {})[row["state"]] = int(row["batches"])
    return [Version(*place, keys.get(place, ""), found[place]) for place in sorted(found)]


def _counts(row: Row, *names: str) -> dict[str, Any]:
    return {name: int(row[name]) for name in names}


def _texts(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] or "" for name in names}


def now(store: JobStore) -> float:
    """Return the database's clock in epoch seconds: ages are told by it, whatever this host's clock says."""
    return float(store.database.read("SELECT {now} AS now")[0]["now"])
