"""What keeps batches from being proven, the worst first, each with its reason and the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from broker.jobs import overview, overview_sql
from broker.jobs.store import JobStore
from runtime.words import count

#: A ready job that nobody has taken for this many seconds, while nobody works on its like, lacks a worker.
LACKING_SECONDS = 60.0
#: A lease that ran out this many seconds ago and is still held shows that nobody sweeps.
UNSWEPT_SECONDS = 30.0
#: A proof that core has not judged after this many seconds is stuck between gateway and core.
UNJUDGED_SECONDS = 120.0
#: The sweep is asked for at least once a minute; after this many seconds its clock or the housekeeper is down.
TICK_SECONDS = 90.0
#: Dead and retrying jobs that are named.
NAMED = 20


@dataclass(frozen=True)
class Trouble:
    """One thing that is stuck.

    Attributes
    ----------
    kind
        ``dead_job``, ``refused``, ``not_judged``, ``store_away``, ``other_keys``, ``no_sweep``, ``no_housekeeper``,
        ``no_clock``, ``no_worker`` or ``retrying``.
    seconds
        For how long.
    chain_id, batch, job
        What it is about; ``None`` where it is about none or many.
    """

    kind: str
    text: str
    remedy: str
    seconds: float = 0.0
    chain_id: int | None = None
    batch: int | None = None
    job: int | None = None


def troubles(store: JobStore) -> list[Trouble]:
    """Return what is stuck in the whole database, what an operator must act on first."""
    kinds = (_dead, _unjudged, _store_away, _other_keys, _unswept, _ticks, _lacking, _retrying)
    return [trouble for kind in kinds for trouble in kind(store)]


def _dead(store: JobStore) -> Iterator[Trouble]:
    moment = overview.now(store)
    for job in overview.dead_jobs(store, limit=NAMED):
        yield Trouble(
            "dead_job",
            f"job {job.id} ({job.stage}, round {job.round}) of batch {job.batch} died after "
            f"{count(job.attempts, 'attempt')}: {job.error_code}: {job.error}",
            f"Mend the cause, then `hallmark job requeue {job.id}`; `hallmark job show {job.id}` says more.",
            max(0.0, moment - job.finished_at),
            job.chain_id,
            job.batch,
            job.id,
        )


def _unjudged(store: JobStore) -> Iterator[Trouble]:
    for row in store.database.read(overview_sql.UNJUDGED, grace=UNJUDGED_SECONDS):
        about = {"chain_id": row["chain_id"], "batch": row["number"], "seconds": max(0.0, float(row["age"]))}
        chain = f"--chain {row['chain_id']}"
        if row["state"] == "refused":
            yield Trouble(
                "refused",
                f"core refused the proof of batch {row['number']}: {row['error']}",
                f"Compare keys and program of both sides, then `hallmark batch restart {row['number']} {chain}`.",
                **about,
            )
        else:
            text = f"the proof of batch {row['number']} is made and core has not judged it"
            yield Trouble("not_judged", text, "Look at the gateway's `/ready`: is core up, and answers it?", **about)


def _store_away(store: JobStore) -> Iterator[Trouble]:
    [row] = store.database.read(overview_sql.STORE_AWAY)
    if row["jobs"]:
        text = f"{count(row['jobs'], 'job')} wait for the artifact store: {row['error']}"
        remedy = "Mend the server of HALLMARK_STORE_URL; `hallmark doctor` asks it. The jobs go on by themselves."
        yield Trouble("store_away", text, remedy, max(0.0, float(row["age"])))


def _other_keys(store: JobStore) -> Iterator[Trouble]:
    for row in store.database.read(overview_sql.OTHER_KEYS):
        yield Trouble(
            "other_keys",
            f"{count(row['jobs'], 'job')} of stage {row['stage']} for the keys {row['key_identity']} wait for a worker "
            f"that holds them: {row['error']}",
            "Start workers of that release and profile (`hallmark config check` on their host); the jobs go on then.",
            max(0.0, float(row["age"])),
        )


def _unswept(store: JobStore) -> Iterator[Trouble]:
    [row] = store.database.read(overview_sql.UNSWEPT, grace=UNSWEPT_SECONDS)
    if row["jobs"]:
        text = f"{row['jobs']} jobs are held under leases that ran out: nobody sweeps"
        yield Trouble("no_sweep", text, "Start the housekeeper and the clock.", float(row["age"]))


def _ticks(store: JobStore) -> Iterator[Trouble]:
    for row in store.database.read(overview_sql.TICKS):
        age = float(row["age"])
        if row["task"] != "sweep" or age < TICK_SECONDS:
            continue
        if row["taken_by"] is None:
            yield Trouble("no_housekeeper", "no housekeeper took the last tick", "Start the housekeeper.", age)
        else:
            yield Trouble("no_clock", "no clock has ticked", "Start the clock.", age)


def _lacking(store: JobStore) -> Iterator[Trouble]:
    for queue in overview.queues(store):
        if not queue.queued or queue.in_progress or queue.oldest_seconds < LACKING_SECONDS:
            continue
        device = f" on device {queue.device}" if queue.device else ""
        jobs = f"{queue.queued} jobs of stage {queue.stage} for protocol version {queue.protocol_version}{device}"
        yield Trouble(
            "no_worker",
            f"{jobs} are ready, and nobody works on any",
            f"Start a worker of that version: `python -m actors.run --stage {queue.stage}`; its `/ready` says why not.",
            queue.oldest_seconds,
        )


def _retrying(store: JobStore) -> Iterator[Trouble]:
    for row in store.database.read(overview_sql.RETRYING, limit=NAMED):
        yield Trouble(
            "retrying",
            f"job {row['id']} ({row['stage']}) of batch {row['number']} failed {row['failures']} times and is tried "
            f"again in {max(0.0, float(row['delay'])):.0f} s: {row['error_code']}: {row['error']}",
            f"Mend the cause if it is yours: `hallmark job show {row['id']}`.",
            0.0,
            row["chain_id"],
            row["number"],
            row["id"],
        )
