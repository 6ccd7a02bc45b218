"""The gateway's Prometheus metrics, each with the chain that it is of."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """Counted since the process started.

    Parameters
    ----------
    cluster
        Label of this installation.
    """

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._registry = CollectorRegistry()
        labels = ["chain_id", "cluster"]
        self._taken = Counter("hallmark_gateway_batches_taken", "Offers taken.", labels, registry=self._registry)
        self._judged = Counter("hallmark_gateway_proofs_judged", "Proofs judged.", labels, registry=self._registry)
        self._failed = Counter(
            "hallmark_gateway_failures", "Failed rounds of a loop.", ["loop", "code", *labels], registry=self._registry
        )
        self._polled = Gauge(
            "hallmark_gateway_last_poll_seconds", "When core last answered a question.", labels, registry=self._registry
        )
        self._refused = Gauge(
            "hallmark_gateway_cores_refused",
            "1: the file of cores as it stands is not taken.",
            ["cluster"],
            registry=self._registry,
        )

    def forget(self, chain_id: int) -> None:
        """Forget when a core answered that is served no more; what was counted stays."""
        with suppress(KeyError):
            self._polled.remove(chain_id, self._cluster)

    def refused(self, refused: bool) -> None:
        """Note whether the file of cores as it stands is refused."""
        self._refused.labels(self._cluster).set(refused)

    def taken(self, chain_id: int) -> None:
        """Count an offer that was taken."""
        self._taken.labels(chain_id, self._cluster).inc()

    def judged(self, chain_id: int, proofs: int) -> None:
        """Count proofs that core judged."""
        self._judged.labels(chain_id, self._cluster).inc(proofs)

    def failed(self, chain_id: int, loop: str, code: str) -> None:
        """Count a failed round of a loop."""
        self._failed.labels(loop, code, chain_id, self._cluster).inc()

    def polled(self, chain_id: int, at: float) -> None:
        """Note when core answered, in seconds since the epoch."""
        self._polled.labels(chain_id, self._cluster).set(at)

    def text(self) -> bytes:
        """Return them in Prometheus' format."""
        return generate_latest(self._registry)
