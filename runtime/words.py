"""Words that every message writes in one way."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(seconds: float) -> str:
    """Return a time in seconds since the epoch, to the second.

    Examples
    --------
    >>> utc(1_700_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the right form.

    Examples
    --------
    >>> count(1, "segment"), count(2000, "segment")
    ('1 segment', '2,000 segments')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
