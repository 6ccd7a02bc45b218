from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from proving.backend.interface import Backend
from proving.backend.native import NativeBackend
from proving.backend.streaming import StreamingBackend
from proving.stark.memory import MemoryEstimate, estimate, estimate_streamed
from proving.stark.prover import prove
from proving.stark.shape import Shape
from tests.proving.stark import toy


def measured(backend: Backend, log_height: int) -> int:
    """Return the peak of a proof's arrays in bytes."""
    key = toy.key(log_bound=log_height + 1)
    publics, traces = toy.traces(log_height)
    key.prepared(backend)
    tracemalloc.start()
    # What exists already is not seen, so the copies stand for the traces.
    copies = {name: trace.copy() for name, trace in traces.items()}
    prove(key, toy.QUICK, publics, copies, backend, consume=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_the_estimate_is_what_the_prover_takes() -> None:
    peak, expected = measured(NativeBackend(), 15), estimate(toy.key(log_bound=16).layout.shape((15, 13, 7))).peak
    assert 0.7 * expected < peak < 1.1 * expected


def test_the_estimate_is_what_the_prover_takes_that_keeps_polynomials(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("backend.streamed", "stark.memory"):
        monkeypatch.setattr(f"proving.{module}.PIECE_BYTES", 1 << 18)
    shape = toy.key(log_bound=16).layout.shape((15, 13, 7))
    peak, expected = measured(StreamingBackend(1 << 12), 15), estimate_streamed(shape).peak
    assert 0.7 * expected < peak < 1.1 * expected < 0.9 * estimate(shape).peak


@pytest.mark.parametrize("estimated", [estimate, estimate_streamed])
def test_the_estimate_grows_with_every_height(estimated: Callable[[Shape], MemoryEstimate]) -> None:
    layout = toy.key(log_bound=16).layout
    base = estimated(layout.shape((12, 10, 7)))
    assert base.peak == max(base.main, base.bus, base.quotient, base.fri)
    for taller in ((13, 10, 7), (12, 11, 7)):
        assert estimated(layout.shape(taller)).peak > base.peak
