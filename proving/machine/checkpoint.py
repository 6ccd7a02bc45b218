"""Checkpoints: all that is needed to replay, and so to prove, one segment of a run on its own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.backend.interface import PRIME
from proving.circuits.requests import RequestType
from proving.machine.layout import ArraySpec, pack_arrays, unpack_arrays
from runtime import artifact
from runtime.errors import ArtifactCorrupt

KIND: Final = "checkpoint"
VERSION: Final = 1
#: Timestamps have 24 bits, four to a cycle, and begin with cycle 1.
MAX_CYCLES: Final = (1 << 22) - 2
#: Largest payload accepted, in bytes.
MAX_BYTES: Final = 1 << 30

_MAX_BLOCKS: Final = 1 << 22
_MAX_SIBLINGS: Final = 1 << 24
_BLOCKS_IN_SPACE: Final = 1 << 26

_U4, _U8 = np.dtype("<u4"), np.dtype("<u8")
_SPECS: Final = (
    ArraySpec("position", _U8, (2,), 0),
    ArraySpec("boundary", _U4, (4,), 0),
    ArraySpec("registers", _U4, (32,), 0),
    ArraySpec("requests", _U8, (len(RequestType), 4), 0),
    ArraySpec("start", _U8, (4,), 0),
    ArraySpec("end", _U8, (4,), 0),
    ArraySpec("advice", _U4, (-1,), MAX_CYCLES),
    ArraySpec("data_blocks", _U4, (-1,), _MAX_BLOCKS),
    ArraySpec("data_words", _U4, (-1, 16), _MAX_BLOCKS),
    ArraySpec("data_siblings", _U8, (-1, 4), _MAX_SIBLINGS),
    ArraySpec("code_blocks", _U4, (-1,), _MAX_BLOCKS),
    ArraySpec("code_words", _U4, (-1, 16), _MAX_BLOCKS),
    ArraySpec("code_siblings", _U8, (-1, 4), _MAX_SIBLINGS),
)

_sibling_count = native.function("hm_sibling_count", native.SIZE, [native.POINTER, native.SIZE])


class CheckpointError(ArtifactCorrupt):
    """The checkpoint is not one of a run."""

    code = "checkpoint"
    #: Its bytes are as they were written, so whoever made it would make it again.
    default_remedy = (
        "Making it again gives the same bytes: report it with program, input and size class. Another size class cuts "
        "the run elsewhere."
    )


@dataclass(frozen=True)
class Checkpoint:
    """One segment: its start, what it reads, and what it must end in.

    Attributes
    ----------
    position
        ``(2,) uint64``: number of the segment, cycles executed before it. For people only.
    boundary
        ``(4,) uint32``: pc at the start, pc at the end, whether the end is halted, number of cycles.
    registers
        ``(32,) uint32`` at the start.
    requests
        ``(4, 4) uint64`` at the start: the digest of each type's request chain.
    start, end
        ``(4,) uint64`` state digests.
    advice
        ``(words,) uint32``: exactly what the segment reads.
    data_blocks, code_blocks
        ``(blocks,) uint32``, ascending: the touched blocks.
    data_words, code_words
        ``(blocks, 16) uint32``: their contents at the start.
    data_siblings, code_siblings
        ``(siblings, 4) uint64``: digests of the untouched children of touched nodes, level by level, ascending.
    """

    position: NDArray[np.uint64]
    boundary: NDArray[np.uint32]
    registers: NDArray[np.uint32]
    requests: NDArray[np.uint64]
    start: NDArray[np.uint64]
    end: NDArray[np.uint64]
    advice: NDArray[np.uint32]
    data_blocks: NDArray[np.uint32]
    data_words: NDArray[np.uint32]
    data_siblings: NDArray[np.uint64]
    code_blocks: NDArray[np.uint32]
    code_words: NDArray[np.uint32]
    code_siblings: NDArray[np.uint64]

    @property
    def index(self) -> int:
        """Number of the segment in its run."""
        return int(self.position[0])

    @property
    def cycles(self) -> int:
        """Instructions that the segment executes."""
        return int(self.boundary[3])

    @property
    def halts(self) -> bool:
        """Whether the segment ends in the halted state."""
        return bool(self.boundary[2])

    def summary(self) -> str:
        """Return one line for people."""
        ending = "halts" if self.halts else f"ends at {int(self.boundary[1]):#010x}"
        return (
            f"segment {self.index}: {self.cycles} cycles from {int(self.boundary[0]):#010x}, {ending}; "
            f"{len(self.data_blocks)} memory blocks, {len(self.code_blocks)} code blocks, "
            f"{len(self.advice)} advice words"
        )

    def to_bytes(self) -> bytes:
        """Serialise as a compressed artifact of kind `KIND`; equal checkpoints give equal bytes."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return artifact.pack(KIND, pack_arrays(_SPECS, arrays), version=VERSION, compress=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Parse and check an artifact made by `to_bytes`.

        Raises
        ------
        ArtifactError
            Truncated, corrupt, of another kind or version, or (`CheckpointError`) not the checkpoint of any run.
        """
        payload = artifact.unpack(data, kind=KIND, version=VERSION, limit=MAX_BYTES).payload
        checkpoint = cls(**unpack_arrays(_SPECS, payload))
        checkpoint.validate()
        return checkpoint

    def validate(self) -> None:
        """Check everything that replay relies on.

        Raises
        ------
        CheckpointError
            What is wrong.
        """
        start_pc, end_pc, halts, cycles = (int(value) for value in self.boundary)
        if start_pc % 4 or end_pc % 4 or halts > 1 or cycles > MAX_CYCLES or cycles + halts == 0:
            raise CheckpointError("The checkpoint's boundary is out of range.")
        if self.registers[0]:
            raise CheckpointError("The checkpoint's x0 is not zero.")
        if len(self.advice) > cycles:
            raise CheckpointError("The checkpoint has more advice than cycles.")
        for name in ("requests", "start", "end", "data_siblings", "code_siblings"):
            if np.any(getattr(self, name) >= np.uint64(PRIME)):
                raise CheckpointError(f"The checkpoint's {name} hold a value that is no field element.")
        for space in ("data", "code"):
            self._validate_space(space)
        if start_pc >> 6 not in self.code_blocks:
            raise CheckpointError("The checkpoint lacks the code at its start.")

    def _validate_space(self, space: str) -> None:
        blocks: NDArray[Any] = np.ascontiguousarray(getattr(self, f"{space}_blocks"))
        if len(blocks) != len(getattr(self, f"{space}_words")):
            raise CheckpointError(f"The checkpoint's {space} blocks and words differ in number.")
        if np.any(blocks >= _BLOCKS_IN_SPACE) or np.any(blocks[1:] <= blocks[:-1]):
            raise CheckpointError(f"The checkpoint's {space} blocks are not ascending block numbers.")
        expected = int(_sibling_count(blocks.ctypes.data, len(blocks)))
        siblings = len(getattr(self, f"{space}_siblings"))
        if siblings != expected:
            raise CheckpointError(f"The checkpoint has {siblings} {space} siblings instead of {expected}.")
