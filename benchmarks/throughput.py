"""How many jobs the store hands out and takes back, and how fast at ten million rows; nothing is proven.

Each worker is a process that claims and completes as the real ones do, one job at a time, each step a durable
transaction. ``python -m benchmarks.throughput URL`` is one of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, figure
from benchmarks.jobs import fill
from broker.jobs import JobDatabase, JobSpec, JobStore, Stage, schema
from broker.jobs.records import Worker
from tests.servers import PostgreSQL

#: Jobs of one batch, as many as a long batch has segments, and batches.
_JOBS, _BATCHES = 100, 40
_CLAIMS: Final = 200
ROWS: Final = 10_000_000
#: Below the checkout, as the state of an installation is: the disk that is measured.
_FOLDER = Path(__file__).parent.parent / ".hallmark"


def postgresql() -> list[Figure]:
    """Measure four processes on PostgreSQL."""
    with _server() as server:
        return [_throughput("jobs.throughput_postgres", server.create_database(), processes=4)]


def sqlite() -> list[Figure]:
    """Measure one process on SQLite."""
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        return [_throughput("jobs.throughput_sqlite", f"sqlite:///{folder}/jobs.db", processes=1)]


def claim(rows: int = ROWS) -> list[Figure]:
    """Measure claims at ten million rows, of which seven are queued, on PostgreSQL; takes minutes to prepare."""
    with _server() as server:
        store = _store(server.create_database())
        start = time.perf_counter()
        fill(store, rows)
        filled = time.perf_counter() - start
        times = []
        for _ in range(_CLAIMS):
            start = time.perf_counter()
            taken = store.claim([Stage.PROVE], Worker("benchmark"), protocol_versions=["1"])
            times.append(1000 * (time.perf_counter() - start))
            assert taken is not None
        store.database.close()
    context = {"rows": rows, "slowest": round(max(times), 2), "fill_seconds": round(filled)}
    return [figure("jobs.claim_10m", statistics.median(times), "ms", "lower", context=context)]


def work(url: str) -> None:
    """Claim and complete until nothing is left; starts when a line comes in, so that all start together."""
    store = JobStore(JobDatabase(url))
    worker = Worker(f"worker-{time.monotonic_ns()}")
    assert not store.ready([Stage.VECTORS], protocol_versions=["1"]), "the connection is open before the clock starts"
    print("ready", flush=True)
    sys.stdin.readline()
    done = 0
    while (taken := store.claim([Stage.PROVE], worker, protocol_versions=["1"])) is not None:
        store.complete(taken, f"proofs/{taken.job_id}")
        done += 1
    print(done, flush=True)


def _throughput(name: str, url: str, processes: int) -> Figure:
    store = _store(url)
    for number in range(1, _BATCHES + 1):
        jobs = [JobSpec(Stage.PROVE, index=index, final=index == _JOBS - 1) for index in range(_JOBS)]
        store.create_batch(number, protocol_version="1", jobs=jobs)
    store.database.close()
    command = [sys.executable, "-m", "benchmarks.throughput", url]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    try:
        for each in workers:
            assert each.stdout is not None and each.stdout.readline() == "ready\n"
        start = time.perf_counter()
        done = [int(each.communicate(timeout=600)[0]) for each in _told(workers)]
        seconds = time.perf_counter() - start
    finally:
        for each in workers:
            each.kill()
    assert sum(done) == _JOBS * _BATCHES, "each job once"
    context = {"jobs": sum(done), "processes": processes, "of_each": done, "seconds": round(seconds, 2)}
    return figure(name, sum(done) / seconds, "jobs/s", "higher", context=context)


def _told(workers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all of them begin before the first one is waited for."""
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    return workers


def _store(url: str) -> JobStore:
    store = JobStore(JobDatabase(url))
    schema.migrate(store.database)
    return store


@contextmanager
def _server() -> Iterator[PostgreSQL]:
    server = PostgreSQL(durable=True)
    try:
        yield server
    finally:
        server.stop()
        server.remove()


if __name__ == "__main__":
    work(sys.argv[1])
