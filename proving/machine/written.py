"""Output of any length: a program writes bytes and outputs their hash.

The guest kit keeps them at a fixed address (`guest/runtime/hallmark_output.h`). Nothing in a run says that its output
is such a hash; that the bytes found there hash to it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from proving.hash import Tag, hash_elements

if TYPE_CHECKING:
    from proving.machine.executor import LoadedProgram

#: A word with the length in bytes; the bytes follow.
ADDRESS: Final = 0xC000_0000
#: Most bytes.
CAPACITY: Final = 0x1FFF_FFFC


def hash_written(data: bytes) -> bytes:
    """Return the public output of a program that wrote these bytes, 32 bytes."""
    words = np.frombuffer(data + bytes(-len(data) % 4), dtype="<u4")
    elements = np.concatenate([[len(data)], words]).astype(np.uint64)
    return bytes(hash_elements(Tag.WRITTEN_OUTPUT, elements).astype("<u8").tobytes())


def written_output(machine: LoadedProgram, output: bytes) -> bytes | None:
    """Return what a halted program wrote; None when its public output is not the hash of what lies there."""
    length = int.from_bytes(machine.read(ADDRESS, 4), "little")
    if length > min(CAPACITY, machine.memory_bytes()):
        return None
    data = machine.read(ADDRESS + 4, length)
    return data if hash_written(data) == output else None
