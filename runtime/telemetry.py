"""OpenTelemetry: one trace per batch, kept as JSON lines under the state directory or sent to a collector.

Build the provider after any fork (:func:`configure_telemetry`), end with :func:`flush_telemetry`. Spans are
written when they end, one line each, so that a killed process loses only the spans it was inside of.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.os_errors import resource_error
from runtime.private import private_folder
from runtime.settings import Settings
from runtime.troubles import TROUBLES

#: A trace file that outgrows this many bytes becomes ``<name>.1``; the older one of that name goes.
ROTATE_BYTES = 64 << 20

_PROPAGATOR = TraceContextTextMapPropagator()
#: Identity that the next span takes in this context; 0 for any.
_WANTED: ContextVar[int] = ContextVar("wanted span", default=0)


class _Identities(RandomIdGenerator):
    """Random identities, but for spans that others must be able to name without having seen them."""

    def generate_span_id(self) -> int:
        return _WANTED.get() or super().generate_span_id()


def trace_directory(settings: Settings) -> Path:
    """Return the folder of the JSON-lines trace files, one file per process type."""
    return settings.state_dir / "traces"


class JsonLinesExporter(SpanExporter):
    """Appends ended spans to a file, one JSON object a line, whole lines only.

    Parameters
    ----------
    path
        The file; several processes may append to it (each line is one ``O_APPEND`` write).
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._path = path
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the spans; a full disk loses spans, never work."""
        lines = "".join(json.dumps(_as_mapping(span), separators=(",", ":")) + "\n" for span in spans)
        try:
            with self._lock:
                self._rotate()
                descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    os.write(descriptor, lines.encode())
                finally:
                    os.close(descriptor)
        except OSError as error:
            if spent := resource_error(error):
                TROUBLES.note(spent)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def _rotate(self) -> None:
        if self._path.exists() and self._path.stat().st_size > ROTATE_BYTES:
            self._path.replace(self._path.with_suffix(".jsonl.1"))


def configure_telemetry(settings: Settings, *, service: str) -> TracerProvider:
    """Build and install this process's tracer provider.

    OTLP over HTTP is added when ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set; ``OTEL_SDK_DISABLED=true`` turns
    everything off. The JSON-lines file is always written, so that ``hallmark trace`` needs no collector.
    """
    resource = Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", f"hallmark-{service}"),
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
            "hallmark.cluster": settings.cluster,
            "hallmark.zone": settings.zone,
        }
    )
    provider = TracerProvider(resource=resource, id_generator=_Identities())
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
        path = trace_directory(settings) / f"{service}.jsonl"
        provider.add_span_processor(SimpleSpanProcessor(JsonLinesExporter(path)))
        if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def flush_telemetry() -> None:
    """Export what is buffered; forked and killed processes run no exit handlers, so shutdown calls this."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush(5_000)


def tracer() -> trace.Tracer:
    """Return the tracer of this program."""
    return trace.get_tracer("hallmark")


def current_traceparent() -> str:
    """Return the current span's ``traceparent``, or an empty string outside any span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def context_from(traceparent: str) -> otel_context.Context:
    """Return the context that ``traceparent`` names; an empty one when it is missing or malformed."""
    return _PROPAGATOR.extract({"traceparent": traceparent}, context=otel_context.Context())


def trace_id_of(traceparent: str) -> str:
    """Return the 32 hexadecimal digits of the trace, or an empty string."""
    found = trace.get_current_span(context_from(traceparent)).get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else ""


def exemplar(traceparent: str) -> dict[str, str] | None:
    """Return what a measurement says of the trace that it belongs to, nothing where there is none."""
    trace_id = trace_id_of(traceparent)
    return {"trace_id": trace_id} if trace_id else None


@contextmanager
def span(
    name: str,
    *,
    traceparent: str = "",
    links: Sequence[str] = (),
    kind: trace.SpanKind = trace.SpanKind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
) -> Iterator[trace.Span]:
    """Run a block inside a span.

    Parameters
    ----------
    traceparent
        The parent; empty means the current span.
    links
        ``traceparent`` values of spans that led here without being the parent.
    """
    linked = [trace.get_current_span(context_from(link)).get_span_context() for link in links]
    with tracer().start_as_current_span(
        name,
        context=context_from(traceparent) if traceparent else None,
        kind=kind,
        links=[trace.Link(context) for context in linked if context.is_valid],
        attributes=attributes,
    ) as started:
        yield started


def mark(name: str, *, traceparent: str = "", links: Sequence[str] = (), named: str = "", **attributes: Any) -> str:
    """Record a span without duration and return its ``traceparent``; used where a kill may follow.

    Parameters
    ----------
    named
        The ``traceparent`` that it is to have, of the parent's trace, see :func:`attempt_traceparent`.
    """
    token = _WANTED.set(int(named.split("-")[2], 16) if named else 0)
    try:
        with span(name, traceparent=traceparent, links=links, attributes=attributes):
            return current_traceparent()
    finally:
        _WANTED.reset(token)


def attempt_traceparent(traceparent: str, job_id: int, attempt: int) -> str:
    """Return the ``traceparent`` of a job's attempt in the job's trace; empty where there is no trace or no attempt.

    It follows from the numbers, so that a later attempt, and who finds that one was lost, can link to it.
    """
    trace_id = trace_id_of(traceparent)
    if not trace_id or attempt < 1:
        return ""
    digest = hashlib.sha256(f"{trace_id}/{job_id}/{attempt}".encode()).hexdigest()
    return f"00-{trace_id}-{digest[:16]}-01"


def read_spans(directory: Path, trace_id: str) -> list[dict[str, Any]]:
    """Return every span of one trace from the JSON-lines files, ordered by start time; broken lines are left out."""
    spans = []
    for path in sorted(directory.glob("*.jsonl*")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if trace_id not in line:
                    continue
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if record.get("trace_id") == trace_id:
                    spans.append(record)
    return sorted(spans, key=lambda record: int(record["start_unix_nano"]))


def _as_mapping(ended: ReadableSpan) -> dict[str, Any]:
    context = ended.get_span_context()
    assert context is not None
    return {
        "trace_id": format(context.trace_id, "032x"),
        "span_id": format(context.span_id, "016x"),
        "parent_span_id": format(ended.parent.span_id, "016x") if ended.parent else "",
        "name": ended.name,
        "kind": ended.kind.name,
        "start_unix_nano": ended.start_time or 0,
        "end_unix_nano": ended.end_time or 0,
        "status": ended.status.status_code.name,
        "status_message": ended.status.description or "",
        "attributes": dict(ended.attributes or {}),
        "events": [{"name": event.name, "attributes": dict(event.attributes or {})} for event in ended.events],
        "links": [
            {"trace_id": format(link.context.trace_id, "032x"), "span_id": format(link.context.span_id, "016x")}
            for link in ended.links
        ],
        "resource": dict(ended.resource.attributes),
    }
