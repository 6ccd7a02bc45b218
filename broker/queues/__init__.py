"""Queues: how workers are woken. A message is a hint; losing or repeating one changes nothing but time."""

from __future__ import annotations

from broker.queues.embedded import EmbeddedBroker
from broker.queues.message import Hint
from broker.queues.middleware import standard_middleware
from broker.queues.names import HOUSEKEEPING, QUEUES, is_recursive, queue_for, queues_of
from broker.queues.rabbit import RabbitBroker

__all__ = [
    "HOUSEKEEPING",
    "QUEUES",
    "EmbeddedBroker",
    "Hint",
    "RabbitBroker",
    "is_recursive",
    "queue_for",
    "queues_of",
    "standard_middleware",
]
