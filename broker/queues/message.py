"""Messages: what a hint says, readable in the console, and the trace that travels with it."""

from __future__ import annotations

from dataclasses import dataclass

from dramatiq import Message

from broker.queues.names import queue_for


@dataclass(frozen=True)
class Hint:
    """A word that work is ready; the numbers are for people, the worker claims what is best."""

    stage: str
    job: int
    batch: int
    chain: int
    round: int = 0
    traceparent: str = ""

    def message(self) -> Message[None]:
        """Return the Dramatiq message of the hint; every actor is named as its stage's queue."""
        queue = queue_for(self.stage, self.round)
        body = {"stage": self.stage, "job": self.job, "batch": self.batch, "chain": self.chain, "round": self.round}
        options = {"trace": {"traceparent": self.traceparent}} if self.traceparent else {}
        return Message(queue_name=queue, actor_name=queue, args=(), kwargs=body, options=options)


def poll_message(queue_name: str) -> Message[None]:
    """Return a message that no server holds: an idle worker's own look into the database."""
    return Message(queue_name=queue_name, actor_name=queue_name, args=(), kwargs={}, options={})
