"""The housekeeper's tasks on their own: retention, archive, metrics, ticks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from broker.artifacts import ArtifactStore, artifact_name, open_artifacts
from broker.jobs import BatchState, JobSpec, Stage, Worker, open_store, status
from broker.queues import EmbeddedBroker
from broker.relay import Relay
from housekeeper.clock import Hints, tick
from housekeeper.metrics import DatabaseCollector
from housekeeper.tasks import Housekeeper
from runtime.pulse import Pulse
from runtime.settings import load_settings


@pytest.fixture
def house(tmp_path: Path) -> Housekeeper:
    settings = load_settings(state_dir=tmp_path, retention_hours=0, archive_days=0, disk_reserve=0)
    store = open_store(settings)
    broker = EmbeddedBroker(lambda queue: False, lambda: 0)
    return Housekeeper(settings, store, open_artifacts(settings), Relay(store, broker), Pulse(), "test")


def proven(house: Housekeeper, number: int = 1) -> tuple[int, str]:
    """A batch whose proof is stored, with the leavings of a lost attempt beside it."""
    store, artifacts = house.store, house.artifacts
    batch, _ = store.create_batch(number, protocol_version="1", jobs=[JobSpec(Stage.PROVE, final=True)])
    held = store.claim([Stage.PROVE], Worker("w"), protocol_versions=["1"])
    assert held is not None
    artifacts.put(artifact_name(batch.id, held.job_id, "lost", "proof"), b"partial")
    artifacts.put(f"gateway/4242/{number}/advice", b"input")
    name = artifacts.put(artifact_name(batch.id, held.job_id, held.token, "proof"), b"proof")
    store.complete(held, name)
    return batch.id, name


def names(store: ArtifactStore) -> list[str]:
    return [name for name, _ in store.names()]


def test_collect_keeps_the_proof_and_spares_what_core_has_not_accepted(house: Housekeeper) -> None:
    batch_id, name = proven(house)
    house.store.add_tick("collect", 0)
    assert house.run_due() == 1 and len(names(house.artifacts)) == 3
    house.store.mark_batch(batch_id, BatchState.ACCEPTED)
    house.store.add_tick("collect", 0)
    house.run_due()
    assert names(house.artifacts) == [name]
    assert house.store.collectable(0) == []


def test_archive_moves_a_batch_into_a_file(house: Housekeeper) -> None:
    batch_id, _ = proven(house)
    house.store.mark_batch(batch_id, BatchState.ACCEPTED)
    house.store.add_tick("archive", 0)
    house.run_due()
    assert status.batches(house.store) == [] and status.jobs(house.store) == [] and status.attempts(house.store) == []
    (path,) = (house.settings.state_dir / "archive").glob("*.json")
    record = json.loads(path.read_text())
    assert record["batch"]["number"] == 1 and record["attempts"][0]["outcome"] == "successful"


def test_metrics_come_from_the_database(house: Housekeeper) -> None:
    proven(house)
    house.store.create_batch(2, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(house.store, house.artifacts, house.settings))
    text = generate_latest(registry).decode()
    for line in (
        'hallmark_jobs{cluster="local",stage="witness",status="queued"} 1.0',
        'hallmark_job_attempts_total{outcome="successful",stage="prove"} 1.0',
        'hallmark_batches{cluster="local",status="proven"} 1.0',
        "hallmark_batch_latency_seconds_count 1.0",
        "hallmark_outbox_pending 1.0",
        "hallmark_dead_jobs 0.0",
        "hallmark_database_up 1.0",
    ):
        assert line in text


def test_two_clocks_send_one_tick(house: Housekeeper) -> None:
    broker = EmbeddedBroker(lambda queue: False, lambda: 0)
    sent = [tick(house.store, Hints(broker), "archive", 3600.0, Pulse()) for _ in range(2)]
    assert sent == [True, False] and house.store.take_ticks("a") == {"archive"}


def test_unknown_ticks_are_left_alone(house: Housekeeper) -> None:
    house.store.add_tick("task of a later release", 0)
    assert house.run_due() == 1
