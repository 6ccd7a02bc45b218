"""What batches and days of work cost: processor and device time, bytes of the artifact store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.jobs import overview
from broker.jobs.database import Row
from broker.jobs.states import Stage
from broker.jobs.store import JobStore

_COST = """
SELECT {groups}count(*) AS attempts, coalesce(sum(a.cpu_seconds), 0) AS cpu_seconds,
    coalesce(sum(CASE WHEN substr(a.device, 1, 4) = 'cuda' AND a.ended_at > a.started_at
        THEN a.ended_at - a.started_at ELSE 0 END), 0) AS device_seconds,
    coalesce(sum(a.loaded_bytes), 0) AS loaded_bytes, coalesce(sum(a.stored_bytes), 0) AS stored_bytes
FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE {where}
"""

#: What all attempts of a batch cost, and those that ended in a span of time by stage, round and circuit type.
_OF_BATCH = _COST.format(groups="", where="j.batch_id = :batch_id AND a.ended_at IS NOT NULL")
_OF_DAY = _COST.format(
    groups="j.stage, j.round, j.circuit_type, ",
    where="a.ended_at >= :since AND a.ended_at < :until "
    "GROUP BY j.stage, j.round, j.circuit_type ORDER BY j.stage, j.round, j.circuit_type",
)


@dataclass(frozen=True)
class Spent:
    """What attempts cost, whatever became of them; nothing is known of those whose worker vanished.

    Attributes
    ----------
    cpu_seconds
        Processor time of the workers.
    device_seconds
        Time for which attempts held a device.
    loaded_bytes, stored_bytes
        Payloads read from the artifact store and written to it.
    """

    attempts: int
    cpu_seconds: float
    device_seconds: float
    loaded_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class SpentAt(Spent):
    """The same of one day (UTC, epoch seconds) at one stage, round and circuit type."""

    day: float
    stage: Stage
    round: int
    circuit_type: str


def cost_of_batch(store: JobStore, batch_id: int) -> Spent:
    """Return what a batch has cost so far."""
    [row] = store.database.read(_OF_BATCH, batch_id=batch_id)
    return Spent(**_spent(row))


def costs(store: JobStore, *, days: int) -> list[SpentAt]:
    """Return what was spent on each of the last days, today (UTC) first."""
    today = overview.now(store) // overview.DAY * overview.DAY
    return [
        SpentAt(**_spent(row), day=day, stage=Stage(row["stage"]), round=row["round"], circuit_type=row["circuit_type"])
        for day in (today - back * overview.DAY for back in range(days))
        for row in store.database.read(_OF_DAY, since=day, until=day + overview.DAY)
    ]


def _spent(row: Row) -> dict[str, Any]:
    seconds = {name: float(row[name]) for name in ("cpu_seconds", "device_seconds")}
    return seconds | {name: int(row[name]) for name in ("attempts", "loaded_bytes", "stored_bytes")}
