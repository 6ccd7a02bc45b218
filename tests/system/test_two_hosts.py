"""One batch proven by two groups of workers that share PostgreSQL, RabbitMQ and an S3 server, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.jobs import open_store, status
from cli.wallet import transfers
from proving.keys import keystore
from runtime.settings import Settings
from tests.servers import ObjectStore, RabbitMQ, shared_postgresql
from tests.system.pipeline import running, started

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture
def services() -> Iterator[dict[str, str]]:
    """Yield settings that name a fresh database, a broker and a bucket."""
    rabbitmq, objects = RabbitMQ(), ObjectStore()
    store = {name.removeprefix("HALLMARK_").lower(): value for name, value in objects.variables().items()}
    try:
        yield {"database_url": shared_postgresql().create_database(), "broker_url": rabbitmq.url(), **store}
    finally:
        for server in (rabbitmq, objects):
            server.kill()
            server.remove()
        rabbitmq.stop()


def host(folder: Path) -> dict[str, str]:
    """A host's own folders: its keys are copies, made here where there are none."""
    keys = folder / "keys"
    if keystore.DEFAULT.is_dir():
        shutil.copytree(keystore.DEFAULT, keys, copy_function=os.link)
    (folder / "tmp").mkdir(parents=True)
    return {"key_dir": str(keys), "zone": folder.name, "threads": "1"}


def test_two_hosts_prove_one_batch(tmp_path: Path, services: dict[str, str]) -> None:
    east, west = tmp_path / "east", tmp_path / "west"
    own = {folder: {**host(folder), **services} for folder in (east, west)}
    # Each has what the other lacks, so that nothing is proven without both.
    with (
        running(east, "--only", "core,gateway,witness,prove,housekeeper,clock", **own[east]) as pipeline,
        started(west, "--only", "vectors,prove,compress", **own[west]),
    ):
        for raw in transfers(pipeline.core, 1):
            pipeline.core.send_raw_transaction(raw)
        ended = pipeline.wait_for_batch(pipeline.core.seal(), seconds=1500)
        assert ended["state"] == "accepted", ended
        store = open_store(Settings.of(state_dir=tmp_path / "reader", **services))
        zones = defaultdict(set)
        for job in ended["jobs"]:
            for attempt in status.attempts(store, job_id=job["id"]):
                assert attempt.outcome == "successful", attempt
                zones[job["stage"]].add(attempt.zone)
    assert zones["witness"] == {"east"} and zones["vectors"] == {"west"}
    assert zones["prove"] == {"east", "west"}, "each proved what the other had prepared"
    assert not (east / "state" / "artifacts").exists() and not (west / "state" / "artifacts").exists()
    assert (west / "state" / "cache" / "batches").is_dir() and not (west / "state" / "hallmark.db").exists()
