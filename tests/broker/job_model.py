"""What batches and jobs should be after any history: rules in plain words, without a database.

A job is done, dead, cancelled, held, or none of these; what it *waits for* follows from which of its makers are done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from broker.jobs import BatchState, JobSpec, JobState, Stage

MAX_FAILURES = 3
OVER = (BatchState.PROVEN, BatchState.ACCEPTED, BatchState.REFUSED)


@dataclass
class ModelJob:
    """One job."""

    stage: Stage
    index: int
    final: bool = False
    makers: set[int] = field(default_factory=set)
    made_by: int = 0
    done: bool = False
    dead: bool = False
    cancelled: bool = False
    token: str = ""
    failures: int = 0

    def start_over(self) -> None:
        """Forget everything but the place in the batch."""
        self.done = self.dead = self.cancelled = False
        self.token, self.failures = "", 0


@dataclass
class ModelBatch:
    """One batch with its jobs by identity."""

    state: BatchState = BatchState.IN_PROGRESS
    collected: bool = False
    jobs: dict[int, ModelJob] = field(default_factory=dict)

    def state_of(self, job_id: int) -> JobState:
        """Return the state that the job's row must have; a delayed job counts as queued."""
        job = self.jobs[job_id]
        if job.cancelled:
            return JobState.CANCELLED
        if job.done:
            return JobState.SUCCESSFUL
        if job.dead:
            return JobState.DEAD
        if any(not self.jobs[maker].done for maker in job.makers):
            return JobState.WAITING
        return JobState.IN_PROGRESS if job.token else JobState.QUEUED

    def settle(self) -> None:
        """Let the batch be dead or in progress, as its jobs say."""
        dead = any(job.dead for job in self.jobs.values())
        self.state = BatchState.DEAD if dead else BatchState.IN_PROGRESS

    def requeue(self, job_id: int) -> bool:
        """Do as an operator's requeue; return whether it is allowed."""
        if self.state is BatchState.ACCEPTED or self.collected:
            return False
        again = [job_id]
        again += [key for key, job in self.jobs.items() if job.cancelled or (job.final and job.done)]
        for key in again:
            self.jobs[key].start_over()
        for key in again:
            for job in self.jobs.values():
                if job.made_by == key and not job.done:
                    job.makers.add(key)
                if key in job.makers and not job.done:
                    job.start_over()
        self.settle()
        return True

    def cancel(self) -> bool:
        """Do as an operator's cancel; return whether it is allowed."""
        if self.state in OVER:
            return False
        for job in self.jobs.values():
            if not job.done:
                job.cancelled, job.dead, job.token = True, False, ""
        self.state = BatchState.CANCELLED
        return True

    def lose(self, job_id: int, *, never: bool = False) -> None:
        """Count a failure."""
        job = self.jobs[job_id]
        job.token = ""
        job.failures += 1
        if never or job.failures >= MAX_FAILURES:
            job.dead = True
            if self.state in (BatchState.IN_PROGRESS, BatchState.DEAD):
                self.state = BatchState.DEAD

    def complete(self, job_id: int) -> None:
        """Take a result."""
        job = self.jobs[job_id]
        job.token, job.done, job.failures = "", True, job.failures
        if job.final and self.state in (BatchState.IN_PROGRESS, BatchState.DEAD):
            self.state = BatchState.PROVEN

    def make(self, maker: int, specs: Sequence[JobSpec], identities: Sequence[int]) -> None:
        """Add or renew the jobs that ``maker`` made; another set of jobs than before starts them all over."""
        before = {key for key, job in self.jobs.items() if job.made_by == maker}
        by_key = {spec.key: job_id for spec, job_id in zip(specs, identities, strict=True)}
        if before != set(identities):
            for key in before:
                self.jobs[key].start_over()
            for key in before - set(identities):
                del self.jobs[key]
        for spec, job_id in zip(specs, identities, strict=True):
            job = self.jobs.setdefault(job_id, ModelJob(spec.stage, spec.index, spec.final, made_by=maker))
            job.makers = {key for key in job.makers if key in self.jobs} | {by_key[key] for key in spec.depends_on}

    def claimable(self) -> Iterator[int]:
        """Yield the jobs that a worker may get."""
        for job_id in self.jobs:
            if self.state_of(job_id) is JobState.QUEUED:
                yield job_id
