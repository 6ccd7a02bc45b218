"""A batch of more than a hundred real segments goes through every depth of the nodes; a prover is killed in one.

Marked ``long``: each run takes two cores for six to eight minutes. ``make test-long`` runs it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.wallet import transfers
from proving.stages.rounds import Round
from tests.servers import RabbitMQ, shared_postgresql
from tests.system.pipeline import Pipeline, process_of, running

#: log2 of the cycles of a segment: with six transfers, more than a hundred segments and seven depths of nodes.
SIZE_CLASS = "14"
TRANSFERS = 6
SECONDS = 3000.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(2 * SECONDS)]


@pytest.fixture
def servers() -> Iterator[dict[str, str]]:
    """Yield URLs of a fresh PostgreSQL database and a RabbitMQ node."""
    rabbitmq = RabbitMQ()
    try:
        yield {"database_url": shared_postgresql().create_database(), "broker_url": rabbitmq.url()}
    finally:
        rabbitmq.stop()
        rabbitmq.remove()


def test_long_batch_on_the_embedded_pipeline(tmp_path: Path) -> None:
    with running(tmp_path, size_class=SIZE_CLASS) as pipeline:
        _prove(pipeline)


def test_long_batch_on_real_servers(tmp_path: Path, servers: dict[str, str]) -> None:
    with running(tmp_path, size_class=SIZE_CLASS, **servers) as pipeline:
        _prove(pipeline)


def _prove(pipeline: Pipeline) -> None:
    for raw in transfers(pipeline.core, TRANSFERS):
        pipeline.core.send_raw_transaction(raw)
    number = pipeline.core.seal()
    killed = _node_being_proven(pipeline, number)
    os.kill(process_of(killed["worker"]), signal.SIGKILL)

    ended = pipeline.wait_for_batch(number, seconds=SECONDS)
    assert ended["state"] == "accepted", ended["error"]
    again = next(job for job in ended["jobs"] if job["id"] == killed["id"])
    assert again["attempts"] >= 2

    proofs = [job for job in ended["jobs"] if job["stage"] == "prove"]
    by_round = {each: [job for job in proofs if job["round"] == each] for each in Round}
    segments = len(by_round[Round.BASIC])
    assert segments >= 100
    assert len(by_round[Round.LEAF]) == segments
    assert len(by_round[Round.NODE]) == segments - 1
    assert max(job["depth"] for job in by_round[Round.NODE]) >= 7
    assert len(by_round[Round.TIP]) == len(by_round[Round.SCHEDULER]) == 1


def _node_being_proven(pipeline: Pipeline, number: int) -> dict[str, Any]:
    """Wait until a node's proof is being made and return its job."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        known = {each["number"] for each in json.loads(pipeline.hallmark("status", "--json"))["batches"]}
        for job in pipeline.status(number)["jobs"] if number in known else ():
            if (job["stage"], job["round"], job["state"]) == ("prove", Round.NODE, "in_progress"):
                found: dict[str, Any] = job
                return found
        time.sleep(0.5)
    raise AssertionError(f"no node of batch {number} was proven:\n{pipeline.log.read_text()[-8000:]}")
