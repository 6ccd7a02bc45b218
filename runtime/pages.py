"""``/health``, ``/ready`` and ``/metrics``: one set of rules for every process, whatever serves them.

``/health`` and ``/ready`` are open, because load balancers have no token; ``/metrics`` asks for it where one is set. A
process is ready when its start is over, its own check finds nothing, no resource of the host has run out, and it has
shown a sign of life within the last minute.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Info, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from runtime.process import Process
from runtime.troubles import TROUBLES

#: A process that has shown no sign of life for this many seconds is not ready.
READY_SECONDS = 60.0

HEALTH, READY, METRICS = "/health", "/ready", "/metrics"
#: All of them, and those that a load balancer asks without a token.
PATHS, OPEN_PATHS = (HEALTH, READY, METRICS), (HEALTH, READY)

BUILD = Info("hallmark_build", "Protocol version and place of this process.")

_JSON = "application/json"


class Answer(NamedTuple):
    """An HTTP answer, before a server sends it."""

    status: int
    content_type: str
    body: bytes


class Pages:
    """The three pages of one process.

    Parameters
    ----------
    check
        Returns why the process is not ready, beside the common rules; empty when it is.
    facts
        What ``/ready`` shows beside the common fields.
    metrics
        The text of ``/metrics`` in Prometheus' format; by default everything that the process registered, also as
        OpenMetrics, with the traces that durations belong to, for who asks for that.
    """

    def __init__(
        self,
        process: Process,
        *,
        check: Callable[[], str] = lambda: "",
        facts: Callable[[], Mapping[str, object]] = dict,
        metrics: Callable[[], bytes] | None = None,
    ) -> None:
        self.process, self._check, self._facts, self._metrics = process, check, facts, metrics
        settings = process.settings
        BUILD.info({"protocol_version": settings.protocol_version, "cluster": settings.cluster, "zone": settings.zone})

    def answer(self, path: str, authorization: str, accept: str = "") -> Answer:
        """Answer a request for one of the pages, given its headers."""
        if path not in PATHS:
            return Answer(404, _JSON, b'{"error": {"code": "not_found", "message": "There is no such page."}}')
        if path == HEALTH:
            return Answer(200, _JSON, json.dumps({"process": self.process.name, "status": "up"}).encode())
        if path == READY:
            status, body = self.state()
            return Answer(status, _JSON, json.dumps(body).encode())
        if not allowed(self.process.settings.tokens, authorization):
            return Answer(401, _JSON, b'{"error": {"code": "unauthorized", "message": "The token is missing."}}')
        if self._metrics is not None:
            return Answer(200, CONTENT_TYPE_LATEST, self._metrics())
        if wants_openmetrics(accept):
            text: bytes = openmetrics.generate_latest(REGISTRY)  # type: ignore[no-untyped-call]
            return Answer(200, openmetrics.CONTENT_TYPE_LATEST, text)
        return Answer(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))

    def state(self) -> tuple[int, dict[str, object]]:
        """Return the status code and the body of ``/ready``."""
        reason = self.process.waits_for or self._check() or TROUBLES.reason()
        pulse = self.process.pulse
        if not reason and pulse.age() > READY_SECONDS:
            reason = f"no sign of life for {pulse.age():.0f} s"
        body: dict[str, object] = {
            "process": self.process.name,
            "ready": not reason,
            "reason": reason,
            "protocol_version": self.process.settings.protocol_version,
            "busy": pulse.busy,
            "seconds_since": pulse.ages(),
            **self._facts(),
        }
        return (503 if reason else 200), body


def wants_openmetrics(accept: str) -> bool:
    """Return whether an ``Accept`` header names OpenMetrics; Prometheus does, a browser does not."""
    kinds = (part.split(";") for part in accept.lower().split(","))
    return any(kind.strip() == "application/openmetrics-text" for kind, *_ in kinds)


def allowed(tokens: Sequence[str], authorization: str) -> bool:
    """Return whether an ``Authorization`` header carries one of the tokens, or none is asked for."""
    return not tokens or is_one_of(tokens, authorization.removeprefix("Bearer "))


def is_one_of(tokens: Sequence[str], given: str) -> bool:
    """Return whether a text is one of the tokens, in a time that tells nothing of where it differs."""
    text = given.encode(errors="surrogateescape")
    # Each is compared, so that the time does not tell which one it is either.
    return any([hmac.compare_digest(text, token.encode()) for token in tokens])  # noqa: C419
