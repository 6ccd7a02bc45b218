"""What a backend expands to the traces of a circuit.

This is all that a device needs in place of the traces: execution records, requests or wires, and what it cannot know by
itself, as the number of each compression among the distinct ones. What a row holds is said in
``proving/native/src/expand``, which the native library and the CUDA kernels are both compiled from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.backend.interface import HostArray
from runtime.errors import InvalidInput

Words = npt.NDArray[np.uint32]

#: Words of what a row of recursion's hash table is expanded from.
HASHED_WORDS = 24
#: The tables of `main_vm` that count lookups only.
COUNTING = ("range", "byte_and", "constant")


class ExpansionRefused(InvalidInput):
    """The execution records are not those of a segment: replay the checkpoint again."""

    code = "expansion_refused"


#: What is wrong, by the number under which native code and kernels report it.
REFUSALS = {1: "A decoded word is no instruction.", 2: "An instruction was not decoded."}


@dataclass(frozen=True)
class Family:
    """Records of one kind.

    Attributes
    ----------
    name
        The kind; as in ``proving.machine.records``.
    records
        ``(count, words) uint32``.
    table
        The table that has their rows, which may be shared.
    first
        The first of them.
    """

    name: str
    records: Words
    table: str
    first: int


@dataclass
class Expansion(ABC):
    """Traces to be expanded; every array is contiguous.

    Attributes
    ----------
    shapes
        By table, in the circuit's order: main columns and height.
    """

    shapes: Mapping[str, tuple[int, int]]

    @abstractmethod
    def release(self) -> None:
        """Let go of what takes most of the memory; it cannot be expanded any more."""


@dataclass
class SegmentExpansion(Expansion):
    """Execution records of a segment of `main_vm`.

    Attributes
    ----------
    families
        The records of instructions.
    idle
        ``(rows, 5) uint32``: words that were not accessed for long; columns as in ``proving.machine.records``.
    decode
        ``(rows, 3) uint32``, by pc: pc, word, how often it is fetched.
    constants
        ``(5, 1024) uint64``, the preprocessed columns of `constant`.
    inputs, counts
        ``(distinct, 16) uint64`` and ``(distinct,) uint32``: the compressions, and how often each is looked up.
    calls, pages
        ``uint32``: the number among them of each Poseidon2 call's compression, and of each row's of `page`.
    blocks, nodes
        ``(blocks, 66)`` and ``(nodes, 4) uint32``: what is on the rows of `page`, two for each.
    boundary
        ``(columns, rows) uint64``, the trace of `boundary`.
    """

    families: tuple[Family, ...]
    idle: Words
    decode: Words
    constants: HostArray
    inputs: HostArray
    counts: Words
    calls: Words
    pages: Words
    blocks: Words
    nodes: Words
    boundary: HostArray

    def release(self) -> None:
        """Let go of the records and of what is compressed."""
        self.families = ()
        self.inputs = np.empty((0, 16), dtype=np.uint64)
        self.blocks = self.nodes = np.empty((0, 0), dtype=np.uint32)


@dataclass
class RequestExpansion(Expansion):
    """Requests of one type, in the order of their chain.

    Attributes
    ----------
    circuit
        Name of the type's circuit, and of its own table.
    blocks
        Of one request in the chain.
    inputs
        ``(count, input words) uint32``.
    absorbed
        ``(blocks, 12) uint64``: what the requests put on their chain.
    digests
        ``(blocks + 1, 4) uint64``: the chain's digests before, between and behind the blocks.
    """

    circuit: str
    blocks: int
    inputs: Words
    absorbed: HostArray
    digests: HostArray

    def release(self) -> None:
        """Do nothing: a proof's requests are small."""


@dataclass
class RecursionExpansion(Expansion):
    """What a circuit that verifies proofs computed.

    Attributes
    ----------
    hashed
        ``(rows, 24) uint64``, what each row of `hash` is expanded from: the compression's input, the bits of its place,
        the challenge, and the combination; see :mod:`proving.recursion.hash_table`.
    tables
        The traces of the other tables, ``(columns, rows) uint64``, which show wires.
    """

    hashed: HostArray
    tables: dict[str, HostArray]

    def release(self) -> None:
        """Let go of all of it."""
        self.hashed = np.empty((0, HASHED_WORDS), dtype=np.uint64)
        self.tables.clear()


def refuse(status: int) -> None:
    """Raise what a status other than zero means.

    Raises
    ------
    ExpansionRefused
    """
    if status:
        raise ExpansionRefused(REFUSALS[status])
