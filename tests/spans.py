"""Spans of this process, for tests of what is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime import telemetry


@contextmanager
def recorded() -> Iterator[InMemorySpanExporter]:
    """Yield what holds every span that ends meanwhile."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telemetry, "tracer", lambda: provider.get_tracer("hallmark"))
        yield exporter
