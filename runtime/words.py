"""Words that every message writes in one way."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the right form.

    Examples
    --------
    >>> count(1, "segment"), count(2000, "segment")
    ('1 segment', '2,000 segments')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
