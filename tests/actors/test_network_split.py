"""Two zones, and the network between them gone: what one zone did alone is not stored, and nothing is lost."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from broker.jobs import JobState, Outcome, status
from tests.actors.cluster import Cluster
from tests.actors.conftest import server_variables
from tests.actors.test_pipeline import finish
from tests.namespace import Namespace
from tests.relay import Relay
from tests.servers import shared_object_store

#: Longest time from the network's return to a proof by the zone that was cut off: what is connecting waits 10 s for an
#: answer that never comes, and pauses before it tries again.
RECOVERY_SECONDS = 45.0

SERVERS = {
    "database": "HALLMARK_DATABASE_URL",
    "broker": "HALLMARK_BROKER_URL",
    "store": "HALLMARK_STORE_ENDPOINT",
}


@dataclass
class Zones:
    """Zone `near` has the servers; zone `far` reaches them through ways that can be cut."""

    cluster: Cluster
    ways: dict[str, Relay]
    far: dict[str, str]
    within: Sequence[str]

    def start_far_prover(self) -> subprocess.Popen[bytes]:
        arguments = ("actors.run", "--stage", "prove")
        return self.cluster.start(*arguments, within=self.within, HALLMARK_PROCESS="prove.far", **self.far)

    def far_jobs(self) -> list[int]:
        """Jobs that the far zone holds, as the database has it."""
        held = [each for each in status.attempts(self.cluster.store) if each.ended_at is None and each.zone == "far"]
        return [each.job_id for each in held]


@contextmanager
def two_zones(folder: Path, host: str = "127.0.0.1", within: Sequence[str] = (), options: str = "") -> Iterator[Zones]:
    """Start nothing yet; ``options`` are of the far zone's connections to the database."""
    near = {**server_variables(), **shared_object_store().variables(), "HALLMARK_ZONE": "near"}
    with ExitStack() as stack:
        ways = {
            name: stack.enter_context(Relay(urlsplit(near[variable]).port or 0, host))
            for name, variable in SERVERS.items()
        }
        far = {variable: ways[name].through(near[variable]) for name, variable in SERVERS.items()}
        far["HALLMARK_DATABASE_URL"] += options
        cluster = Cluster(folder, **near)
        try:
            yield Zones(
                cluster, ways, {**far, "HALLMARK_ZONE": "far", "HALLMARK_STATE_DIR": str(folder / "far")}, within
            )
        finally:
            cluster.stop()


@contextmanager
def cut_off(zones: Zones, marks: Path) -> Iterator[None]:
    """Let both zones prove a batch; the block cuts one off, and restores it as it ends, while the other goes on alone.

    The far zone ends its proof and cannot say so; its lease runs out and the near zone does the job. Afterwards the far
    zone finds its lease lost, goes on as the process that it was, and proves the next batch alone.
    """
    cluster = zones.cluster
    (near,) = cluster.start_all()
    far = zones.start_far_prover()
    cluster.batch(1, segments=4, seconds=3, marks=str(marks))
    cluster.until(lambda: bool(zones.far_jobs()), 20)
    (taken,) = zones.far_jobs()
    yield
    healed = time.monotonic()
    batch = status.batch(cluster.store, 1)
    lost, done = status.attempts(cluster.store, job_id=taken)
    assert (lost.zone, lost.outcome) == ("far", Outcome.LOST)
    assert (done.zone, done.outcome) == ("near", Outcome.SUCCESSFUL)
    near.terminate()
    cluster.batch(2, segments=2, seconds=0.1)
    finish(cluster, 2, seconds=RECOVERY_SECONDS)
    print(f"from the network's return to a proof by the zone that was cut off: {time.monotonic() - healed:.1f} s")
    # The far zone may still wait for the store to take what it made under the lost lease.
    cluster.until(lambda: '"code": "lease_lost"' in cluster.log(), RECOVERY_SECONDS)
    assert far.poll() is None
    stored = Counter(each.job_id for each in status.attempts(cluster.store) if each.outcome == Outcome.SUCCESSFUL)
    assert set(stored.values()) == {1}
    assert {job.state for job in status.jobs(cluster.store)} == {JobState.SUCCESSFUL}
    assert status.batch(cluster.store, 1).result == batch.result


@pytest.mark.long
@pytest.mark.parametrize("cut", [("database",), tuple(SERVERS)], ids=["database", "everything"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["delayed", "forgotten"])
def test_a_zone_behind_a_silent_way_loses_its_leases_and_comes_back(
    tmp_path: Path, cut: tuple[str, ...], forgotten: bool
) -> None:
    with two_zones(tmp_path) as zones:
        zones.far["HALLMARK_DATABASE_ANSWER_SECONDS"] = "2"
        with cut_off(zones, tmp_path / "marks"):
            for name in cut:
                zones.ways[name].cut()
            finish(zones.cluster, 1, seconds=60)
            for name in cut:
                zones.ways[name].heal(forgotten=forgotten)


@pytest.mark.long
def test_a_zone_whose_network_is_gone_loses_its_leases_and_comes_back(tmp_path: Path) -> None:
    """Packets are lost, so the kernel finds out, long before `HALLMARK_DATABASE_ANSWER_SECONDS`."""
    options = "?keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000"
    with (
        Namespace() as namespace,
        two_zones(tmp_path, namespace.host, namespace.within, options) as zones,
        cut_off(zones, tmp_path / "marks"),
    ):
        namespace.cut()
        finish(zones.cluster, 1, seconds=60)
        namespace.heal()
