"""A program: what is executed, and the commitment by which it is known."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.machine.elf import Guard, Segment, parse_elf
from proving.machine.image import Image
from proving.machine.state import State


@dataclass(frozen=True)
class Program:
    """A loadable program.

    Attributes
    ----------
    entry
        First pc.
    segments
        Ascending and disjoint. All are loaded into data memory, the executable ones are also the immutable code.
    sha256
        Of the file, 32 bytes; it identifies the file, the commitment identifies what is executed.
    guard
        Memory that no instruction may access; None when the program has none.
    """

    entry: int
    segments: tuple[Segment, ...]
    sha256: bytes
    guard: Guard | None = None

    @classmethod
    def from_elf(cls, data: bytes) -> Program:
        """Load an executable.

        Raises
        ------
        ElfError
            The bytes are not a static RV32IM executable.
        """
        elf = parse_elf(data)
        return cls(elf.entry, elf.segments, hashlib.sha256(data).digest(), elf.guard)

    @functools.cached_property
    def memory_image(self) -> Image:
        """Initial data memory: every segment, and the guard."""
        return Image.of_segments(self.segments, self.guard)

    @functools.cached_property
    def code_image(self) -> Image:
        """Immutable code: the executable segments."""
        return Image.of_segments(segment for segment in self.segments if segment.executable)

    @functools.cached_property
    def initial_state(self) -> State:
        """The state before the first instruction."""
        return State(
            pc=self.entry,
            halted=False,
            registers=np.zeros(32, dtype=np.uint32),
            memory_root=self.memory_image.root(),
            code_root=self.code_image.root(),
        )

    @functools.cached_property
    def commitment(self) -> NDArray[np.uint64]:
        """Digest of the initial state, ``(4,) uint64``; it depends on no proof parameter."""
        return self.initial_state.digest()
