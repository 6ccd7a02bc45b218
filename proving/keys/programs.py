r"""A witness program as a file.

Layout (little-endian)::

    offset  size  field
    0       8     magic "HMPROG\0\1"
    8       8     length of the description in bytes
    16            description: JSON, name, type and shape of every array; padded with zeros to a multiple of 64, as
                  every array behind it

The same program gives the same bytes on every machine, so that the SHA-256 of the whole file is pinned: whoever has
compared it knows that he runs what the repository's code writes down.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import fields

import numpy as np

from proving.keys.stored import ALIGNMENT, padded, views
from proving.recursion.program import WitnessProgram

MAGIC = b"HMPROG\0\1"

_HEAD = struct.Struct("<8sQ")
_NAMES = tuple(field.name for field in fields(WitnessProgram))


def encode(program: WitnessProgram) -> bytes:
    """Return the program's file."""
    arrays = []
    for name in _NAMES:
        array = getattr(program, name)
        arrays.append(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")))
    described = json.dumps(
        [[name, array.dtype.str, array.shape] for name, array in zip(_NAMES, arrays, strict=True)],
        separators=(",", ":"),
    ).encode()
    return padded(_HEAD.pack(MAGIC, len(described)) + described) + b"".join(padded(a.tobytes()) for a in arrays)


def digest(data: memoryview | bytes) -> str:
    """Return what is pinned of a file: its SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def decode(data: memoryview) -> WitnessProgram:
    """Return the program of a file that has been compared with the pinned digest; its arrays are views of it."""
    _, described = _HEAD.unpack(data[: _HEAD.size])
    end = _HEAD.size + described
    found = json.loads(bytes(data[_HEAD.size : end]))
    arrays = views(data[end + -end % ALIGNMENT :], [(kind, shape) for _, kind, shape in found])
    return WitnessProgram(**{name: array for (name, _, _), array in zip(found, arrays, strict=True)})
