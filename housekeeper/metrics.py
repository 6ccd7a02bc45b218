"""State of queues and batches, read from the database when Prometheus asks: right after any crash."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from broker.artifacts import ArtifactStore
from broker.jobs import JobState, JobStore, Outcome, Stage, status
from runtime.errors import HallmarkError
from runtime.kept import Kept
from runtime.settings import Settings


class DatabaseCollector(Collector):
    """Exports counts by stage and state, ages, attempts, outbox and batches; never a batch or job id as a label."""

    def __init__(self, store: JobStore, artifacts: ArtifactStore, settings: Settings) -> None:
        self._store, self._artifacts = store, artifacts
        self._cluster = settings.cluster
        # Every row is counted: 1.3 s on PostgreSQL, 2.0 s on SQLite for a million jobs with as many attempts.
        self._numbers = Kept(self._count)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; without a database only ``hallmark_database_up 0``."""
        numbers = self._read()
        yield GaugeMetricFamily(
            "hallmark_database_up", "Whether the last reading succeeded.", float(numbers is not None)
        )
        yield GaugeMetricFamily("hallmark_store_free_bytes", "Free disk of the store.", float(self._free_bytes()))
        if numbers is None:
            return
        labels = ["stage", "status", "cluster"]
        jobs = GaugeMetricFamily("hallmark_jobs", "Jobs by stage and state.", labels=labels)
        for stage in Stage:
            for state in JobState:
                jobs.add_metric([stage, state, self._cluster], numbers.jobs.get((stage, state), 0))
        yield jobs
        age = GaugeMetricFamily(
            "hallmark_job_oldest_age_seconds", "Age of the oldest ready job.", labels=["stage", "cluster"]
        )
        for stage in Stage:
            age.add_metric([stage, self._cluster], numbers.oldest_seconds.get(stage, 0.0))
        yield age
        tries = CounterMetricFamily("hallmark_job_attempts", "Attempts by outcome.", labels=["stage", "outcome"])
        # What has not happened is exported as 0: of a series that begins with 1, Prometheus sees no increase.
        for stage in Stage:
            for outcome in Outcome:
                tries.add_metric([stage, outcome], numbers.attempts.get((stage, outcome), 0))
        yield tries
        batches = GaugeMetricFamily("hallmark_batches", "Batches by state.", labels=["status", "cluster"])
        for name, count in sorted(numbers.batches.items()):
            batches.add_metric([name, self._cluster], count)
        yield batches
        yield SummaryMetricFamily(
            "hallmark_batch_latency_seconds",
            "Offer to proof.",
            count_value=numbers.latency_count,
            sum_value=numbers.latency_total_seconds,
        )
        yield GaugeMetricFamily("hallmark_outbox_pending", "Ready rows not yet announced.", numbers.outbox)
        dead = sum(count for (_, state), count in numbers.jobs.items() if state == JobState.DEAD)
        yield GaugeMetricFamily("hallmark_dead_jobs", "Jobs that an operator must look at.", dead)

    def describe(self) -> Iterator[Metric]:
        """Describe nothing, so that registering reads no database."""
        return iter(())

    def _free_bytes(self) -> int:
        try:
            return self._artifacts.free_bytes()
        except HallmarkError:
            return 0

    def _read(self) -> status.Numbers | None:
        try:
            return self._numbers.get()
        except HallmarkError:
            return None

    def _count(self) -> status.Numbers:
        try:
            return status.numbers(self._store)
        finally:
            # Every scrape comes on a thread of its own, and connections are per thread.
            self._store.database.close()
