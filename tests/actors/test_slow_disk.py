"""A disk that takes its time for everything that is written, shown to the processes by a library of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.jobs import Outcome, Stage, status
from tests.actors.cluster import Cluster
from tests.actors.test_pipeline import finish
from tests.preload import preloaded

#: Writes to files below a folder, and every write that must reach the disk, take that much longer.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void pause_for(const char *name) { usleep((useconds_t)atoi(getenv(name))); }

static void pause_below(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  const char *folder = getenv("SLOW_FOLDER");
  if (!strncmp(path, folder, strlen(folder))) pause_for("SLOW_WRITE");
}

int fsync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  pause_for("SLOW_SYNC");
  return next(file);
}

int fdatasync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  pause_for("SLOW_SYNC");
  return next(file);
}

ssize_t write(int file, const void *data, size_t size) {
  ssize_t (*next)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  pause_below(file);
  return next(file, data, size);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  ssize_t (*next)(int, const void *, size_t, off64_t) =
      (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  pause_below(file);
  return next(file, data, size, at);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) { return pwrite64(file, data, size, at); }
"""


@pytest.mark.long
def test_a_slow_disk_costs_time_and_no_attempt_and_is_told(tmp_path: Path) -> None:
    slow = {
        "SLOW_FOLDER": str(tmp_path / "state"),
        "SLOW_WRITE": "50000",
        "SLOW_SYNC": "500000",
        "HALLMARK_LEASE_SECONDS": "3",
    }
    cluster = Cluster(tmp_path, **slow)
    cluster.variables |= preloaded(SHIM, tmp_path)
    try:
        cluster.start_all()
        cluster.batch(1, segments=2, seconds=6)
        cluster.wait_running(Stage.PROVE, 40)
        finish(cluster, 1, seconds=200)
        attempts = status.attempts(cluster.store)
        assert {attempt.outcome for attempt in attempts} == {Outcome.SUCCESSFUL}
        assert all(job.attempts == 1 for job in status.jobs(cluster.store))
        assert '"renewing took long: the database or its disk is slow"' in cluster.log()
    finally:
        cluster.stop()
