"""A worker whose host has a wrong clock, shown to the process by a library of the test's own."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from actors.attempt import Result, Work, run_one
from actors.clock import ClockWatch
from actors.context import WorkerContext
from broker.jobs import JobSpec, Stage, status
from broker.jobs.overview import workers
from tests.actors.cluster import Cluster
from tests.actors.test_lease import context as context
from tests.actors.test_pipeline import finish
from tests.preload import preloaded

#: The clock of the wall as the kernel has it, plus the seconds that a file holds now.
SHIM = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
  long seconds = 0;
  FILE *file = fopen(getenv("WRONG_CLOCK"), "r");
  if (file) {
    if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
    fclose(file);
  }
  return seconds;
}

int clock_gettime(clockid_t id, struct timespec *told) {
  int result = (int)syscall(SYS_clock_gettime, id, told);
  if (id == CLOCK_REALTIME) told->tv_sec += offset();
  return result;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  told->tv_sec = now.tv_sec;
  told->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *told) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (told) *told = now.tv_sec;
  return now.tv_sec;
}
"""
HOUR = 3600


@pytest.fixture
def wrong_clock(tmp_path: Path) -> dict[str, str]:
    """Variables under which a process reads the clock that `tmp_path/clock` makes wrong."""
    return {**preloaded(SHIM, tmp_path), "WRONG_CLOCK": str(tmp_path / "clock")}


def test_a_wrong_clock_is_a_field_of_the_worker_while_it_holds_a_job_and_after(
    context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)], key_identity=context.keys)
    watch = ClockWatch(context.store)
    shown: list[tuple[str, str]] = []

    def body(work: Work) -> Result:
        for ahead in (90.0, 1.0, -3600.0):
            work.progress(0.5, "prove")
            monkeypatch.setattr("actors.clock.now", lambda store, ahead=ahead: time.time() - ahead)
            watch.look()
            context.worker = replace(context.worker, clock_skew=watch.skew)
            # Longer than a third of the lease.
            time.sleep(0.5)
            [worker] = workers(context.store)
            shown.append((worker.clock, worker.held[0].progress_note))
        return Result("proof", b"done")

    run_one(context, Stage.PROVE, body)
    assert shown == [("+90 s", "prove"), ("+1.0 s", "prove"), ("-3600 s", "prove")]
    [worker] = workers(context.store)
    assert worker.held == () and worker.clock == "-3600 s"


@pytest.mark.long
def test_a_worker_whose_clock_is_wrong_and_jumps_keeps_its_leases_and_is_named(
    on_servers: Cluster, wrong_clock: dict[str, str], tmp_path: Path
) -> None:
    def set_clock(seconds: int) -> None:
        (tmp_path / "new").write_text(str(seconds))
        (tmp_path / "new").rename(tmp_path / "clock")

    set_clock(3 * HOUR)
    for stage in (Stage.WITNESS, Stage.VECTORS):
        on_servers.start("actors.run", "--stage", stage)
    on_servers.start("housekeeper")
    on_servers.start("housekeeper", "clock")
    on_servers.start("actors.run", "--stage", "prove", **wrong_clock)
    on_servers.until(lambda: '"this host\'s clock is wrong"' in on_servers.log(), 20)
    # Three times as long as a lease, which is told by another clock.
    on_servers.batch(1, segments=1, seconds=6)
    on_servers.wait_running(Stage.PROVE)
    set_clock(-5 * HOUR)
    finish(on_servers, 1)
    assert [attempt.number for attempt in status.attempts(on_servers.store)] == [1] * len(status.jobs(on_servers.store))
    set_clock(0)
    on_servers.until(lambda: '"this host\'s clock is right again"' in on_servers.log(), 20)
    told = [
        float(each)
        for each in re.findall(r'"seconds": (-?[0-9.]+), "event": "this host.s clock is wrong"', on_servers.log())
    ]
    assert told and abs(told[0] - 3 * HOUR) < 2
