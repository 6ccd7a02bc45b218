"""Timelines as numbers: where each bar begins and how wide it is, in thousandths of the whole span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.jobs import Attempt
from broker.jobs.overview import Line, Place

#: Units of a span's width.
UNITS = 1000


@dataclass(frozen=True)
class Bar:
    """A stretch of a timeline; ``kind`` is a class of the style sheet: ``wait``, ``run`` or an attempt's outcome."""

    kind: str
    start: int
    width: int


@dataclass(frozen=True)
class Span:
    """The time that a timeline shows, in epoch seconds."""

    begin: float
    end: float

    def bar(self, kind: str, start: float, end: float) -> Bar:
        """Return a stretch, at least one unit wide."""
        first, last = self._unit(start), self._unit(end)
        return Bar(kind, min(first, UNITS - 1), max(1, last - first))

    def _unit(self, moment: float) -> int:
        share = (moment - self.begin) / max(1e-3, self.end - self.begin)
        return min(UNITS, max(0, round(UNITS * share)))


def span_of(begin: float, lines: Sequence[Line], now: float) -> Span:
    """Return the span of a batch: until now while something is open, until its last job ended otherwise."""
    ends = [line.finished_at for line in lines if line.finished_at is not None]
    return Span(begin, now if any(line.open for line in lines) else max(ends, default=now))


def of_line(line: Line, span: Span, now: float) -> list[Bar]:
    """Return what a whole line did: until its first job was claimed it waited, then it ran."""
    if line.queued_at is None:
        return []
    if line.started_at is None:
        return [span.bar("wait", line.queued_at, now)] if line.states.get("queued") else []
    ended = now if line.open else max(line.finished_at or 0.0, line.started_at)
    return [span.bar("wait", line.queued_at, line.started_at), span.bar("run", line.started_at, ended)]


def of_job(job: Place, attempts: Sequence[Attempt], span: Span, now: float) -> list[Bar]:
    """Return a job's waits and attempts, each attempt coloured by how it ended."""
    bars = []
    for attempt in attempts:
        bars.append(span.bar("wait", attempt.started_at - attempt.queue_wait, attempt.started_at))
        bars.append(span.bar(attempt.outcome or "run", attempt.started_at, attempt.ended_at or now))
    if job.state == "queued" and job.queued_at is not None:
        bars.append(span.bar("wait", job.queued_at, now))
    return bars


def by_job(attempts: Sequence[Attempt]) -> Mapping[int, list[Attempt]]:
    """Return attempts by the job that they are of, in their order."""
    found: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.job_id, []).append(attempt)
    return found
