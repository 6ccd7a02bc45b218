"""From a recording to tables: which row holds what, and how often each wire is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.hash import DIGEST, RATE
from proving.recursion import fold_table, hash_table
from proving.recursion.arithmetic import FIXED_PLACES
from proving.recursion.fold_table import Fold
from proving.recursion.hash_table import Hash
from proving.recursion.program import TABLES, WitnessProgram, joined, write_program
from proving.recursion.recording import (
    NONE,
    BitsStep,
    CapStep,
    CopyStep,
    FieldStep,
    FoldStep,
    HashStep,
    Operation,
    Recording,
    UnpackStep,
)
from proving.recursion.tables import BITS, LANES, Bits, Caps, Field, Given, Unpack
from proving.recursion.wires import COMPONENTS, EXTENSION, Ids, components
from proving.stark.air import Circuit

U64 = npt.NDArray[np.uint64]

#: Constraints of degree 9 fit a rate of 1/8.
MAX_DEGREE = 9
MIN_LOG_HEIGHT = 6


class UnwrittenWire(ValueError):
    """A wire is read and no row writes it; a mistake in a circuit's text."""


@dataclass(frozen=True)
class CompiledCircuit:
    """A circuit of the STARK engine, with what its witness is filled from."""

    circuit: Circuit
    program: WitnessProgram

    @property
    def log_heights(self) -> dict[str, int]:
        """log2 of the heights by table."""
        return {table: int(height) for table, height in zip(TABLES, self.program.log_heights, strict=True)}


def compile_recording(name: str, recording: Recording, log_heights: dict[str, int] | None = None) -> CompiledCircuit:
    """Lay a recording out in tables.

    Parameters
    ----------
    log_heights
        Least heights, so that several circuits have one shape.

    Raises
    ------
    UnwrittenWire
        A wire that is read has no writer.
    """
    compiler = _Compiler(recording, log_heights or {})
    fixed = {
        "hash": compiler.hash(),
        "field": compiler.field(),
        "fold": compiler.fold(),
        "bits": compiler.bits(),
        "caps": compiler.caps(),
        "unpack": compiler.unpack(),
        "given": compiler.given(),
    }
    compiler.count(fixed)
    tables = [
        Hash(fixed["hash"]),
        Field(fixed["field"]),
        Fold(fixed["fold"]),
        Bits(fixed["bits"]),
        Caps(fixed["caps"]),
        Unpack(fixed["unpack"]),
        Given(fixed["given"], len(recording.publics)),
    ]
    circuit = Circuit(name, tables, publics=len(recording.publics), max_degree=MAX_DEGREE)
    return CompiledCircuit(circuit, compiler.program())


