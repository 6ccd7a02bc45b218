"""`gpu.main_vm`: segments proven on a device, from checkpoint to verified proof."""

from __future__ import annotations

import statistics

from benchmarks.figure import Figure, figure
from benchmarks.segment import PROFILE, checkpoints, measure
from cuda.backend import CudaBackend

#: The class that a prover chooses by itself, and the segments that are proven; the first one fills caches.
SIZE_CLASS, SEGMENTS = 18, 4


def main_vm(backend: CudaBackend, size_class: int = SIZE_CLASS, count: int = SEGMENTS) -> Figure:
    """Prove segments one after the other; the first one is not counted."""
    segments = [measure(checkpoint, backend) for checkpoint in checkpoints(size_class, count)][1:]
    rates = [segment["cycles"] / segment["seconds"] / 1e6 for segment in segments]
    middle = segments[rates.index(statistics.median_low(rates))]
    return figure(
        "gpu.main_vm",
        statistics.median_low(rates),
        "MHz",
        "higher",
        context={
            "device": backend.name,
            "profile": PROFILE,
            "size_class": size_class,
            "cycles": middle["cycles"],
            "phases": middle["phases"],
            "mhz": [round(rate, 3) for rate in rates],
            "device_bytes": backend.pool.peak,
        },
    )
