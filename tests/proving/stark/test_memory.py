from __future__ import annotations

import tracemalloc

from proving.stark.memory import estimate
from proving.stark.prover import prove
from tests.proving.stark import toy


def test_the_estimate_is_what_the_prover_takes() -> None:
    key = toy.key(log_bound=16)
    publics, traces = toy.traces(15)
    shape = key.layout.shape((15, 13, 7))
    key.prepared(toy.backend())
    tracemalloc.start()
    # What exists already is not seen, so the copies stand for the traces.
    copies = {name: trace.copy() for name, trace in traces.items()}
    prove(key, toy.QUICK, publics, copies, toy.backend(), consume=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = estimate(shape).peak
    assert 0.7 * expected < peak < 1.1 * expected


def test_the_estimate_grows_with_every_height() -> None:
    layout = toy.key(log_bound=16).layout
    base = estimate(layout.shape((12, 10, 7)))
    assert base.peak == max(base.main, base.bus, base.quotient, base.fri)
    for taller in ((13, 10, 7), (12, 11, 7)):
        assert estimate(layout.shape(taller)).peak > base.peak
