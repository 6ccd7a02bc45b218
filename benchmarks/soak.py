"""A soak: batches through real processes and servers while something is killed every few seconds.

``python -m benchmarks.soak --batches 50`` ends with 0 when nothing was lost and nothing was stored twice. Proofs are
*timed stand-ins* (``tests/actors/small_stages.py``): what is tried is everything around the prover. PostgreSQL and
RabbitMQ are real and killed with SIGKILL, and so are workers, housekeeper, clock and gateway. The S3 server keeps its
objects in memory, so the way to it is killed in its place: a process through which all connections go. Core is a
stand-in, because the real one refuses stand-ins for proofs.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker.artifacts import is_shared
from broker.jobs import BatchState, JobState, Outcome, status
from runtime import artifact
from runtime.errors import HallmarkError
from tests.actors.cluster import PROGRAM, Cluster
from tests.actors.small_stages import expected
from tests.core.stand_in_core import StandInCore
from tests.servers import ObjectStore, PostgreSQL, RabbitMQ, Server, free_port

#: What is killed, each as likely as its weight.
KINDS: Mapping[str, int] = {
    "worker": 10,
    "gateway": 4,
    "housekeeper": 2,
    "clock": 1,
    "storage": 3,
    "database": 3,
    "broker": 1,
}
#: Processes by the name under which they are killed.
PROCESSES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "worker": tuple(
        ("actors.run", "--stage", stage) for stage in ("witness", "vectors", "vectors", "prove", "prove", "compress")
    ),
    "gateway": (("gateway",),),
    "housekeeper": (("housekeeper",),),
    "clock": (("housekeeper", "clock"),),
}
#: Seconds that a killed server stays away.
AWAY_SECONDS = (0.5, 3.0)
#: Seconds before a process that ended is started again, as a supervisor does.
RESTART_SECONDS = 0.3


@dataclass
class Report:
    """What a soak met, and what was wrong at its end."""

    batches: int
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    artifacts: int = 0
    repeated_submissions: int = 0
    wrong: list[str] = field(default_factory=list)


class Soak:
    """Servers, processes, and whoever kills them.

    Parameters
    ----------
    postgresql, rabbitmq, objects
        The first two are killed and started again, and the way to the third.
    """

    def __init__(self, folder: Path, postgresql: PostgreSQL, rabbitmq: RabbitMQ, objects: ObjectStore) -> None:
        self.postgresql, self.rabbitmq = postgresql, rabbitmq
        self.core = StandInCore(PROGRAM)
        self._storage_port, self._objects = free_port(), objects
        self._storage = self._forward()
        self.cluster = Cluster(
            folder,
            HALLMARK_DATABASE_URL=postgresql.create_database(),
            HALLMARK_BROKER_URL=rabbitmq.url(),
            HALLMARK_CORE_URL=self.core.url,
            HALLMARK_GATEWAY_PORT="0",
            HALLMARK_GATEWAY_RENEW_SECONDS="3",
            **objects.variables(f"http://127.0.0.1:{self._storage_port}"),
        )
        self.report = Report(0)
        self._advice: dict[int, bytes] = {}
        self._running: list[tuple[str, tuple[str, ...], subprocess.Popen[bytes], float]] = []
        for kind, commands in PROCESSES.items():
            for command in commands:
                self._start(kind, command)

    def run(
        self, batches: int, *, kill: Callable[[], None], segments: Sequence[int], proof: float, seconds: float
    ) -> Report:
        """Offer batches, call ``kill`` again and again until core has a proof of each, and look at what is there.

        Parameters
        ----------
        segments
            Segments of the batches, in turn.
        proof, seconds
            Seconds of a segment's proof (one of a later round takes a quarter), and after which all is given up.
        """
        started = time.monotonic()
        self.report.batches = batches
        for number in range(1, batches + 1):
            wanted = segments[number % len(segments)]
            self._advice[number] = self.core.add(number, segments=wanted, seconds=proof, later_seconds=proof / 4)
        while len(self.core.accepted) < batches:
            if time.monotonic() - started > seconds:
                self.report.wrong.append(f"{batches - len(self.core.accepted)} batches were not proven in {seconds} s")
                break
            self._start_again()
            kill()
            time.sleep(0.05)
        self.report.seconds = time.monotonic() - started
        self._check(started + seconds)
        return self.report

    def kill(self, kind: str, chance: random.Random) -> None:
        """Kill one thing; a server comes back after a while, a process when a supervisor would start it."""
        self.report.kills[kind] += 1
        if kind in PROCESSES:
            alive = [process for name, _, process, _ in self._running if name == kind and process.poll() is None]
            if alive:
                chance.choice(alive).send_signal(signal.SIGKILL)
            return
        away = chance.uniform(*AWAY_SECONDS)
        if kind == "storage":
            self._storage.kill()
            self._storage.wait()
            time.sleep(away)
            self._storage = self._forward()
            return
        server: Server = self.postgresql if kind == "database" else self.rabbitmq
        server.kill(signal.SIGKILL)
        if kind == "broker":
            self.rabbitmq.stop()
        time.sleep(away)
        self.postgresql.start() if kind == "database" else self.rabbitmq.start()

    def close(self) -> None:
        """Stop what runs; the servers are the caller's."""
        self.cluster.stop()
        self.core.close()
        self._storage.kill()
        self._storage.wait()

    def _forward(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.forwarder", str(self._storage_port), str(self._objects.port)]
        return subprocess.Popen(command, cwd=Path(__file__).parents[1])

    def _start(self, kind: str, command: tuple[str, ...]) -> None:
        self._running.append((kind, command, self.cluster.start(*command), time.monotonic()))

    def _start_again(self) -> None:
        for entry in list(self._running):
            kind, command, process, since = entry
            if process.poll() is not None and time.monotonic() - since > RESTART_SECONDS:
                self._running.remove(entry)
                self.cluster.processes.remove(process)
                self._start(kind, command)

    def _check(self, deadline: float) -> None:
        """Hold core, job store and artifact store against each other and against what must be there."""
        report, store = self.report, self.cluster.store
        for number, advice in self._advice.items():
            proofs = self.core.accepted.get(number, [])
            if proofs != [expected(PROGRAM, advice)]:
                report.wrong.append(f"batch {number}: core has {len(proofs)} proofs, or another one than it must be")
        # The gateway may have been killed between core's answer and its own note of it.
        while self._open() and time.monotonic() < deadline:
            self._start_again()
            time.sleep(0.1)
        if left := self._open():
            report.wrong.append(f"batches {left} are not accepted in the job store")
        places: Counter[tuple[Any, ...]] = Counter()
        results: Counter[str] = Counter()
        for job in status.jobs(store, limit=1 << 20):
            attempts = status.attempts(store, job_id=job.id)
            report.jobs += 1
            report.attempts.update(str(attempt.outcome) for attempt in attempts)
            places[job.batch_id, job.stage, job.round, job.depth, job.circuit_type, job.index] += 1
            good = [attempt for attempt in attempts if attempt.outcome == Outcome.SUCCESSFUL]
            if job.state is not JobState.SUCCESSFUL or len(good) != 1:
                report.wrong.append(f"job {job.id} is {job.state} with {len(good)} successful attempts")
                continue
            results[job.result] += 1
        for batch in status.batches(store, limit=1 << 20):
            self._check_artifacts(batch.id)
        report.wrong += [f"{count} jobs at {place}" for place, count in places.items() if count > 1]
        report.wrong += [f"{count} jobs name {name}" for name, count in results.items() if count > 1]
        report.repeated_submissions = self.core.repeated

    def _check_artifacts(self, batch_id: int) -> None:
        for name in status.artifacts_of(self.cluster.store, batch_id):
            if is_shared(name):
                self.report.artifacts += 1
                try:
                    artifact.unpack(self.cluster.artifacts.get(name))
                except HallmarkError as error:
                    self.report.wrong.append(f"{name}: {error}")

    def _open(self) -> list[int]:
        try:
            batches = status.batches(self.cluster.store, limit=1 << 20)
        except HallmarkError:
            return [0]
        return [batch.number for batch in batches if batch.state is not BatchState.ACCEPTED]


def by_chance(soak: Soak, chance: random.Random, *, every: tuple[float, float] = (1.0, 4.0)) -> Callable[[], None]:
    """Return what kills something each time that a few seconds have passed."""
    due = time.monotonic() + chance.uniform(*every)

    def kill() -> None:
        nonlocal due
        if time.monotonic() >= due:
            soak.kill(chance.choices(list(KINDS), list(KINDS.values()))[0], chance)
            due = time.monotonic() + chance.uniform(*every)

    return kill


def main() -> int:
    """Run a soak and print what it met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--proof", type=float, default=2.0, help="seconds of a segment's stand-in proof")
    parser.add_argument("--seconds", type=float, default=1800.0, help="when to give up")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    servers = (PostgreSQL(), RabbitMQ(), ObjectStore())
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), *servers)
        try:
            report = soak.run(
                given.batches,
                kill=by_chance(soak, chance),
                segments=(1, 2, 3, 5),
                proof=given.proof,
                seconds=given.seconds,
            )
        finally:
            soak.close()
            servers[1].stop()
            for server in servers:
                server.kill()
                server.remove()
    print(json.dumps({**vars(report), "proofs": "timed stand-ins", "seed": given.seed}, indent=2))
    return int(bool(report.wrong))


if __name__ == "__main__":
    sys.exit(main())
