"""The witness of a circuit that verifies proofs: the recording is run on values, whole arrays at a time.

Checks are not made here: whatever the hints are, traces come out, and what is false about them breaks a constraint or
a bus.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proving.backend import native_expansion
from proving.backend.expansion import HASHED_WORDS, RecursionExpansion
from proving.field import extension, goldilocks
from proving.field.goldilocks import root_of_unity
from proving.hash import DIGEST, WIDTH
from proving.hash.compression import compress16
from proving.native import POINTER, SIZE, function
from proving.recursion.fold_table import LOG_ARITY
from proving.recursion.program import Numbers, StepKind, WitnessProgram
from proving.recursion.recording import NONE
from proving.recursion.tables import BITS, LANES
from proving.recursion.wires import COMPONENTS, EXTENSION
from proving.stark.arithmetic import Words
from proving.stark.integers import IntegerArithmetic

U64 = npt.NDArray[np.uint64]

_run = function("hm_run_recursion", SIZE, [POINTER, SIZE, SIZE])

#: Columns of the hash table and of the fold table.
HASH_COLUMNS = 165
FOLD_COLUMNS = 46
INTEGERS = IntegerArithmetic()


class _Native(ctypes.Structure):
    """`HmRecursion` of `proving/native/src/recursion.cpp`."""

    _fields_ = tuple(
        (name, POINTER)
        for name in (
            *("steps", "field", "blocks", "rows", "copies", "bits", "unpacked"),
            *("values", "states", "digits", "challenges", "digests", "combined", "compress"),
        )
    )


def prepare(program: WitnessProgram, publics: Words, parts: Sequence[Words]) -> RecursionExpansion:
    """Return what a backend expands to the traces of a circuit.

    Parameters
    ----------
    publics
        Public input of the circuit, ``(n,)``.
    parts
        What the hints are, in the order in which they were declared: a proof's parts.
    """
    run = _Run(program, publics, parts)
    tables = {
        "field": run.field(),
        "fold": run.fold(),
        "bits": run.bits(),
        "caps": run.caps(),
        "unpack": run.unpack(),
        "given": run.given(),
    }
    hashed = run.hashed()
    shapes = {"hash": (HASH_COLUMNS, len(hashed))}
    for name, columns in tables.items():
        shapes[name] = (columns.shape[0], columns.shape[1])
    return RecursionExpansion(shapes, hashed, tables)


def fill(program: WitnessProgram, publics: Words, parts: Sequence[Words]) -> dict[str, U64]:
    """Return the traces of a circuit, ``(columns, rows) uint64`` by table; parameters as of `prepare`."""
    return native_expansion.expand(prepare(program, publics, parts))


@dataclass(frozen=True)
class _Folding:
    """What a step folds: rows ``(n, 24)``, inverses ``(n,)``, bits ``(n, 3)``, challenge ``(3,)``; wires ``(n,)``."""

    rows: U64
    inverse: U64
    bits: U64
    beta: U64
    picked: Numbers
    folded: Numbers


class _Run:
    """Values of all wires, filled step by step."""

    def __init__(self, program: WitnessProgram, publics: Words, parts: Sequence[Words]) -> None:
        self._program = program
        self._publics = publics
        self._values = np.zeros((program.wires, COMPONENTS), dtype=np.uint64)
        self._values[program.constant_wires] = program.constants
        self._values[program.publics, 0] = publics
        hints = np.split(program.hints, program.hint_ends)[:-1]
        for wires, part in zip(hints, parts, strict=True):
            self._hint(wires, np.asarray(part, dtype=np.uint64))
        rows = program.rows.shape[0]
        self._states = np.zeros((rows, WIDTH), dtype=np.uint64)
        self._digits = np.zeros((rows, 2), dtype=np.uint64)
        self._challenges = np.zeros((rows, EXTENSION), dtype=np.uint64)
        self._combined = np.zeros((rows, EXTENSION), dtype=np.uint64)
        self._run_steps()

    def _run_steps(self) -> None:
        """Fill what the steps write: natively, but for the folds, which the verifier's arithmetic does."""
        program, digests = self._program, np.zeros((self._program.rows.shape[0], DIGEST), dtype=np.uint64)
        arrays = {
            **{name: getattr(program, name) for name in ("steps", "field", "blocks", "rows", "copies", "bits")},
            "unpacked": program.unpacked,
            "values": self._values,
            "states": self._states,
            "digits": self._digits,
            "challenges": self._challenges,
            "digests": digests,
            "combined": self._combined,
        }
        native = _Native(compress=compress16.address(), **{name: array.ctypes.data for name, array in arrays.items()})
        step, end = 0, program.steps.shape[0]
        while (step := _run(ctypes.addressof(native), step, end)) < end:
            folding = self._folding(program.steps[step])
            picked, folded = INTEGERS.fold(folding.rows, folding.inverse, folding.bits, folding.beta)
            self._values[folding.picked, :EXTENSION], self._values[folding.folded, :EXTENSION] = picked, folded
            step += 1

    def hashed(self) -> U64:
        """What the hash table's rows are expanded from, ``(rows, 24)``."""
        rows = np.zeros((self._program.height("hash"), HASHED_WORDS), dtype=np.uint64)
        made = (self._states, self._digits, self._challenges, self._combined)
        rows[self._program.hash_place] = np.concatenate(made, axis=1)
        return rows

    def field(self) -> U64:
        """The field table's columns."""
        wired, height = self._program.field, self._program.height("field")
        values = np.zeros((height * LANES, 4, EXTENSION), dtype=np.uint64)
        values[: wired.shape[0]] = self._values[np.maximum(wired, 0), :EXTENSION]
        shown = np.flatnonzero(wired[:, 3] == NONE)
        values[shown, 3] = self._multiply_add(*wired[shown, :3].T)
        rows = values.reshape(height, LANES * 4 * EXTENSION)
        return np.ascontiguousarray(rows.T)

    def fold(self) -> U64:
        """The fold table's columns."""
        program = self._program
        columns = np.zeros((FOLD_COLUMNS, program.height("fold")), dtype=np.uint64)
        for step in program.steps[program.steps[:, 0] == StepKind.FOLD]:
            folding = self._folding(step)
            first, bits, beta = folding.inverse, folding.bits, folding.beta
            for position in range(LOG_ARITY):
                root = np.where(bits[:, position] != 0, np.uint64(root_of_unity(position + 1)), np.uint64(1))
                first = goldilocks.multiply(first, root)
            ratio = extension.scale(beta[None, :], first)
            square = extension.multiply(ratio, ratio)
            made = [
                *(folding.rows, np.broadcast_to(beta, ratio.shape), folding.inverse[:, None], bits, ratio, square),
                *(extension.multiply(square, square), self._values[folding.picked, :EXTENSION]),
                self._values[folding.folded, :EXTENSION],
            ]
            columns[:, step[1] : step[2]] = np.concatenate(made, axis=1).T
        return columns

    def _folding(self, step: Numbers) -> _Folding:
        values, bits, inverse, picked, folded = self._program.folds[step[1] : step[2]].T
        rows = self._values[values[:, None] + np.arange(1 << LOG_ARITY), :EXTENSION]
        return _Folding(
            rows=rows.reshape(-1, EXTENSION << LOG_ARITY),
            inverse=self._values[inverse, 0],
            bits=self._values[bits[:, None] + np.arange(LOG_ARITY), 0],
            beta=self._values[step[3], :EXTENSION],
            picked=picked,
            folded=folded,
        )

    def bits(self) -> U64:
        """The bits table's columns."""
        taken, height = self._program.bits[:, 0], self._program.height("bits")
        digests = np.zeros((height // BITS, COMPONENTS), dtype=np.uint64)
        digests[: taken.size] = self._values[taken]
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
        digests, bases = self._program.caps.T
        readings = self._program.cap_indices.size
        columns = np.zeros((DIGEST + 2, self._program.height("caps")), dtype=np.uint64)
        columns[:DIGEST, : digests.size] = self._values[digests].T
        index = self._values[self._program.cap_indices, 0]
        columns[DIGEST, :readings] = index
        read = goldilocks.add(bases[:readings].astype(np.uint64), index)
        entries = bases[readings:]
        times = np.bincount(read[read < entries.size].astype(np.int64), minlength=entries.size)
        columns[DIGEST + 1, readings : digests.size] = times[entries]
        return columns

    def unpack(self) -> U64:
        """The columns of the table of digests' elements."""
        digests = self._program.unpacked[:, 0]
        columns = np.zeros((DIGEST, self._program.height("unpack")), dtype=np.uint64)
        columns[:, : digests.size] = self._values[digests].T
        return columns

    def given(self) -> U64:
        """The column of the table of constants and public input."""
        column = np.zeros((1, self._program.height("given")), dtype=np.uint64)
        column[0, : self._publics.size] = self._publics
        return column

    # Inside

    def _hint(self, wires: Numbers, part: Words) -> None:
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

    def _multiply_add(self, a: Numbers, b: Numbers, c: Numbers) -> U64:
        x, y, z = (self._values[wires, :EXTENSION] for wires in (a, b, c))
        return goldilocks.add(extension.multiply(x, y), z)
