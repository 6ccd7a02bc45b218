"""The queues: their names, and which stage and round is announced on which."""

from __future__ import annotations

WITNESS_BASIC = "witness.basic"
WITNESS_RECURSIVE = "witness.recursive"
VECTORS = "vectors"
PROVE = "prove"
COMPRESS = "compress"
HOUSEKEEPING = "housekeeping"

#: Every queue, in the order in which a batch meets them.
QUEUES = (WITNESS_BASIC, WITNESS_RECURSIVE, VECTORS, PROVE, COMPRESS, HOUSEKEEPING)

_BY_STAGE = {"witness": WITNESS_BASIC, "vectors": VECTORS, "prove": PROVE, "compress": COMPRESS}


def queue_for(stage: str, round: int = 0) -> str:
    """Return the queue on which jobs of a stage are announced.

    Witness jobs of round 0 run the program; those of later rounds run a recursive circuit's witness program and
    have a queue of their own, so that neither waits behind the other.
    """
    if stage == "witness" and round > 0:
        return WITNESS_RECURSIVE
    return _BY_STAGE[stage]


def is_recursive(queue_name: str) -> bool | None:
    """Return whether a queue announces later rounds only, the first only (False), or all of them (None)."""
    return {WITNESS_BASIC: False, WITNESS_RECURSIVE: True}.get(queue_name)


def queues_of(stage: str) -> tuple[str, ...]:
    """Return every queue on which jobs of a stage are announced; who works on the stage consumes them all."""
    return tuple(dict.fromkeys(queue_for(stage, round) for round in (0, 1)))
