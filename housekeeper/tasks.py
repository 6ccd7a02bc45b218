"""The housekeeper's tasks; each may run twice, late, or on two hosts at once without harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from broker.artifacts import ArtifactStore, batch_prefix
from broker.jobs import Batch, JobStore, status
from broker.relay import Relay
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.pulse import Pulse
from runtime.settings import Settings
from runtime.telemetry import attempt_traceparent, mark, trace_id_of

LEASES_EXPIRED = Counter("hallmark_lease_expired", "Leases that ran out.", ["stage"])
COLLECTED = Counter("hallmark_artifacts_collected_bytes", "Bytes of artifacts removed.")
ARCHIVED = Counter("hallmark_batches_archived", "Batches moved out of the database.")


@dataclass
class Housekeeper:
    """What the tasks need."""

    settings: Settings
    store: JobStore
    artifacts: ArtifactStore
    relay: Relay
    pulse: Pulse
    name: str

    def run_due(self) -> int:
        """Take the waiting ticks, run their tasks, and return how many ran; one that fails keeps no other from it."""
        tasks = self.store.take_ticks(self.name)
        for task in sorted(tasks & set(TASKS)):
            try:
                TASKS[task](self)
            except HallmarkError as error:
                get_logger("housekeeper").warning("task failed", task=task, code=error.code, reason=error.message)
            else:
                self.pulse.beat(task)
        return len(tasks)


def sweep(house: Housekeeper) -> None:
    """Requeue what dead workers held, and let the relay announce what is ready."""
    swept = house.store.sweep(announce_after=house.settings.announce_seconds)
    log = get_logger("sweep")
    for lost in swept.lost:
        LEASES_EXPIRED.labels(lost.stage).inc()
        attributes: dict[str, Any] = {
            "hallmark.job": lost.job_id,
            "hallmark.attempt": lost.attempt,
            "hallmark.worker": lost.worker,
        }
        attempt = attempt_traceparent(lost.traceparent, lost.job_id, lost.attempt)
        mark(f"lost {lost.stage}", traceparent=lost.traceparent, links=[attempt], **attributes)
        log.warning(
            "lease expired",
            job=lost.job_id,
            stage=str(lost.stage),
            worker=lost.worker,
            dead=lost.dead,
            trace_id=trace_id_of(lost.traceparent),
        )
    if swept.reannounced:
        log.debug("announced again", jobs=swept.reannounced)
    house.relay.wake()


def recount(house: Housekeeper) -> None:
    """Check the barriers, which the completing transactions keep right by themselves."""
    if repaired := house.store.recount():
        get_logger("recount").error("barriers repaired", jobs=repaired)
        house.relay.wake()


def collect(house: Housekeeper) -> None:
    """Remove the artifacts of finished batches past their retention; the proof itself stays until it is archived.

    Marked first, so that no job is requeued whose inputs are going; what a crash leaves is removed by the archive.
    """
    house.store.restamp_finished()
    for batch in house.store.collectable(house.settings.retention_hours * 3600):
        if not house.store.mark_collected(batch.id):
            continue
        removed = _remove_artifacts(house.artifacts, batch, keep=frozenset({batch.result}))
        COLLECTED.inc(removed)
        get_logger("collect").info("artifacts removed", batch=batch.number, bytes=removed)


def archive(house: Housekeeper) -> None:
    """Write finished batches past their age to a file each, and remove their rows."""
    folder = house.settings.state_dir / "archive"
    for batch in house.store.archivable(house.settings.archive_days * 86400):
        if archive_batch(house.store, house.artifacts, batch, folder):
            ARCHIVED.inc()


def archive_batch(store: JobStore, artifacts: ArtifactStore, batch: Batch, folder: Path) -> Path | None:
    """Write a finished batch to a file, remove its artifacts and rows, and return the file.

    Marked as collected first, so that nobody requeues what is going. Nothing is returned, and no row removed, for a
    batch that is not finished or was opened again.
    """
    if not store.mark_collected(batch.id):
        return None
    path = write_archive(store, batch, folder)
    _remove_artifacts(artifacts, batch)
    return path if store.remove_batch(batch.id) else None


def _remove_artifacts(artifacts: ArtifactStore, batch: Batch, *, keep: frozenset[str] = frozenset()) -> int:
    prefixes = (batch_prefix(batch.id), f"gateway/{batch.chain_id}/{batch.number}/")
    return sum(artifacts.remove(prefix, keep=keep)[1] for prefix in prefixes)


def write_archive(store: JobStore, batch: Batch, folder: Path) -> Path:
    """Write a batch with its jobs and attempts as JSON and return the file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{batch.chain_id}-{batch.number}-{batch.id}.json"
    record = {
        "batch": asdict(batch),
        "jobs": [asdict(job) for job in status.jobs(store, batch_id=batch.id, limit=1_000_000)],
        "attempts": [asdict(attempt) for attempt in status.attempts(store, batch_id=batch.id)],
    }
    temporary = path.with_suffix(".partial")
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    temporary.replace(path)
    return path


TASKS: dict[str, Callable[[Housekeeper], None]] = {
    "sweep": sweep,
    "recount": recount,
    "collect": collect,
    "archive": archive,
}


def periods(settings: Settings) -> dict[str, float]:
    """Return the period of every task in seconds."""
    return {"sweep": settings.sweep_seconds, "recount": 60.0, "collect": 300.0, "archive": 3600.0}