class _Compiler:
    """Builds preprocessed columns table by table; counts of wires come last."""

    def __init__(self, recording: Recording, least: dict[str, int]) -> None:
        self._recording = recording
        self._least = least
        self._heights: dict[str, int] = {}
        self._reads = np.zeros(recording.wires.count, dtype=np.int64)
        #: (table, address column, count column) of every kind of writer.
        self._writers: list[tuple[str, str, str]] = []
        self._hints = set(np.concatenate([np.empty(0, np.int64), *recording.hints]).tolist())
        for step in recording.steps:
            if isinstance(step, CopyStep):
                self._hints.update(step.target.tolist())

    # Tables

    def hash(self) -> dict[str, U64]:
        """Order the rows so that every row stands after the one that it continues, and say what each does."""
        recording = self._recording
        steps = [step for step in recording.steps if isinstance(step, HashStep)]
        count = recording.hash_rows
        previous = joined([step.previous for step in steps])
        follower = np.full(count, NONE, dtype=np.int64)
        has = np.flatnonzero(previous != NONE)
        follower[previous[has]] = has
        self._place = _chains(previous, follower)
        height = self._height("hash", count)
        fixed = {name: np.zeros(height, dtype=np.uint64) for name in (*hash_table.ADDRESSES, *hash_table.SWITCHES)}
        digits = joined([step.digits for step in steps], (0, 2))
        node = digits[:, 0] != NONE
        blocks = joined([step.blocks for step in steps], (0, DIGEST + RATE))
        challenge = joined([np.full(step.rows.shape, step.challenge) for step in steps])
        place = self._place
        following = follower != NONE
        is_node_next = np.zeros(count, dtype=bool)
        is_node_next[following] = node[follower[following]]
        fixed["to chain"][place] = following & ~is_node_next
        fixed["to node"][place] = is_node_next
        fixed["node"][place] = node
        self._read(fixed, "low address", place[node], digits[node, 0])
        self._read(fixed, "high address", place[node], digits[node, 1])
        start = previous == NONE
        fixed["read first"][place] = start
        self._read(fixed, "first", place[start], blocks[start, 0] // COMPONENTS)
        combining = challenge != NONE
        fixed["combine"][place] = combining
        self._read(fixed, "challenge address", place[combining], challenge[combining])
        digest = joined([step.digest for step in steps])
        self._write("hash", fixed, "digest", place, digest)
        heads = np.array([recording.heads.get(int(wire), NONE) for wire in digest], dtype=np.int64)
        self._write("hash", fixed, "head", place[heads != NONE], heads[heads != NONE])
        combined = joined([step.combined for step in steps])
        self._write("hash", fixed, "combined", place[combined != NONE], combined[combined != NONE])
        constants = recording.wires.values()
        for row in np.flatnonzero(~node):
            self._parts(fixed, int(place[row]), blocks[row], constants)
        for kind, parts in (("slot", hash_table.SLOTS), ("group", hash_table.GROUPS)):
            self._writers += [("hash", f"part{i}", f"{kind}{i}") for i in range(parts)]
        return fixed

    def _parts(self, fixed: dict[str, U64], place: int, block: Ids, constants: dict[int, tuple[int, ...]]) -> None:
        """Say what the last twelve elements of a row are; a part that is written is marked by a count of one."""
        at = DIGEST
        while at < DIGEST + RATE:
            wire = int(block[at]) // COMPONENTS
            rest = at - DIGEST
            whole = at % DIGEST == 0 and np.array_equal(block[at : at + DIGEST], components(np.array(wire), DIGEST))
            if whole:
                group = rest // DIGEST
                fixed[f"part{group}"][place] = wire
                if wire in self._hints:
                    fixed[f"group{group}"][place] = 1
                else:
                    fixed[f"read{group}"][place] = 1
                    self._reads[wire] += 1
                at += DIGEST
                continue
            value = constants.get(wire)
            if value is not None and block[at] % COMPONENTS == 0:
                fixed[f"fixed{rest}"][place] = 1
                if rest in FIXED_PLACES:
                    fixed[f"constant{rest}"][place] = value[0]
                elif value[0]:
                    raise UnwrittenWire(f"element {rest} of a row cannot be fixed to {value[0]}")
            elif wire not in self._hints:
                raise UnwrittenWire(f"wire {wire} is hashed by a row that cannot hold it")
            slot, part = divmod(rest, EXTENSION)
            if part == 0 and value is None and block[at] % COMPONENTS == 0:
                fixed[f"part{slot}"][place] = wire
                fixed[f"slot{slot}"][place] = self._is_element(block[at : at + EXTENSION], wire, constants)
            at += 1

    def _is_element(self, slot: Ids, wire: int, constants: dict[int, tuple[int, ...]]) -> bool:
        """Tell whether three neighbours are a wire's first elements and zeros."""
        return all(
            int(scalar) == COMPONENTS * wire + i or constants.get(int(scalar) // COMPONENTS) == (0, 0, 0, 0)
            for i, scalar in enumerate(slot)
        )

    def field(self) -> dict[str, U64]:
        """Deal the operations out to rows and lanes."""
        steps = [step for step in self._recording.steps if isinstance(step, FieldStep)]
        columns = [joined([getattr(step, name) for step in steps]) for name in "abcd"]
        wired = np.stack(columns, axis=1)
        kinds = joined([np.full(step.a.shape, list(Operation).index(step.operation)) for step in steps])
        count = -(-wired.shape[0] // LANES)
        height = self._height("field", count)
        zero = self._recording.wires.constants[0, 0, 0, 0]
        wires = np.full((height * LANES, 4), zero, dtype=np.int64)
        wires[: wired.shape[0]] = wired
        np.add.at(self._reads, wires[:, :3].reshape(-1), 1)
        fixed: dict[str, U64] = {}
        written = (np.arange(height * LANES) < wired.shape[0]) & (wires[:, 3] != NONE)
        kind = np.full(height * LANES, -1)
        kind[: kinds.size] = kinds
        for lane in range(LANES):
            here = slice(lane, None, LANES)
            for position, name in enumerate("abcd"):
                fixed[f"{name}{lane}"] = np.maximum(wires[here, position], 0).astype(np.uint64)
            fixed[f"invert{lane}"] = (kind[here] == list(Operation).index(Operation.INVERT)).astype(np.uint64)
            fixed[f"zero{lane}"] = (kind[here] == list(Operation).index(Operation.ZERO)).astype(np.uint64)
            fixed[f"count{lane}"] = written[here].astype(np.uint64)
            self._writers.append(("field", f"d{lane}", f"count{lane}"))
        return fixed

    def fold(self) -> dict[str, U64]:
        """A row for each opened row."""
        steps = tuple(step for step in self._recording.steps if isinstance(step, FoldStep))
        values, bits, inverse = (joined([getattr(step, name) for step in steps])
                                 for name in ("values", "bits", "inverse"))  # fmt: skip
        beta = joined([np.full(step.values.shape, step.beta) for step in steps])
        count = values.size
        here = np.arange(count)
        height = self._height("fold", count)
        fixed = {name: np.zeros(height, dtype=np.uint64) for name in fold_table.COLUMNS}
        fixed["used"][:count] = 1
        fixed["values"][:count], fixed["bits"][:count] = values, bits
        np.add.at(self._reads, values[:, None] + np.arange(fold_table.ARITY), 1)
        np.add.at(self._reads, bits[:, None] + np.arange(fold_table.LOG_ARITY), 1)
        self._read(fixed, "beta address", here, beta)
        self._read(fixed, "inverse address", here, inverse)
        for name in ("picked", "folded"):
            self._write("fold", fixed, name, here, joined([getattr(step, name) for step in steps]))
        return fixed

    def bits(self) -> dict[str, U64]:
        """Give each element 64 rows, the highest bit first."""
        steps = [step for step in self._recording.steps if isinstance(step, BitsStep)]
        digests = joined([step.digest for step in steps])
        wires = joined([step.bits for step in steps], (0, BITS))[:, ::-1].reshape(-1)
        height = self._height("bits", wires.size)
        fixed = {name: np.zeros(height, dtype=np.uint64) for name in ("source", "read", "address", "count")}
        starts = BITS * np.arange(digests.size)
        fixed["read"][starts] = 1
        self._read(fixed, "source", starts, digests)
        fixed["address"][: wires.size] = wires
        fixed["count"][: wires.size] = 1
        self._writers.append(("bits", "address", "count"))
        return fixed

    def caps(self) -> dict[str, U64]:
        """Readings first, then the entries of every cap."""
        steps = [step for step in self._recording.steps if isinstance(step, CapStep)]
        digests = [step.digest for step in steps] + list(self._recording.caps.values())
        bases: list[Ids] = [np.full(step.digest.shape, step.base) for step in steps]
        bases += [base + np.arange(entries.size) for base, entries in self._recording.caps.items()]
        index = joined([step.index for step in steps])
        self._caps, self._cap_indices = np.stack([joined(digests), joined(bases)], axis=1), index
        count, readings = self._caps.shape[0], index.size
        height = self._height("caps", count)
        fixed = {name: np.zeros(height, dtype=np.uint64) for name in ("source", "place", "used", "reading", "base")}
        fixed["used"][:count], fixed["reading"][:readings] = 1, 1
        fixed["base"][:count] = self._caps[:, 1]
        self._read(fixed, "source", np.arange(count), self._caps[:, 0])
        self._read(fixed, "place", np.arange(readings), index)
        return fixed

    def unpack(self) -> dict[str, U64]:
        """A row for each digest."""
        steps = [step for step in self._recording.steps if isinstance(step, UnpackStep)]
        digests = joined([step.digest for step in steps])
        elements = joined([step.elements for step in steps], (0, DIGEST))
        count = digests.size
        height = self._height("unpack", count)
        names = ("source", "read", "address", *(f"count{i}" for i in range(DIGEST)))
        fixed = {name: np.zeros(height, dtype=np.uint64) for name in names}
        fixed["read"][:count] = 1
        self._read(fixed, "source", np.arange(count), digests)
        fixed["address"][:count] = elements[:, 0]
        for i in range(DIGEST):
            fixed[f"count{i}"][:count] = 1
            self._writers.append(("unpack", "address", f"count{i}"))
        return fixed

    def given(self) -> dict[str, U64]:
        """The public input, then the constants."""
        recording = self._recording
        constants = list(recording.wires.constants.items())
        given = np.array([*recording.publics, *(wire for _, wire in constants)], dtype=np.int64)
        height = self._height("given", given.size)
        publics = len(recording.publics)
        names = ["address", "count", *(f"constant{i}" for i in range(4)), *(f"public{i}" for i in range(publics))]
        fixed = {name: np.zeros(height, dtype=np.uint64) for name in names}
        fixed["address"][: given.size] = given
        fixed["count"][: given.size] = 1
        for i in range(publics):
            fixed[f"public{i}"][i] = 1
        for place, (value, _) in enumerate(constants, start=publics):
            for i in range(4):
                fixed[f"constant{i}"][place] = value[i]
        self._writers.append(("given", "address", "count"))
        return fixed

    def count(self, fixed: dict[str, dict[str, U64]]) -> None:
        """Replace the marks of writers by how often what they write is read."""
        writers = np.zeros(self._reads.size, dtype=np.int64)
        for table, address, count in self._writers:
            marks = fixed[table][count]
            here = np.flatnonzero(marks)
            wires = fixed[table][address][here].astype(np.int64)
            if table == "unpack":
                wires += int(count[-1])
            np.add.at(writers, wires, 1)
            marks[here] = self._reads[wires].astype(np.uint64)
        missing = np.flatnonzero((self._reads > 0) & (writers != 1))
        if missing.size:
            wire = int(missing[0])
            raise UnwrittenWire(
                f"wire {wire} is read {self._reads[wire]} times and has {writers[wire]} writers; "
                f"so have {missing.size} wires"
            )

    def program(self) -> WitnessProgram:
        """Return what the witness is filled from."""
        return write_program(
            self._recording,
            hash_place=self._place,
            caps=self._caps,
            cap_indices=self._cap_indices,
            log_heights=self._heights,
        )

    # Inside

    def _height(self, table: str, rows: int) -> int:
        log_height = max((max(rows, 1) - 1).bit_length(), MIN_LOG_HEIGHT, self._least.get(table, 0))
        self._heights[table] = log_height
        return 1 << log_height

    def _read(self, fixed: dict[str, U64], column: str, places: Ids, wires: Ids) -> None:
        fixed[column][places] = wires
        np.add.at(self._reads, wires, 1)

    def _write(self, table: str, fixed: dict[str, U64], name: str, places: Ids, wires: Ids) -> None:
        fixed[f"{name} address"][places] = wires
        fixed[f"{name} count"][places] = 1
        self._writers.append((table, f"{name} address", f"{name} count"))


def _chains(previous: Ids, follower: Ids) -> Ids:
    """Return the place of every row when each chain of rows stands together, chains in the order of their starts."""
    place = np.empty(previous.size, dtype=np.int64)
    at = 0
    for start in np.flatnonzero(previous == NONE):
        row = int(start)
        while row != NONE:
            place[row] = at
            at, row = at + 1, int(follower[row])
    return place
