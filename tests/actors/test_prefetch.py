"""What the next job needs is fetched while one runs: no lease is taken, and nothing is fetched twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.context import WorkerContext
from actors.prefetch import Prefetcher
from broker.artifacts import ArtifactStore, on_host
from broker.artifacts.cache import ArtifactCache
from broker.jobs import JobSpec, JobState, Stage, Worker, open_store, status
from broker.relay import Relay
from runtime.errors import ArtifactMissing
from runtime.settings import Settings
from tests.actors.cluster import Cluster
from tests.broker.faulty_proxy import FaultyProxy
from tests.servers import shared_object_store


@pytest.fixture
def context(tmp_path: Path) -> WorkerContext:
    settings = Settings.of(state_dir=tmp_path, stages="tests.actors.small_stages", disk_reserve=0)
    store = open_store(settings, migrate=True)
    # A folder stands for the network: what matters is that there is a cache before it.
    far = ArtifactStore((tmp_path / "far").as_uri(), cache=ArtifactCache(tmp_path / "cache", 1 << 20))
    local = ArtifactStore((tmp_path / "local").as_uri())
    return WorkerContext(settings, store, far, local, Relay(store, None), Worker("w"))  # type: ignore[arg-type]


def put(context: WorkerContext, name: str, size: int = 10) -> str:
    context.artifacts.put(name, bytes(size))
    return name


def cached(context: WorkerContext) -> set[str]:
    folder = context.settings.state_dir / "cache"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def prove(index: int, name: str) -> JobSpec:
    return JobSpec(Stage.PROVE, circuit_type="arith256", index=index, inputs={"requests": name})


def create(context: WorkerContext, *jobs: JobSpec) -> None:
    context.store.create_batch(1, protocol_version="1", jobs=jobs, key_identity=context.keys)


def test_the_head_of_the_queue_is_fetched_once_and_stays_free(context: WorkerContext) -> None:
    create(context, prove(0, put(context, "a/0")), prove(1, put(context, "a/1")))
    prefetcher = Prefetcher(context, Stage.PROVE)
    assert (prefetcher.look(), prefetcher.look()) == (1, 0)
    assert cached(context) == {"a/0"}
    assert {job.state for job in status.jobs(context.store)} == {JobState.QUEUED}
    context.store.claim([Stage.PROVE], context.worker, protocol_versions=["1"], key_identity=context.keys)
    assert prefetcher.look() == 1
    assert cached(context) == {"a/0", "a/1"}


def test_results_of_jobs_before_it_are_fetched_and_what_one_host_keeps_is_not(context: WorkerContext) -> None:
    made = [JobSpec(Stage.WITNESS, key="w"), JobSpec(Stage.VECTORS, key="v")]
    create(context, *made, JobSpec(Stage.PROVE, round=1, depends_on=["w", "v"]))
    for stage, result in ((Stage.WITNESS, put(context, "a/w")), (Stage.VECTORS, on_host("here", "a/v"))):
        claim = context.store.claim([stage], context.worker, protocol_versions=["1"])
        assert claim is not None
        context.store.complete(claim, result)
    assert Prefetcher(context, Stage.PROVE).look() == 1
    assert cached(context) == {"a/w"}


def test_what_claims_would_not_give_is_not_fetched(context: WorkerContext) -> None:
    create(context, JobSpec(Stage.PROVE, device="cuda", inputs={"requests": put(context, "a/0")}))
    assert Prefetcher(context, Stage.PROVE).look() == 0


def test_a_loaded_key_is_looked_for_as_a_claim_does(context: WorkerContext) -> None:
    other = JobSpec(Stage.PROVE, circuit_type="keccak", index=1, inputs={"requests": put(context, "a/1")})
    create(context, prove(0, put(context, "a/0")), other)
    context.loaded = "keccak"
    Prefetcher(context, Stage.PROVE).look()
    assert cached(context) == {"a/1"}


def test_what_the_cache_may_not_hold_or_the_store_lacks_is_said(context: WorkerContext) -> None:
    create(context, prove(0, "a/0"))
    prefetcher = Prefetcher(context, Stage.PROVE)
    with pytest.raises(ArtifactMissing):
        prefetcher.look()
    put(context, "a/0", 10)
    assert prefetcher.look() == 1


def test_a_prover_finds_its_next_job_fetched_from_a_far_store(tmp_path: Path) -> None:
    server = shared_object_store()
    with FaultyProxy(server.port) as proxy:
        cluster = Cluster(tmp_path, **server.variables(proxy.endpoint))
        try:
            protocol = cluster.settings.protocol_version
            specs = []
            for index in range(2):
                payload = b'{"segments": 1, "index": %d, "seconds": 1.5}' % index
                name = cluster.artifacts.save(f"gateway/1/{index}", "requests", payload, protocol=protocol)
                specs.append(prove(index, name))
            # Written by another host: nothing of it is in this one's cache.
            for path in (tmp_path / "state" / "cache").rglob("*"):
                if path.is_file():
                    path.unlink()
            proxy.seen.clear()
            cluster.store.create_batch(1, protocol_version=protocol, jobs=specs)
            prover = cluster.start("actors.run", "--stage", "prove")
            cluster.until(lambda: all(job.state == JobState.SUCCESSFUL for job in status.jobs(cluster.store)), 30)
            assert prover.poll() is None
            order = [path.rpartition("/")[2] if method == "GET" else "stored" for method, path in proxy.seen]
            assert order.index("1") < order.index("stored"), order
            assert sorted(each for each in order if each != "stored") == ["0", "1"]
        finally:
            cluster.stop()
