"""A strict binary layout for a fixed list of arrays.

``array count u32 | rows u32 per array | zero padding to 8 | arrays, each zero-padded to 8``. Only the first dimension
of an array may vary; dtype and the other dimensions are fixed by its specification, so the header determines the exact
length of the whole. Magic, version and checksum are the artifact envelope's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.errors import ArtifactCorrupt


class LayoutError(ArtifactCorrupt):
    """The payload does not have the layout of its kind."""

    code = "artifact_layout"
    #: The checksum is right, so the bytes are those that were written.
    default_remedy = "Making it again with the same release gives the same bytes; use the release that reads them."


@dataclass(frozen=True)
class ArraySpec:
    """One array of a layout.

    Attributes
    ----------
    shape
        A first dimension of -1 varies, up to `max_rows`.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    max_rows: int

    def nbytes(self, rows: int) -> int:
        """Return the size in bytes of the array with `rows` rows."""
        return rows * prod(self.shape[1:]) * self.dtype.itemsize


def _align(size: int) -> int:
    return -(-size // 8) * 8


def pack_arrays(specs: Sequence[ArraySpec], arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Serialise `arrays`, one per specification, in order.

    Raises
    ------
    LayoutError
        When an array does not have the dtype or shape of its specification.
    """
    rows: list[int] = []
    parts: list[bytes] = []
    for spec in specs:
        array = arrays[spec.name]
        if array.dtype != spec.dtype or array.ndim != len(spec.shape) or array.shape[1:] != spec.shape[1:]:
            raise LayoutError(f"array {spec.name} is {array.dtype}{array.shape}, not {spec.dtype}{spec.shape}")
        if len(array) != spec.shape[0] and (spec.shape[0] != -1 or len(array) > spec.max_rows):
            raise LayoutError(f"array {spec.name} has {len(array)} rows, at most {spec.max_rows} are allowed")
        rows.append(len(array))
        data = np.ascontiguousarray(array).tobytes()
        parts += [data, bytes(_align(len(data)) - len(data))]
    header = struct.pack(f"<I{len(rows)}I", len(rows), *rows)
    return b"".join([header, bytes(_align(len(header)) - len(header)), *parts])


def unpack_arrays(specs: Sequence[ArraySpec], data: bytes) -> dict[str, NDArray[Any]]:
    """Parse what `pack_arrays` wrote into read-only views of `data`.

    Raises
    ------
    LayoutError
        When `data` is anything else.
    """
    view = memoryview(data)
    header_size = 4 + 4 * len(specs)
    if len(view) < header_size:
        raise LayoutError("the array table is truncated")
    (count,) = struct.unpack_from("<I", view)
    if count != len(specs):
        raise LayoutError(f"the payload has {count} arrays instead of {len(specs)}")
    rows = struct.unpack_from(f"<{count}I", view, 4)
    offset = _align(header_size)
    if any(view[header_size:offset]):
        raise LayoutError("padding is not zero")
    arrays: dict[str, NDArray[Any]] = {}
    for spec, length in zip(specs, rows, strict=True):
        if length != spec.shape[0] and (spec.shape[0] != -1 or length > spec.max_rows):
            raise LayoutError(f"array {spec.name} claims {length} rows")
        size = spec.nbytes(length)
        end = offset + _align(size)
        if end > len(view):
            raise LayoutError(f"array {spec.name} is truncated")
        if any(view[offset + size : end]):
            raise LayoutError("padding is not zero")
        array = np.frombuffer(view, dtype=spec.dtype, count=size // spec.dtype.itemsize, offset=offset)
        arrays[spec.name] = array.reshape(length, *spec.shape[1:])
        offset = end
    if offset != len(view):
        raise LayoutError(f"{len(view) - offset} trailing bytes")
    return arrays
