"""How far each stage of a batch is."""

from __future__ import annotations

from dataclasses import dataclass

from broker.jobs.states import Stage
from broker.jobs.store import JobStore

_STAGES = (
    "SELECT stage, count(*) AS jobs, sum(CASE WHEN state = 'successful' THEN 1.0 WHEN state = 'in_progress' "
    "THEN progress ELSE 0.0 END) AS done, sum(CASE WHEN state = 'in_progress' THEN 1 ELSE 0 END) AS running "
    "FROM jobs WHERE batch_id = :batch_id GROUP BY stage"
)


@dataclass(frozen=True)
class StageProgress:
    """How far one stage of a batch is: its jobs, and how many of them are done, fractions of running ones included."""

    stage: Stage
    jobs: int
    done: float
    running: int


def stages_of(store: JobStore, batch_id: int) -> list[StageProgress]:
    """Return the progress of each stage that the batch has jobs of, in pipeline order."""
    found = {Stage(row["stage"]): row for row in store.database.read(_STAGES, batch_id=batch_id)}
    return [
        StageProgress(stage, int(found[stage]["jobs"]), float(found[stage]["done"]), int(found[stage]["running"]))
        for stage in Stage
        if stage in found
    ]
