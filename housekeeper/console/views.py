"""What each page shows, read from the job store in one go on a thread of its own; nothing here answers HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from broker import checks
from broker.artifacts import maker_of
from broker.jobs import JobStore, Stage, overview, status, stuck
from broker.queues.names import queue_for
from housekeeper.console import bars
from runtime.errors import JobNotFound
from runtime.settings import Settings
from runtime.telemetry import trace_id_of

#: Jobs on one page of a line, and batches on the first page.
PAGE_JOBS, PAGE_BATCHES = 200, 50

Shown = dict[str, Any]


def home(store: JobStore) -> Shown:
    """Return what is stuck, and the batches of every chain."""
    return {
        "now": overview.now(store),
        "troubles": stuck.troubles(store),
        "batches": status.batches(store, limit=PAGE_BATCHES, all_chains=True),
    }


def batch(store: JobStore, batch_id: int, *, chosen: int | None, first: int) -> Shown:
    """Return one batch's timeline, and a page of the jobs of one of its lines.

    Parameters
    ----------
    chosen
        Place of the line among the timeline's; ``None`` for no line.
    first
        Index of the first job shown.
    """
    found = status.batch_of(store, batch_id)
    now = overview.now(store)
    lines = overview.timeline(store, batch_id)
    span = bars.span_of(found.created_at, lines, now)
    shown: Shown = {
        "now": now,
        "batch": found,
        "trace_id": trace_id_of(found.traceparent),
        "span": span,
        "lines": [(line, bars.of_line(line, span, now)) for line in lines],
        "chosen": chosen,
        "first": first,
        "jobs": [],
        "next": None,
    }
    if chosen is None:
        return shown
    if not 0 <= chosen < len(lines):
        raise JobNotFound(f"Batch {found.number} has no such line.")
    jobs = overview.jobs_of(store, batch_id, lines[chosen], first=first, limit=PAGE_JOBS)
    attempts = bars.by_job(status.attempts_of(store, [job.id for job in jobs]))
    shown["jobs"] = [(job, bars.of_job(job, attempts.get(job.id, []), span, now)) for job in jobs]
    shown["next"] = jobs[-1].index + 1 if len(jobs) == PAGE_JOBS else None
    return shown


def job(store: JobStore, job_id: int) -> Shown:
    """Return a job with its attempts."""
    found = status.job(store, job_id)
    return {
        "now": overview.now(store),
        "job": found,
        "culprit": _culprit(found.error_code, found.error),
        "batch": status.batch_of(store, found.batch_id),
        "attempts": status.attempts(store, job_id=job_id),
        "trace_id": trace_id_of(found.traceparent),
    }


def queues(store: JobStore) -> Shown:
    """Return the open jobs by queue."""
    return {"queues": [(queue_for(each.stage, int(each.recursive)), each) for each in overview.queues(store)]}


def queue_report(store: JobStore, settings: Settings) -> Shown:
    """Return the open jobs by queue and by stage, for whoever starts and stops workers.

    Stages are listed without jobs too: who scales by ``wanted`` must find a number there.
    """
    listed = [
        {"queue": queue_for(each.stage, int(each.recursive)), **asdict(each), "open": each.queued + each.failed}
        for each in overview.queues(store)
    ]
    stages = {}
    for stage in Stage:
        of_stage = [each for each in listed if each["stage"] is stage]
        opened, running = (sum(each[state] for each in of_stage) for state in ("open", "in_progress"))
        stages[str(stage)] = {"open": opened, "in_progress": running, "wanted": opened + running}
    return {"cluster": settings.cluster, "queues": listed, "stages": stages}


def workers(store: JobStore) -> Shown:
    """Return the workers and their devices."""
    return {"workers": overview.workers(store)}


def dead(store: JobStore) -> Shown:
    """Return the dead jobs."""
    jobs = overview.dead_jobs(store)
    return {"now": overview.now(store), "jobs": [(job, _culprit(job.error_code, job.error)) for job in jobs]}


def services(settings: Settings) -> Shown:
    """Ask the services that all hosts share, and return what they answer."""
    return {"findings": list(checks.find(settings, checks.SERVICES))}


def _culprit(code: str, error: str) -> int | None:
    """Return the job that made the artifact of which another one died, where that is why."""
    return maker_of(error) if code.startswith("artifact_") else None
