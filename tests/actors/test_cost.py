"""What a process spends is shared out among its jobs, and nothing of it twice."""

from __future__ import annotations

import time

from actors.cost import Meter
from broker.jobs import Cost


def burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_jobs_of_a_time_share_what_the_process_spends() -> None:
    meter = Meter()
    burn(0.05)
    began = time.process_time()
    with meter.counting(1):
        burn(0.1)
        with meter.counting(2):
            burn(0.1)
            second = meter.read(2).cpu_seconds
        first = meter.read(1).cpu_seconds
    spent = time.process_time() - began
    assert 0.05 <= second < 0.09 and 0.15 <= first < 0.2 and first + second <= spent


def test_bytes_are_of_the_job_that_moved_them() -> None:
    meter = Meter()
    with meter.counting(1), meter.counting(2):
        meter.moved(1, loaded=3)
        meter.moved(1, stored=4)
        meter.moved(7, stored=9)
        assert (meter.read(1).loaded_bytes, meter.read(1).stored_bytes) == (3, 4)
        assert (meter.read(2).loaded_bytes, meter.read(2).stored_bytes) == (0, 0)
    assert meter.read(1) == meter.read(7) == Cost()
