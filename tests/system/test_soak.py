"""A short soak: each kind of thing is killed while batches are proven; nothing is lost and nothing stored twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.soak import Soak
from tests.servers import shared_object_store, shared_postgresql, shared_rabbitmq


@pytest.mark.long
def test_nothing_is_lost_and_nothing_stored_twice(tmp_path: Path) -> None:
    # The broker's restart takes longest and has tests of its own.
    kinds = ["worker", "gateway", "storage", "database", "worker", "housekeeper"]
    soak = Soak(tmp_path, shared_postgresql(), shared_rabbitmq(), shared_object_store())
    chance = random.Random(7)

    def kill() -> None:
        # One after the other from the first job on: without database and store no batch can end before the last kill.
        if kinds and '"started"' in soak.cluster.log():
            soak.kill(kinds.pop(0), chance)

    try:
        report = soak.run(2, kill=kill, segments=(1, 2), proof=1.0, seconds=300)
    finally:
        soak.close()
    assert report.wrong == [] and not kinds
    assert report.kills.total() == 6 and report.attempts["successful"] == report.jobs
