r"""Files of arrays with a description in front, for what is pinned by the SHA-256 of the whole file.

Layout (little-endian)::

    offset  size  field
    0       8     magic, which says what is described
    8       8     length of the description in bytes
    16            description: JSON; padded with zeros to a multiple of 64, as every array behind it

The same contents give the same bytes on every machine: whoever has compared the digest knows that he uses what the
repository's code writes down.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from proving.keys.stored import ALIGNMENT, padded

_HEAD = struct.Struct("<8sQ")


def encode(magic: bytes, description: object, arrays: Iterable[NDArray[Any]]) -> bytes:
    """Return the file of a description, which says types and shapes, and of little-endian arrays."""
    described = json.dumps(description, separators=(",", ":")).encode()
    head = _HEAD.pack(magic, len(described)) + described
    return padded(head) + b"".join(padded(array.tobytes()) for array in arrays)


def digest(data: memoryview | bytes) -> str:
    """Return what is pinned of a file: its SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def decode(data: memoryview) -> tuple[Any, memoryview]:
    """Return the description, and the arrays' bytes, of a file that has been compared with the pinned digest."""
    _, length = _HEAD.unpack(data[: _HEAD.size])
    end = _HEAD.size + length
    return json.loads(bytes(data[_HEAD.size : end])), data[end + -end % ALIGNMENT :]
