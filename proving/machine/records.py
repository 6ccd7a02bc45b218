"""Execution records: what one replayed segment did, as packed rows.

The native replay writes them, the native expansion turns them into columns. Every array is C-contiguous and
little-endian; a row's meaning is fixed by the index constants of this module.

Conventions
-----------
* ``clk`` starts at 1 in each segment. Timestamps are ``4 * clk + step`` with step 0 for the read of rs1, 1 for the
  read of rs2, 2 for the memory access, 3 for the write of rd (and for the rs2 read of a store).
* Where a format has no rs1 or rs2 the register read is x0. In a row of `CYCLE` the immediate of an I-type instruction
  therefore does not appear as ``v2``: v2 is x0's value, 0. A row of ``add_immediate`` reads no rs2: its ``p2`` is 0.
* ``out`` is the value the instruction computes; it is 0 for branches and stores, whose ``old`` and ``pd`` are 0 too.
  What an instruction writes to x0 goes to register 32, the sink.
* A timestamp of a last access is at most 2^16 before the access. A word that was not accessed for longer has a row of
  ``idle`` just before, one that was not accessed at all starts there.
* The word ``0x0000006f`` that halts is not a cycle. Its pc has a decode row, whose count includes the one fetch made
  by the boundary.
* Both register blocks and the root node of spaces 0 and 2 are always present, touched or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proving.machine.layout import ArraySpec, LayoutError, pack_arrays, unpack_arrays
from runtime import artifact

Words = NDArray[np.uint32]
Elements = NDArray[np.uint64]

CYCLE_FAMILIES: Final = ("add_immediate", "add", "control", "bitwise", "shift", "mul", "div")
MEMORY_FAMILIES: Final = ("memory_word", "memory_sub")
FAMILIES: Final = (*CYCLE_FAMILIES, *MEMORY_FAMILIES, "poseidon2_call", "request", "keccak_call")

SPACE_MEMORY: Final = 0
SPACE_REGISTERS: Final = 1
SPACE_CODE: Final = 2

#: Words of a row of the six cycle families.
CYCLE: Final = ("clk", "pc", "v1", "v2", "old", "out", "p1", "p2", "pd")
#: Words of a row of the two memory families.
MEMORY: Final = (*CYCLE, "mem_old", "mem_new", "pm")
#: Words of a poseidon2 call: clk, pc, pointer, p1, then 32 pairs (old word, previous timestamp).
POSEIDON2_CALL_WIDTH: Final = 4 + 64
#: Words of a request before its pairs: clk, pc, type, x10, its last timestamp, x11, its last timestamp, clk of the
#: type's request before (0 for none).
REQUEST_HEAD: Final = 8
#: Words of a request: the head, then pairs (word, previous timestamp): 32 that are read, zeros where the type has
#: fewer, and 8 that are written.
REQUEST_WIDTH: Final = REQUEST_HEAD + 80
#: Words of a call of Keccak-f: the head, with 0 for the call that reads and 1 for the one that writes in place of the
#: type and zeros in place of x11, then pairs (word, previous timestamp). The writing one is behind the reading one.
KECCAK_CALL_WIDTH: Final = REQUEST_HEAD + 100
#: Words of a decode row, sorted by pc.
DECODE: Final = ("pc", "word", "count")
#: Words of a row of ``idle``: space and address of the word, the word, and the timestamps from and to which it is idle.
IDLE: Final = ("space", "address", "word", "previous", "later")
#: Words of a block row: space, index, 16 old words, 16 new words, 16 timestamps at which the words start, 16 last
#: timestamps; sorted by (space, index).
BLOCK_WIDTH: Final = 2 + 64
#: Words of a node's key; ``touched`` has bit i set when child i is touched. Sorted by (space, level, index).
NODE_KEY: Final = ("space", "level", "index", "touched")
#: Words of the boundary; the start state is never halted. The sink: where it starts, what it holds and its last access.
BOUNDARY: Final = ("pc_start", "pc_end", "halted", "clk_end", "sink_start", "sink_word", "sink_last")

#: A segment has at most 2^22 - 2 cycles (24-bit timestamps), which bounds every array here.
MAX_ROWS: Final = 1 << 22

KIND: Final = "execution_records"
VERSION: Final = 5
#: Largest payload accepted, in bytes; the largest segment stays far below it.
MAX_BYTES: Final = 1 << 30

_SPECS: Final = (
    *(ArraySpec(name, np.dtype("<u4"), (-1, len(CYCLE)), MAX_ROWS) for name in CYCLE_FAMILIES),
    *(ArraySpec(name, np.dtype("<u4"), (-1, len(MEMORY)), MAX_ROWS) for name in MEMORY_FAMILIES),
    ArraySpec("poseidon2_call", np.dtype("<u4"), (-1, POSEIDON2_CALL_WIDTH), MAX_ROWS),
    ArraySpec("request", np.dtype("<u4"), (-1, REQUEST_WIDTH), MAX_ROWS),
    ArraySpec("keccak_call", np.dtype("<u4"), (-1, KECCAK_CALL_WIDTH), MAX_ROWS),
    ArraySpec("idle", np.dtype("<u4"), (-1, len(IDLE)), MAX_ROWS),
    ArraySpec("decode", np.dtype("<u4"), (-1, len(DECODE)), MAX_ROWS),
    ArraySpec("block", np.dtype("<u4"), (-1, BLOCK_WIDTH), MAX_ROWS),
    ArraySpec("node_key", np.dtype("<u4"), (-1, len(NODE_KEY)), MAX_ROWS),
    ArraySpec("node_old", np.dtype("<u8"), (-1, 4, 4), MAX_ROWS),
    ArraySpec("node_new", np.dtype("<u8"), (-1, 4, 4), MAX_ROWS),
    ArraySpec("boundary", np.dtype("<u4"), (len(BOUNDARY),), 0),
    ArraySpec("requests", np.dtype("<u8"), (2, 4, 4), 0),
    ArraySpec("digests", np.dtype("<u8"), (2, 4, 4), 0),
    ArraySpec("start", np.dtype("<u8"), (4,), 0),
    ArraySpec("end", np.dtype("<u8"), (4,), 0),
)


@dataclass(frozen=True)
class Records:
    """The execution records of one segment.

    Attributes
    ----------
    add_immediate, add, control, bitwise, shift, mul, div
        ``(rows, 9) uint32``, columns as in `CYCLE`, in order of execution.
    memory_word, memory_sub
        ``(rows, 12) uint32``, columns as in `MEMORY`, in order of execution. ``mem_old`` and ``mem_new`` are the whole
        aligned word before and after.
    poseidon2_call
        ``(rows, 68) uint32``.
    request
        ``(rows, 88) uint32``, requests of all types but Keccak-f in order of execution.
    keccak_call
        ``(rows, 108) uint32``, two for each request of Keccak-f.
    idle
        ``(rows, 5) uint32``, columns as in `IDLE`.
    decode
        ``(rows, 3) uint32``, columns as in `DECODE`.
    block
        ``(rows, 66) uint32``; spaces 0 (memory), 1 (registers, exactly two rows) and 2 (code). A code word's last
        timestamp is 1 when it has a decode row, else 0.
    node_key, node_old, node_new
        ``(rows, 4) uint32`` as in `NODE_KEY`; ``(rows, 4, 4) uint64`` the four child digests before and after.
    boundary
        ``(7,) uint32`` as in `BOUNDARY`.
    requests
        ``(2, 4, 4) uint64``: at start and end, the digest of each type's request chain.
    digests
        ``(2, 4, 4) uint64``: at start and end, the digests of register block 0, register block 1, memory root, code
        root (for convenience; each follows from the rows above).
    start, end
        ``(4,) uint64``: the two state digests, the segment's public input.
    """

    add_immediate: Words
    add: Words
    control: Words
    bitwise: Words
    shift: Words
    mul: Words
    div: Words
    memory_word: Words
    memory_sub: Words
    poseidon2_call: Words
    request: Words
    keccak_call: Words
    idle: Words
    decode: Words
    block: Words
    node_key: Words
    node_old: Elements
    node_new: Elements
    boundary: Words
    requests: Elements
    digests: Elements
    start: Elements
    end: Elements

    @property
    def cycles(self) -> int:
        """Number of executed instructions."""
        return int(self.boundary[3]) - 1

    @property
    def halted(self) -> bool:
        """Whether the segment ends in the halted state."""
        return bool(self.boundary[2])

    def family(self, name: str) -> Words:
        """Return the rows of one of `FAMILIES`, ``decode`` or ``block``."""
        if name not in (*FAMILIES, "idle", "decode", "block"):
            raise KeyError(name)
        rows: Words = getattr(self, name)
        return rows

    def counts(self) -> dict[str, int]:
        """Return the number of rows of every family, and of ``decode``, ``block`` and ``node``."""
        counts = {name: len(self.family(name)) for name in (*FAMILIES, "idle", "decode", "block")}
        counts["node"] = len(self.node_key)
        return counts

    def summary(self) -> str:
        """Return one line for people: cycles, rows per table, how the segment ends."""
        rows = ", ".join(f"{name} {count}" for name, count in self.counts().items() if count)
        ending = "halted" if self.halted else f"continues at {int(self.boundary[1]):#010x}"
        return f"{self.cycles} cycles, {ending}: {rows}"

    def arrays(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """Yield every array with its name, in the order of serialisation."""
        for spec in _SPECS:
            yield spec.name, getattr(self, spec.name)

    def to_bytes(self) -> bytes:
        """Serialise as an artifact of kind `KIND`; equal records give equal bytes."""
        return artifact.pack(KIND, pack_arrays(_SPECS, dict(self.arrays())), version=VERSION)

    @classmethod
    def from_bytes(cls, data: bytes) -> Records:
        """Parse an artifact made by `to_bytes`; the arrays are read-only.

        Raises
        ------
        ArtifactError
            Truncated, corrupt, or of another kind or version.
        """
        payload = artifact.unpack(data, kind=KIND, version=VERSION, limit=MAX_BYTES).payload
        arrays = unpack_arrays(_SPECS, payload)
        keys, old, new = arrays["node_key"], arrays["node_old"], arrays["node_new"]
        if not len(keys) == len(old) == len(new):
            raise LayoutError(f"node arrays differ in length: {len(keys)}, {len(old)}, {len(new)}")
        return cls(**arrays)
