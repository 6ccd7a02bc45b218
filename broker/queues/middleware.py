"""Dramatiq middleware: trace context in messages, and counters of what passed."""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware
from opentelemetry import context as otel_context
from opentelemetry import trace
from prometheus_client import Counter

from runtime.telemetry import context_from, current_traceparent, tracer

SENT = Counter("hallmark_messages_sent", "Hints confirmed by the broker.", ["queue"])
RECEIVED = Counter("hallmark_messages_received", "Messages handed to an actor.", ["queue", "redelivered"])


class TraceMiddleware(Middleware):
    """Carries the batch's trace through the broker: a PRODUCER span at sending, a CONSUMER span while processing."""

    def __init__(self) -> None:
        self._live = threading.local()

    def before_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        """Record the sending and let the message carry its span."""
        carried = message.options.get("trace")
        if not carried:
            return
        attributes = _attributes(message, "send")
        parent = context_from(carried["traceparent"])
        name = f"send {message.queue_name}"
        with tracer().start_as_current_span(name, parent, trace.SpanKind.PRODUCER, attributes):
            message.options["trace"] = {"traceparent": current_traceparent()}

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Start the CONSUMER span; a poll's own message carries no trace and gets none."""
        carried = message.options.get("trace")
        if not carried:
            return
        parent = context_from(carried["traceparent"])
        attributes = _attributes(message, "process")
        span = tracer().start_span(f"process {message.queue_name}", parent, trace.SpanKind.CONSUMER, attributes)
        self._live.current = (span, otel_context.attach(trace.set_span_in_context(span, parent)))

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """End the CONSUMER span."""
        span, token = getattr(self._live, "current", (None, None))
        self._live.current = (None, None)
        if span is None or token is None:
            return
        if exception is not None:
            span.record_exception(exception)
            span.set_status(trace.StatusCode.ERROR, type(exception).__name__)
        otel_context.detach(token)
        span.end()

    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """End the CONSUMER span of a message that was not processed."""
        self.after_process_message(broker, message)


class CountMiddleware(Middleware):
    """Counts messages; what the jobs' states are is read from the database by the housekeeper."""

    def after_enqueue(self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None) -> None:
        """Count a confirmed message."""
        SENT.labels(message.queue_name).inc()

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Count a received message."""
        redelivered = str(bool(message.__dict__.get("redelivered", False))).lower()
        RECEIVED.labels(message.queue_name, redelivered).inc()


def standard_middleware() -> list[Middleware]:
    """Return what every broker here carries. No Retries: failures are recorded in the job's row."""
    return [TraceMiddleware(), CountMiddleware()]


def _attributes(message: Any, operation: str) -> dict[str, Any]:
    return {
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": message.queue_name,
        "messaging.message.id": message.message_id,
        "messaging.message.conversation_id": str(message.kwargs.get("batch", "")),
        "hallmark.job": int(message.kwargs.get("job", 0)),
    }
