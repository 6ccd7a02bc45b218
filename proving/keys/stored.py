r"""A key as a file: a head that holds all that a verifier reads, and behind it the preprocessed columns.

Layout (little-endian)::

    offset  size  field
    0       8     magic "HMKEY\0\0\1"
    8       8     length of the description in bytes
    16      8     length of the head in bytes: these fields, the description and the arrays
    24      8     length of the columns behind the head in bytes
    32      32    SHA-256 of the columns
    64            description: JSON; padded with zeros to a multiple of 64, as every array behind it

The description is the key's tree of values; an array stands in it as its number in the list of arrays. The same key
gives the same bytes on every machine, so that the SHA-256 of the head can be pinned, and whoever has compared it knows
that he reads what the repository's code compiles to. The parameters of the profiles and the key's digest are not
stored: they are computed from what is.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving.backend.program import Bytecode, Nodes, Op, TableProgram
from proving.hash import HashFamily
from proving.keys.errors import StoredKeyRefused
from proving.stark.air.program import CircuitProgram
from proving.stark.air.schedule import Schedule, Step
from proving.stark.key import Key, count_facts, key_digest
from proving.stark.security import solve
from proving.stark.shape import OMITTED, Layout, TableLayout

MAGIC = b"HMKEY\0\0\1"
#: Every array begins at a multiple of this, so that a mapped one is aligned.
ALIGNMENT = 64
#: Longest head that is read, in bytes.
MAX_HEAD = 1 << 28

_FIELDS = struct.Struct("<8sQQQ32s")
_Arrays = list[NDArray[Any]]


def _step(op: int, a: NDArray[np.intp], b: NDArray[np.intp] | None) -> Step:
    return Step(Op(op), a, b)


def _layout(family: int = HashFamily.GOLDILOCKS, **content: Any) -> Layout:
    return Layout(family=HashFamily(family), **content)


_CLASSES: Mapping[str, Callable[..., Any]] = {
    **{made.__name__: made for made in (Bytecode, CircuitProgram, Nodes, Schedule, TableLayout, TableProgram)},
    Step.__name__: _step,
    Layout.__name__: _layout,
}


def encode(key: Key) -> bytes:
    """Return the key's file."""
    head: _Arrays = []
    columns: _Arrays = []
    parts = {
        "program": _describe(key.program, head, columns),
        "layout": _describe(key.layout, head, columns),
        "profiles": sorted(key.reports),
        "preprocessed_cap": _describe(key.preprocessed_cap, head, columns),
    }
    lists = {name: [[array.dtype.str, array.shape] for array in arrays] for name, arrays in _lists(head, columns)}
    described = json.dumps({"key": parts, **lists}, separators=(",", ":")).encode()
    body = b"".join(map(padded, [described, *(array.tobytes() for array in head)]))
    behind = b"".join(padded(array.tobytes()) for array in columns)
    first = _FIELDS.pack(MAGIC, len(described), _FIELDS.size + len(body), len(behind), hashlib.sha256(behind).digest())
    return first + body + behind


def head_length(data: memoryview) -> int:
    """Return the length of a file's head in bytes; the data may end behind the fields.

    Raises
    ------
    StoredKeyRefused
        The fields are not those of a key's file.
    """
    if len(data) < _FIELDS.size:
        raise StoredKeyRefused("The file ends inside its first fields.")
    magic, described, head, _, _ = _FIELDS.unpack(data[: _FIELDS.size])
    if magic != MAGIC or not _FIELDS.size + described <= head <= MAX_HEAD:
        raise StoredKeyRefused("The file is no key of this version.")
    return int(head)


def head_digest(head: memoryview | bytes) -> str:
    """Return what is pinned of a file: the SHA-256 of its head, 64 hexadecimal digits."""
    return hashlib.sha256(head).hexdigest()


def columns_length(head: memoryview | bytes) -> int:
    """Return the length of what follows a head, in bytes."""
    return int(_FIELDS.unpack(head[: _FIELDS.size])[3])


def columns_intact(head: memoryview | bytes, columns: memoryview) -> bool:
    """Return whether the columns are those that a head names."""
    stated: bytes = _FIELDS.unpack(head[: _FIELDS.size])[4]
    return hashlib.sha256(columns).digest() == stated


def decode(head: bytes, columns: memoryview) -> Key:
    """Return the key of a file whose head has been compared with the pinned digest.

    Parameters
    ----------
    head
        Its bytes; the key's arrays are views of them.
    columns
        The bytes behind the head, of the length that it states; they are not read here.
    """
    _, described, _, _, _ = _FIELDS.unpack(head[: _FIELDS.size])
    found = json.loads(head[_FIELDS.size : _FIELDS.size + described])
    start = _FIELDS.size + described + -described % ALIGNMENT
    arrays = {
        "head": list(views(memoryview(head)[start:], found["head"])),
        "columns": list(views(columns, found["columns"])),
    }
    parts = {name: _restore(value, arrays) for name, value in found["key"].items()}
    program, layout, cap = parts["program"], parts["layout"], parts["preprocessed_cap"]
    facts = count_facts(layout.largest())
    reports = {name: solve(name, facts) for name in parts["profiles"]}
    return Key(program, layout, reports, cap, key_digest(layout, program, reports, cap))


def padded(data: bytes) -> bytes:
    """Return bytes with zeros behind them, up to a multiple of :data:`ALIGNMENT`."""
    return data + bytes(-len(data) % ALIGNMENT)


def views(data: memoryview, described: Iterable[tuple[str, Sequence[int]]]) -> Iterator[NDArray[Any]]:
    """Yield the arrays, of these types and shapes, that stand one after the other, each padded."""
    offset = 0
    for name, shape in described:
        kind = np.dtype(name)
        count = math.prod(shape)
        yield np.frombuffer(data, dtype=kind, count=count, offset=offset).reshape(shape)
        offset += count * kind.itemsize
        offset += -offset % ALIGNMENT


def _lists(head: _Arrays, columns: _Arrays) -> Iterator[tuple[str, _Arrays]]:
    yield "head", head
    yield "columns", columns


def _describe(value: Any, head: _Arrays, columns: _Arrays) -> Any:
    """Return a value as JSON; its arrays go to the lists."""
    if isinstance(value, np.ndarray):
        head.append(np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")))
        return {"head": len(head) - 1}
    if is_dataclass(value):
        described = {}
        for field in fields(value):
            item = getattr(value, field.name)
            if OMITTED in field.metadata and item == field.default:
                continue
            if isinstance(value, TableProgram) and field.name == "preprocessed" and item is not None:
                columns.append(np.ascontiguousarray(item, dtype="<u8"))
                described[field.name] = {"columns": len(columns) - 1}
            else:
                described[field.name] = _describe(item, head, columns)
        return {type(value).__name__: described}
    if isinstance(value, tuple):
        return [_describe(item, head, columns) for item in value]
    return value if value is None or isinstance(value, str) else int(value)


def _restore(value: Any, arrays: Mapping[str, _Arrays]) -> Any:
    if isinstance(value, list):
        return tuple([_restore(item, arrays) if isinstance(item, list | dict) else item for item in value])
    if not isinstance(value, dict):
        return value
    ((name, content),) = value.items()
    if name in arrays:
        return arrays[name][content]
    return _CLASSES[name](**{field: _restore(item, arrays) for field, item in content.items()})
