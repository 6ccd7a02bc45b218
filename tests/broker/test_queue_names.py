"""Every stage and round is announced on a queue, and whoever works on a stage consumes all of its queues."""

from __future__ import annotations

from broker.jobs import Stage
from broker.queues import QUEUES, is_recursive, queue_for, queues_of


def test_every_round_of_a_stage_is_announced_where_its_workers_listen() -> None:
    for stage in Stage:
        for round_ in range(5):
            queue = queue_for(stage, round_)
            assert queue in queues_of(stage) and queue in QUEUES
            assert is_recursive(queue) in (None, round_ > 0)


def test_recursive_witnesses_have_a_queue_of_their_own() -> None:
    assert queues_of(Stage.WITNESS) == ("witness.basic", "witness.recursive")
    assert [is_recursive(queue) for queue in queues_of(Stage.WITNESS)] == [False, True]
