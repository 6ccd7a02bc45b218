"""How long a prover does nothing between two jobs when the store is 100 ms away, with and without fetching ahead.

``python -m benchmarks.prefetch`` prints both. Proofs are timed stand-ins, so that nothing but the platform is measured;
without a cache nothing can be fetched ahead.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from broker.jobs import JobSpec, JobState, Stage, status
from tests.actors.cluster import Cluster
from tests.broker.faulty_proxy import FaultyProxy
from tests.servers import shared_object_store

#: Seconds that each request to the store waits, seconds of a proof, and how many are made.
DELAY, PROOF, JOBS = 0.1, 0.5, 12
#: Bytes of what a proof is made from.
PAYLOAD = 1 << 20


def idle_seconds(**variables: str) -> float:
    """Return the mean time between the end of a proof and the start of the next one of the same worker."""
    server = shared_object_store()
    with tempfile.TemporaryDirectory() as folder, FaultyProxy(server.port) as proxy:
        cluster = Cluster(Path(folder), **server.variables(proxy.endpoint), **variables)
        try:
            protocol, jobs = cluster.settings.protocol_version, []
            for index in range(JOBS):
                wanted = {"index": index, "segments": 1, "seconds": PROOF, "padding": "0" * PAYLOAD}
                name = cluster.artifacts.save(
                    f"gateway/1/{index}", "requests", json.dumps(wanted).encode(), protocol=protocol
                )
                jobs.append(JobSpec(Stage.PROVE, circuit_type="arith256", index=index, inputs={"requests": name}))
            # Made on another host, so that this one has no copies.
            for path in (Path(folder) / "state" / "cache").rglob("*"):
                if path.is_file():
                    path.unlink()
            proxy.delay = DELAY
            cluster.store.create_batch(1, protocol_version=protocol, jobs=jobs)
            cluster.start("actors.run", "--stage", "prove")
            cluster.until(lambda: all(job.state == JobState.SUCCESSFUL for job in status.jobs(cluster.store)), 120)
            attempts = status.attempts(cluster.store)
            ended = max(float(each.ended_at or 0) for each in attempts)
            # The last job is followed by none; each attempt holds one proof.
            first = attempts[0].ended_at or 0.0
            return (ended - first) / (JOBS - 1) - PROOF
        finally:
            cluster.stop()


def main() -> None:
    """Measure and print."""
    print(f"store {DELAY * 1000:.0f} ms away, {JOBS} proofs of {PROOF} s, inputs of {PAYLOAD >> 20} MiB")
    print(
        f"nothing fetched ahead (HALLMARK_STORE_CACHE=0): {idle_seconds(HALLMARK_STORE_CACHE='0') * 1000:.0f} ms idle"
    )
    print(f"fetched ahead: {idle_seconds() * 1000:.0f} ms idle")


if __name__ == "__main__":
    main()
