"""The witness of a circuit that verifies proofs: the recording is run on values, whole arrays at a time.

Checks are not made here: whatever the hints are, traces come out, and what is false about them breaks a constraint or
a bus.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from proving.field import extension, goldilocks
from proving.field.goldilocks import root_of_unity
from proving.hash import DIGEST, RATE, WIDTH, compress
from proving.native import POINTER, SIZE, function, memory
from proving.recursion.compile import CompiledCircuit
from proving.recursion.fold_table import LOG_ARITY
from proving.recursion.recording import (
    NONE,
    BitsStep,
    CopyStep,
    FieldStep,
    FoldStep,
    HashStep,
    Operation,
    Step,
    UnpackStep,
)
from proving.recursion.tables import BITS, LANES
from proving.recursion.wires import COMPONENTS, EXTENSION, Ids
from proving.stark.arithmetic import IntegerArithmetic, Words

U64 = npt.NDArray[np.uint64]

_fill = function("hm_fill_hash16", None, [POINTER, POINTER, POINTER, POINTER, SIZE, POINTER])

#: Columns of the hash table and of the fold table.
HASH_COLUMNS = 165
FOLD_COLUMNS = 46
INTEGERS = IntegerArithmetic()


def fill(compiled: CompiledCircuit, publics: Words, parts: Sequence[Words]) -> dict[str, U64]:
    """Return the traces of a circuit.

    Parameters
    ----------
    publics
        Public input of the circuit, ``(n,)``.
    parts
        What the hints are, in the order in which they were declared: a proof's parts.
    """
    run = _Run(compiled, publics, parts)
    for step in compiled.recording.steps:
        run.step(step)
    return {
        "hash": run.hash(),
        "field": run.field(),
        "fold": run.fold(),
        "bits": run.bits(),
        "caps": run.caps(),
        "unpack": run.unpack(),
        "given": run.given(),
    }


class _Run:
    """Values of all wires, filled step by step."""

    def __init__(self, compiled: CompiledCircuit, publics: Words, parts: Sequence[Words]) -> None:
        self._compiled = compiled
        recording = compiled.recording
        self._publics = publics
        self._values = np.zeros((recording.wires.count, COMPONENTS), dtype=np.uint64)
        for wire, value in recording.wires.values().items():
            self._values[wire] = value
        self._values[recording.publics, 0] = publics
        for wires, part in zip(recording.hints, parts, strict=True):
            self._hint(wires, np.asarray(part, dtype=np.uint64))
        self._states = np.zeros((recording.hash_rows, WIDTH), dtype=np.uint64)
        self._digits = np.zeros((recording.hash_rows, 2), dtype=np.uint64)
        self._challenges = np.zeros((recording.hash_rows, EXTENSION), dtype=np.uint64)
        self._digests = np.zeros((recording.hash_rows, DIGEST), dtype=np.uint64)
        self._combined = np.zeros((recording.hash_rows, EXTENSION), dtype=np.uint64)

    def step(self, step: Step) -> None:
        """Fill what a step writes."""
        values = self._values
        if isinstance(step, HashStep):
            self._hash(step)
        elif isinstance(step, FieldStep):
            if step.operation is Operation.INVERT:
                values[step.d, :EXTENSION] = extension.inverse(values[step.a, :EXTENSION])
            elif step.operation is Operation.MULTIPLY_ADD:
                values[step.d, :EXTENSION] = self._multiply_add(step.a, step.b, step.c)
        elif isinstance(step, FoldStep):
            picked, folded = INTEGERS.fold(*self._folding(step))
            values[step.picked, :EXTENSION], values[step.folded, :EXTENSION] = picked, folded
        elif isinstance(step, CopyStep):
            values[step.target] = values[step.source]
        elif isinstance(step, UnpackStep):
            values[step.elements, 0] = values[step.digest]
        elif isinstance(step, BitsStep):
            shifts = np.arange(BITS, dtype=np.uint64)
            values[step.bits, 0] = (values[step.digest, 0][:, None] >> shifts) & np.uint64(1)

    def hash(self) -> U64:
        """The hash table's columns."""
        place, height = self._compiled.layout.hash_place, 1 << self._compiled.layout.log_heights["hash"]
        states = np.zeros((height, WIDTH), dtype=np.uint64)
        digits, combined = np.zeros((height, 2), dtype=np.uint64), np.zeros((height, EXTENSION), dtype=np.uint64)
        challenges = np.zeros((height, EXTENSION), dtype=np.uint64)
        states[place], digits[place], challenges[place] = self._states, self._digits, self._challenges
        combined[place] = self._combined
        columns = memory.empty((HASH_COLUMNS, height))
        _fill(states.ctypes.data, digits.ctypes.data, challenges.ctypes.data, combined.ctypes.data, height,
              columns.ctypes.data)  # fmt: skip
        return columns

    def field(self) -> U64:
        """The field table's columns."""
        layout = self._compiled.layout
        height = 1 << layout.log_heights["field"]
        wires = np.full((height * LANES, 4), self._compiled.recording.wires.constants[0, 0, 0, 0], dtype=np.int64)
        wires[: layout.field.shape[0]] = layout.field
        values = self._values[np.maximum(wires, 0), :EXTENSION]
        shown = wires[:, 3] == NONE
        values[shown, 3] = self._multiply_add(*wires[shown, :3].T)
        rows = values.reshape(height, LANES * 4 * EXTENSION)
        return np.ascontiguousarray(rows.T)

    def fold(self) -> U64:
        """The fold table's columns."""
        layout = self._compiled.layout
        columns = np.zeros((FOLD_COLUMNS, 1 << layout.log_heights["fold"]), dtype=np.uint64)
        at = 0
        for step in layout.folds:
            rows, inverse, bits, beta = self._folding(step)
            first = inverse
            for position in range(LOG_ARITY):
                root = np.where(bits[:, position] != 0, np.uint64(root_of_unity(position + 1)), np.uint64(1))
                first = goldilocks.multiply(first, root)
            ratio = extension.scale(beta[None, :], first)
            square = extension.multiply(ratio, ratio)
            made = [
                *(rows, np.broadcast_to(beta, ratio.shape), inverse[:, None], bits, ratio, square),
                *(extension.multiply(square, square), self._values[step.picked, :EXTENSION]),
                self._values[step.folded, :EXTENSION],
            ]
            columns[:, at : at + inverse.size] = np.concatenate(made, axis=1).T
            at += inverse.size
        return columns

    def _folding(self, step: FoldStep) -> tuple[U64, U64, U64, U64]:
        """Return rows, inverses, bits and the challenge of a step, as they are folded."""
        values = self._values[step.values[:, None] + np.arange(1 << LOG_ARITY), :EXTENSION]
        bits = self._values[step.bits[:, None] + np.arange(LOG_ARITY), 0]
        rows = values.reshape(-1, EXTENSION << LOG_ARITY)
        return rows, self._values[step.inverse, 0], bits, self._values[step.beta, :EXTENSION]

    def bits(self) -> U64:
        """The bits table's columns."""
        layout = self._compiled.layout
        height = 1 << layout.log_heights["bits"]
        digests = np.zeros((height // BITS, COMPONENTS), dtype=np.uint64)
        digests[: layout.bits.size] = self._values[layout.bits]
        element = digests[:, 0]
        down = np.arange(BITS - 1, -1, -1, dtype=np.uint64)
        number = element[:, None] >> down
        bit = number & np.uint64(1)
        ones = np.cumprod(bit, axis=1)
        ones[:, BITS // 2 :] = ones[:, BITS // 2 - 1 : BITS // 2]
        rest = np.zeros((EXTENSION, height), dtype=np.uint64)
        rest[:, ::BITS] = digests[:, 1:].T
        number = np.where(number >= np.uint64(goldilocks.PRIME), number - np.uint64(goldilocks.PRIME), number)
        repeated = np.repeat(element, BITS)
        return np.stack([bit.reshape(-1), number.reshape(-1), ones.reshape(-1), repeated, *rest])

    def caps(self) -> U64:
        """The columns of the table of caps."""
        layout = self._compiled.layout
        rows, readings = layout.caps, layout.caps.index.size
        columns = np.zeros((DIGEST + 2, 1 << layout.log_heights["caps"]), dtype=np.uint64)
        columns[:DIGEST, : rows.digest.size] = self._values[rows.digest].T
        index = self._values[rows.index, 0]
        columns[DIGEST, :readings] = index
        read = goldilocks.add(rows.base[:readings].astype(np.uint64), index)
        entries = rows.base[readings:]
        times = np.bincount(read[read < entries.size].astype(np.int64), minlength=entries.size)
        columns[DIGEST + 1, readings : rows.digest.size] = times[entries]
        return columns

    def unpack(self) -> U64:
        """The columns of the table of digests' elements."""
        layout = self._compiled.layout
        columns = np.zeros((DIGEST, 1 << layout.log_heights["unpack"]), dtype=np.uint64)
        columns[:, : layout.unpacked.size] = self._values[layout.unpacked].T
        return columns

    def given(self) -> U64:
        """The column of the table of constants and public input."""
        column = np.zeros((1, 1 << self._compiled.layout.log_heights["given"]), dtype=np.uint64)
        column[0, : self._publics.size] = self._publics
        return column

    # Inside

    def _hint(self, wires: Ids, part: Words) -> None:
        """Lay a part of a proof into its wires, as `CircuitArithmetic.hint` does."""
        if not part.size:
            return
        width = part.shape[-1]
        if wires.size * width != part.size or width not in (EXTENSION, DIGEST):
            rows = part.reshape(-1, width)
            padded = np.zeros((rows.shape[0], -(-width // EXTENSION) * EXTENSION), dtype=np.uint64)
            padded[:, :width] = rows
            part, width = padded, EXTENSION
        self._values[wires, :width] = part.reshape(-1, width)

    def _multiply_add(self, a: Ids, b: Ids, c: Ids) -> U64:
        x, y, z = (self._values[wires, :EXTENSION] for wires in (a, b, c))
        return goldilocks.add(extension.multiply(x, y), z)

    def _hash(self, step: HashStep) -> None:
        flat = self._values.reshape(-1)
        states = flat[np.maximum(step.blocks, 0)]
        node = step.digits[:, 0] != NONE
        if node.any():
            digits = self._values[step.digits, 0]
            own = (digits[:, 0] + np.uint64(2) * digits[:, 1]).astype(np.int64)
            children = np.empty((own.size, 4, DIGEST), dtype=np.uint64)
            places = np.arange(4)
            children[places != own[:, None]] = states[:, DIGEST:].reshape(-1, DIGEST)
            children[np.arange(own.size), own] = self._digests[step.previous]
            states = children.reshape(-1, WIDTH)
            self._digits[step.rows] = digits
        self._states[step.rows] = states
        digests = compress(states)
        self._digests[step.rows] = self._values[step.digest] = digests
        heads = self._compiled.recording.heads
        for wire, value in zip(step.digest, digests, strict=True):
            head = heads.get(int(wire))
            if head is not None:
                self._values[head, :EXTENSION] = value[:EXTENSION]
        challenge = np.zeros(EXTENSION, dtype=np.uint64)
        if step.challenge != NONE:
            challenge = self._values[step.challenge, :EXTENSION]
            self._challenges[step.rows] = challenge
        own_part = _horner(states[:, WIDTH - RATE :], challenge)
        before = np.where((step.previous != NONE)[:, None], self._combined[np.maximum(step.previous, 0)], np.uint64(0))
        previous_challenge = self._challenges[np.maximum(step.previous, 0)]
        moved = extension.multiply(before, _power12(previous_challenge))
        chained = (step.previous != NONE) & ~node
        total = np.where(chained[:, None], goldilocks.add(own_part, moved), own_part)
        self._combined[step.rows] = total
        written = step.combined != NONE
        self._values[step.combined[written], :EXTENSION] = total[written]


def _power12(challenge: U64) -> U64:
    square = extension.multiply(challenge, challenge)
    fourth = extension.multiply(square, square)
    return extension.multiply(extension.multiply(fourth, fourth), fourth)


def _horner(elements: U64, challenge: U64) -> U64:
    """sum_i elements[:, i] challenge^(11 - i)."""
    total = np.zeros((elements.shape[0], EXTENSION), dtype=np.uint64)
    for column in elements.T:
        total = goldilocks.add(extension.multiply(total, challenge), extension.embed(column))
    return total
