"""Domain tags: what is hashed is said in the first element of the chaining value."""

from __future__ import annotations

from enum import IntEnum


class Tag(IntEnum):
    """The use of a hash; no two uses share one."""

    LEAF = 1
    JOIN = 2
    STATE = 3
    REQUEST = 4
    TRANSCRIPT = 5
    GRIND = 6
    KEY = 7
    ACCOUNT = 8
    OUTPUT = 9
    SQUEEZE = 10
    PROGRAM = 11
    GUARD = 12
    NODE = 13
    DIGESTS = 14
    WRITTEN_OUTPUT = 64
