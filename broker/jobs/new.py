"""Jobs to be created, made ready for the database before a transaction begins: who waits for it waits less."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from broker.jobs.records import JobSpec
from broker.jobs.states import JobState
from runtime.errors import JobError

#: What names a job within its batch: stage, round, depth, circuit type, position.
Place: TypeAlias = tuple[Any, ...]

#: Rows that one statement makes.
PAGE_ROWS = 10_000


@dataclass(frozen=True)
class NewJobs:
    """Jobs that are created together.

    Attributes
    ----------
    places
        Of each job, in order.
    pages
        JSON arrays of their rows.
    edges
        Which job waits for which, as places in the order of the jobs.
    """

    places: list[Place]
    pages: list[str]
    edges: list[tuple[int, int]]

    @classmethod
    def of(cls, specs: Sequence[JobSpec]) -> NewJobs:
        """Make jobs ready to be created.

        Raises
        ------
        JobError
            A job depends on one that does not come before it, or its key or place is taken.
        """
        known: dict[str, int] = {}
        edges: list[tuple[int, int]] = []
        for number, spec in enumerate(specs):
            unknown = [key for key in spec.depends_on if key not in known]
            if unknown or (spec.key and spec.key in known):
                raise JobError(f"Job {spec.key!r} depends on {unknown}, or its key is taken.")
            known[spec.key] = number
            edges += [(number, known[key]) for key in dict.fromkeys(spec.depends_on)]
        rows = [_row_of(spec) for spec in specs]
        places = [place_of(row) for row in rows]
        if len(set(places)) < len(places):
            raise JobError("Two jobs have the same stage, round, depth, circuit type and index.")
        return cls(places, pages_of(rows), edges)


def place_of(row: Mapping[str, Any]) -> Place:
    """Return what names a job's row within its batch."""
    return row["stage"], row["round"], row["depth"], row["circuit_type"], row["position"]


def pages_of(values: Sequence[Any]) -> list[str]:
    """Return JSON-ready values as arrays of a size that one statement takes."""
    return [json.dumps(values[start : start + PAGE_ROWS]) for start in range(0, len(values), PAGE_ROWS)]


def _row_of(spec: JobSpec) -> dict[str, Any]:
    return {
        "stage": str(spec.stage),
        "round": int(spec.round),
        "depth": spec.depth,
        "circuit_type": spec.circuit_type,
        "position": spec.index,
        "final": int(spec.final),
        "state": str(JobState.WAITING if spec.depends_on else JobState.QUEUED),
        "waiting_on": len(set(spec.depends_on)),
        "inputs": dict(spec.inputs),
        "parameters": dict(spec.parameters),
        "device": spec.device,
    }
