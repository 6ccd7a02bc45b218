"""A witness program as a file (`proving.keys.described`), whose description lists its arrays' types and shapes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from proving.keys import described
from proving.keys.stored import views
from proving.recursion.program import WitnessProgram

MAGIC = b"HMPROG\0\1"

_NAMES = tuple(field.name for field in fields(WitnessProgram))


def encode(program: WitnessProgram) -> bytes:
    """Return the program's file."""
    arrays = []
    for name in _NAMES:
        array = getattr(program, name)
        arrays.append(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")))
    description = [[name, array.dtype.str, array.shape] for name, array in zip(_NAMES, arrays, strict=True)]
    return described.encode(MAGIC, description, arrays)


def decode(data: memoryview) -> WitnessProgram:
    """Return the program of a file that has been compared with the pinned digest; its arrays are views of it."""
    found, rest = described.decode(data)
    arrays = views(rest, [(kind, shape) for _, kind, shape in found])
    return WitnessProgram(**{name: array for (name, _, _), array in zip(found, arrays, strict=True)})
