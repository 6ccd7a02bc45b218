"""A batch of one signed transfer goes through every process; the prover is killed in the middle of a proof.

Marked ``long``: ``test_demo.py`` sends a real batch through every process, and ``tests/actors`` kills provers on real
servers in the middle of small stand-ins for proofs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import development
from cli.wallet import transfers
from tests.servers import RabbitMQ, shared_postgresql
from tests.system.pipeline import Pipeline, process_of, running, spans_of

pytestmark = pytest.mark.long


@pytest.fixture
def servers() -> Iterator[dict[str, str]]:
    """Yield URLs of a fresh PostgreSQL database and a RabbitMQ node."""
    rabbitmq = RabbitMQ()
    try:
        yield {"database_url": shared_postgresql().create_database(), "broker_url": rabbitmq.url()}
    finally:
        rabbitmq.stop()
        rabbitmq.remove()


def test_embedded_pipeline_survives_a_killed_prover(tmp_path: Path) -> None:
    with running(tmp_path) as pipeline:
        _prove_a_batch_and_kill_the_prover(pipeline)


def test_pipeline_on_real_servers_survives_a_killed_prover(tmp_path: Path, servers: dict[str, str]) -> None:
    with running(tmp_path, **servers) as pipeline:
        _prove_a_batch_and_kill_the_prover(pipeline)


def _prove_a_batch_and_kill_the_prover(pipeline: Pipeline) -> None:
    for raw in transfers(pipeline.core, 1):
        pipeline.core.send_raw_transaction(raw)
    number = pipeline.core.seal()
    killed = pipeline.kill_at_work(number, "prove")

    assert f"batch {number}: its proof is accepted" in pipeline.hallmark("watch", str(number))
    for part in (development.PRIVATE_KEY, pipeline.environment["HALLMARK_CORE_URL"], "cast send", "hallmark watch"):
        assert part in pipeline.log.read_text()
    ended = pipeline.wait_for_batch(number)
    assert ended["state"] == "accepted", ended

    again = next(job for job in ended["jobs"] if job["id"] == killed["id"])
    last = again["attempts"]
    # On a busy machine the second attempt's lease of three seconds may lapse too.
    assert last >= 2
    assert process_of(again["worker"]) != process_of(killed["worker"])

    trace = spans_of(pipeline, number)
    spans = trace["spans"]
    assert {span["trace_id"] for span in spans} == {trace["trace_id"]}
    processes = {span["resource"]["service.name"] for span in spans}
    expected = {"core", "gateway", "witness", "vectors", "prove", "housekeeper"}
    assert expected <= {name.removeprefix("hallmark-") for name in processes}
    attempts = {
        span["attributes"]["hallmark.attempt"]
        for span in spans
        if span["attributes"].get("hallmark.job") == killed["id"] and "hallmark.attempt" in span["attributes"]
    }
    assert {1, last} <= attempts <= set(range(1, last + 1))
