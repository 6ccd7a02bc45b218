"""How long the platform takes to go on after each fault, with the default settings, on real servers.

``python -m benchmarks.recovery`` prints a table for docs/operations.md. Proofs are timed stand-ins, so that nothing but
the platform is measured.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.figure import Figure, figure
from broker.jobs import JobState, Stage, status
from runtime.settings import Settings
from tests.actors.cluster import Cluster
from tests.actors.conftest import server_variables
from tests.relay import Relay
from tests.servers import shared_postgresql, shared_rabbitmq

#: Seconds that a proof takes, and those for which a service is away.
PROOF, AWAY = 6.0, 5.0
_DEFAULTS = ("lease_seconds", "sweep_seconds", "poll_seconds", "retry_seconds", "announce_seconds")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Workers of every stage on servers, with the settings that operators get."""
    usual = {f"HALLMARK_{name.upper()}": str(Settings.model_fields[name].default) for name in _DEFAULTS}
    with tempfile.TemporaryDirectory() as folder:
        made = Cluster(Path(folder), **server_variables(), **usual)
        try:
            yield made
        finally:
            made.stop()


def since(moment: float) -> float:
    return time.monotonic() - moment


def until_proven(made: Cluster, number: int) -> None:
    made.wait(number, seconds=180)


def killed_worker() -> float:
    """From the kill to the claim of the job by another worker."""
    with cluster() as made:
        (prover,) = made.start_all()
        made.batch(1, segments=1, seconds=PROOF)
        job = made.wait_running(Stage.PROVE)
        prover.kill()
        killed = time.monotonic()
        made.start_prover(1)
        made.until(lambda: status.job(made.store, job).attempts == 2, 60)
        return since(killed)


def lease_recovery() -> list[Figure]:
    """Measure how long a killed worker's job waits for another one's claim."""
    seconds = [killed_worker() for _ in range(3)]
    context = {"runs": [round(each, 1) for each in seconds]}
    return [figure("jobs.lease_recovery", statistics.median(seconds), "s", "lower", context=context)]


def broker_away() -> float:
    """From a batch's arrival, with the broker down, to the claim of its first job."""
    with cluster() as made:
        made.start_all()
        made.batch(1, segments=1)
        until_proven(made, 1)
        shared_rabbitmq().stop()
        try:
            made.batch(2, segments=1, seconds=PROOF)
            created = time.monotonic()
            made.until(
                lambda: any(job.attempts for job in status.jobs(made.store, state=JobState.SUCCESSFUL, batch_id=2)), 60
            )
            return since(created)
        finally:
            shared_rabbitmq().start()


def after_outage(stop: Callable[[], None], start: Callable[[], None]) -> float:
    """From the servers' return to the end of a job that was finished meanwhile and waited to say so."""
    with cluster() as made:
        made.start_all()
        made.batch(1, segments=1, seconds=PROOF / 2)
        job = made.wait_running(Stage.PROVE)
        stop()
        time.sleep(AWAY)
        start()
        back = time.monotonic()
        made.until(lambda: status.job(made.store, job).state is JobState.SUCCESSFUL, 90)
        return since(back)


def network_gone() -> float:
    """From the network's return to a job that the zone which was cut off claims; its connections are forgotten."""
    with cluster() as made, Relay(urlsplit(made.variables["HALLMARK_DATABASE_URL"]).port or 0) as way:
        far = {"HALLMARK_DATABASE_URL": way.through(made.variables["HALLMARK_DATABASE_URL"])}
        for stage in (Stage.WITNESS, Stage.VECTORS):
            made.start("actors.run", "--stage", stage)
        made.start("housekeeper")
        made.start("housekeeper", "clock")
        made.start("actors.run", "--stage", "prove", **far)
        made.batch(1, segments=1)
        until_proven(made, 1)
        way.cut()
        made.batch(2, segments=1, seconds=PROOF)
        time.sleep(AWAY)
        way.heal(forgotten=True)
        back = time.monotonic()
        made.until(
            lambda: bool(status.jobs(made.store, stage=Stage.PROVE, state=JobState.IN_PROGRESS, batch_id=2)), 180
        )
        return since(back)


def main() -> None:
    """Print the table."""
    broker, database = shared_rabbitmq(), shared_postgresql()

    def stop_both() -> None:
        broker.stop()
        database.stop()

    def start_both() -> None:
        database.start()
        broker.start()

    faults: dict[str, Callable[[], float]] = {
        "a worker killed: another one has its job": killed_worker,
        "the broker away: a new batch's first job is done": broker_away,
        f"the database away for {AWAY:.0f} s: a finished job is told": lambda: after_outage(
            database.stop, database.start
        ),
        f"both away for {AWAY:.0f} s: a finished job is told": lambda: after_outage(stop_both, start_both),
        "a zone's way to the database forgotten: it has a job": network_gone,
    }
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("| fault | seconds |\n| --- | --- |")
    for name, measure in faults.items():
        print(f"| {name} | {measure():.1f} |", flush=True)


if __name__ == "__main__":
    main()
