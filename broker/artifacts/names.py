"""Names of artifacts: who made one can be read from it."""

from __future__ import annotations

import re

_OF_A_JOB = re.compile(r"batches/\d+/(\d+)/")
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


def artifact_name(batch_id: int, job_id: int, token: str, kind: str) -> str:
    """Return the name under which one attempt of one job writes: nobody else ever writes there."""
    return f"batches/{batch_id}/{job_id}/{token}/{kind}"


def batch_prefix(batch_id: int) -> str:
    """Return the prefix of everything that belongs to a batch."""
    return f"batches/{batch_id}/"


def maker_of(name: str) -> int | None:
    """Return the job that made an artifact, or nothing for one that no job made.

    Examples
    --------
    >>> maker_of("batches/1/17/0a/proof")
    17
    """
    found = _OF_A_JOB.match(name)
    return int(found[1]) if found else None


def check_name(name: str) -> None:
    """Refuse what is not a name, and what would leave the store's folder.

    Raises
    ------
    ValueError
    """
    if not _NAME.fullmatch(name) or ".." in name.split("/"):
        raise ValueError(f"{name!r} is not an artifact name")
