"""Names of artifacts: who made one can be read from it."""

from __future__ import annotations

import re

#: Scheme of a result that only one host holds: ``local:HOST:NAME``.
LOCAL = "local"

_OF_A_JOB = re.compile(r"\bbatches/\d+/(\d+)/")
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


def artifact_name(batch_id: int, job_id: int, token: str, kind: str) -> str:
    """Return the name under which one attempt of one job writes: nobody else ever writes there."""
    return f"batches/{batch_id}/{job_id}/{token}/{kind}"


def batch_prefix(batch_id: int) -> str:
    """Return the prefix of everything that belongs to a batch."""
    return f"batches/{batch_id}/"


def maker_of(name: str) -> int | None:
    """Return the job that made the artifact that a text names, or nothing for one that no job made.

    Examples
    --------
    >>> maker_of("batches/1/17/0a/proof")
    17
    >>> maker_of("The artifact batches/1/17/0a/proof is damaged")
    17
    """
    found = _OF_A_JOB.search(name)
    return int(found[1]) if found else None


def on_host(host: str, name: str) -> str:
    """Return how a job names what only one host keeps, because making it again is cheaper than sending it."""
    return f"{LOCAL}:{host}:{name}"


def is_shared(name: str) -> bool:
    """Return whether the artifact store has what a job names, and not one host."""
    return not name.startswith(f"{LOCAL}:")


def check_name(name: str) -> None:
    """Refuse what is not a name, and what would leave the store's folder.

    Raises
    ------
    ValueError
    """
    if not _NAME.fullmatch(name) or ".." in name.split("/"):
        raise ValueError(f"{name!r} is not an artifact name")
