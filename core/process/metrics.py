"""Core's Prometheus metrics, counted from the store, so that they are right after any crash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from peewee import Field, fn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.batches.components import lags
from core.eth_sender.status import L1State, noted_state
from core.proofs.acceptance import proven_batch
from core.state.chain import PASSED
from core.store import (
    Batch,
    BatchStatus,
    L1Transaction,
    L1TransactionStatus,
    Store,
    Submission,
    Transaction,
    TransactionStatus,
)
from core.store.models import Row
from runtime.kept import Kept


class CoreCollector(Collector):
    """Counts the rows of one store.

    Parameters
    ----------
    store
        Core's rows.
    cluster
        Label of this installation.
    """

    def __init__(self, store: Store, cluster: str) -> None:
        self._store = store
        self._cluster = cluster

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        with self._store.session():
            yield self._counted("hallmark_core_transactions", "Transactions by status.", Transaction, TransactionStatus)
            yield self._counted("hallmark_core_batches", "Batches by status.", Batch, BatchStatus)
            yield self._gauge(
                "hallmark_core_proven_batch", "Every batch up to this one is proven or skipped.", proven_batch()
            )
            waiting = Batch.select(fn.MIN(Batch.sealed_at)).where(Batch.status.not_in(PASSED)).scalar()
            age = 0.0 if waiting is None else max(0.0, time.time() - float(waiting))
            yield self._gauge("hallmark_core_oldest_unproven_batch_seconds", "Age of the oldest unproven batch.", age)
            yield from self._lags()
            if (state := noted_state(self._store)) is not None:
                yield from self._l1(state)
            outcomes = CounterMetricFamily(
                "hallmark_core_submissions", "Submitted proofs by outcome.", labels=["outcome", "cluster"]
            )
            for outcome, count in _counts(Submission, Submission.outcome).items():
                outcomes.add_metric([outcome, self._cluster], count)
            yield outcomes

    def _lags(self) -> Iterable[Metric]:
        labels, now = ["component", "cluster"], time.time()
        batches = GaugeMetricFamily("hallmark_core_lag_batches", "Batches a component has not done.", labels=labels)
        seconds = GaugeMetricFamily("hallmark_core_lag_seconds", "Age of the oldest of them.", labels=labels)
        for lag in lags():
            batches.add_metric([lag.component, self._cluster], lag.batches)
            age = 0.0 if lag.sealed_at is None else max(0.0, now - lag.sealed_at)
            seconds.add_metric([lag.component, self._cluster], age)
        yield from (batches, seconds)

    def _l1(self, state: L1State) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "hallmark_core_l1_batch",
            "Newest batch on L1 by step.",
            labels=["step", "cluster"],
        )
        for step in ("committed", "proven", "executed"):
            family.add_metric([step, self._cluster], getattr(state, step))
        yield family
        yield self._counted(
            "hallmark_core_l1_transactions", "Transactions to L1 by status.", L1Transaction, L1TransactionStatus
        )

    def _counted(
        self,
        name: str,
        text: str,
        model: type[Transaction] | type[Batch] | type[L1Transaction],
        statuses: type[TransactionStatus] | type[BatchStatus] | type[L1TransactionStatus],
    ) -> Metric:
        family = GaugeMetricFamily(name, text, labels=["status", "cluster"])
        counts = _counts(model, model.status)
        for status in statuses:
            family.add_metric([status, self._cluster], counts.get(status.value, 0))
        return family

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(name, text, labels=["cluster"])
        family.add_metric([self._cluster], value)
        return family


def _counts(model: type[Row], column: Field[str]) -> dict[str, int]:
    """Return how many rows have each value of a column."""
    rows: Any = model.select(column, fn.COUNT(column)).group_by(column).tuples()
    return dict(rows)


def exposition(store: Store, cluster: str) -> Callable[[], bytes]:
    """Return what makes the metrics in Prometheus' text format; every row is counted, so a text is kept for a while."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(CoreCollector(store, cluster))
    return Kept(lambda: generate_latest(registry)).get
