"""`hallmark autoscale`: as many workers as jobs that wait, not more than allowed, none lost to a short pause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.jobs import Stage
from cli.scaling import Limits, Scaler, Seen
from tests.actors.cluster import ROOT, Cluster
from tests.actors.test_pipeline import finish

LIMITS = Limits(least=0, most=8, grow_seconds=20, shrink_seconds=300)


def test_it_grows_by_what_waits_and_no_faster_than_twice() -> None:
    scaler, workers, taken = Scaler(LIMITS), 0, []
    for moment in range(6):
        workers = scaler.decide(Seen(ready=100, in_progress=workers, oldest_seconds=30), workers, moment)
        taken.append(workers)
    assert taken == [1, 2, 4, 8, 8, 8]


def test_a_queue_that_is_kept_short_asks_for_nobody() -> None:
    assert Scaler(LIMITS).decide(Seen(ready=5, in_progress=2, oldest_seconds=3), 2, 0) == 2
    assert Scaler(LIMITS).decide(Seen(ready=1, in_progress=0, oldest_seconds=0), 0, 0) == 1, "nobody is there yet"


def test_a_pause_between_two_batches_stops_nobody() -> None:
    scaler, idle = Scaler(LIMITS), Seen(0, 0, 0)
    assert [scaler.decide(idle, 4, moment) for moment in (0, 299)] == [4, 4]
    assert scaler.decide(Seen(1, 0, 1), 4, 299.5) == 4
    assert [scaler.decide(idle, 4, moment) for moment in (300, 599, 600)] == [4, 4, 0]


def test_who_works_is_not_stopped() -> None:
    scaler = Scaler(LIMITS)
    assert [scaler.decide(Seen(0, 3, 0), 8, moment) for moment in (0, 300)] == [8, 3]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1000), st.floats(0, 100)), max_size=30),
    st.integers(0, 3),
    st.integers(3, 9),
)
def test_it_stays_within_its_limits_and_never_turns_twice_at_once(
    looks: list[tuple[int, int, float, float]], least: int, most: int
) -> None:
    scaler, workers, now = Scaler(Limits(least, most, 20, 60)), 0, 0.0
    last_growth = -1e9
    for ready, in_progress, oldest, passed in looks:
        now += passed
        before, workers = workers, scaler.decide(Seen(ready, in_progress, oldest), workers, now)
        assert least <= workers <= most
        assert workers <= max(2 * before, 1, least)
        if workers > before and ready:
            last_growth = now
        assert workers >= before or now - last_growth >= 60


@contextmanager
def scaling(cluster: Cluster, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "autoscale", "--stage", "vectors", "--every", "0.2", *arguments],
        cwd=ROOT,
        env={**os.environ, **cluster.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def workers_of(process: subprocess.Popen[str]) -> int:
    children = psutil.Process(process.pid).children()
    return sum("actors.run" in child.cmdline() for child in children if child.status() != psutil.STATUS_ZOMBIE)


def test_workers_come_with_the_work_and_go_after_it(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        for stage in (Stage.WITNESS, Stage.PROVE):
            cluster.start("actors.run", "--stage", stage)
        cluster.start("housekeeper")
        cluster.start("housekeeper", "clock")
        with scaling(cluster, "--most", "2", "--grow-after", "0", "--shrink-after", "1") as process:
            time.sleep(2)
            assert workers_of(process) == 0, "nothing waits"
            cluster.batch(1, segments=6)
            finish(cluster, 1, seconds=90)
            cluster.until(lambda: workers_of(process) == 0, 60)
        assert process.returncode == 0 and process.stdout is not None
        said = process.stdout.read()
        assert "1 workers asked for, 0 before" in said and "0 workers asked for" in said
    finally:
        cluster.stop()


@pytest.mark.parametrize("dry", [True, False])
def test_a_command_is_told_the_number_and_a_dry_run_runs_nothing(tmp_path: Path, dry: bool) -> None:
    cluster = Cluster(tmp_path)
    cluster.start("actors.run", "--stage", "witness")
    cluster.batch(1, segments=2)
    cluster.until(lambda: cluster.store.ready([Stage.VECTORS], protocol_versions=["1"]), 30)
    told = tmp_path / "told"
    options = ["--most", "3", "--grow-after", "0", "--command", f"sh -c 'echo {{workers}} {{stage}} >> {told}'"]
    with scaling(cluster, *options, *(["--dry-run"] if dry else [])) as process:
        assert process.stdout is not None and ": 1 workers" in process.stdout.readline()
        if dry:
            assert ": 2 workers would be asked for" in process.stdout.readline()
        else:
            cluster.until(lambda: told.exists() and len(told.read_text().splitlines()) >= 2, 30)
    cluster.stop()
    assert told.exists() is not dry
    assert dry or told.read_text().splitlines()[:2] == ["1 vectors", "2 vectors"]
