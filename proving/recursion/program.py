"""What a circuit's witness is filled from: its steps over ranges of rows, and where the rows stand, as a few arrays.

It says nothing of how the circuit was written down, so that it can be stored, and run by native code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from proving.hash import WIDTH
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
    Step,
    UnpackStep,
)
from proving.recursion.wires import COMPONENTS, Ids

#: Wires, scalars, rows and counts as a program holds them.
Numbers = npt.NDArray[np.int32]

#: The tables of every circuit that verifies proofs, in their order.
TABLES: Final = ("hash", "field", "fold", "bits", "caps", "unpack", "given")


class StepKind(IntEnum):
    """What a step does with its rows; `proving/native/src/recursion.cpp` has the same numbers."""

    #: d = a b + c
    MULTIPLY_ADD = 0
    #: d = 1 / a
    INVERT = 1
    #: Rows of the hash table, compressed at once.
    HASH = 2
    #: Opened rows, folded with one challenge.
    FOLD = 3
    #: Wires take the values of others.
    COPY = 4
    #: Elements are taken apart into bits.
    BITS = 5
    #: Digests are taken apart into elements.
    UNPACK = 6


@dataclass(frozen=True, eq=False)
class WitnessProgram:
    """A compiled circuit without its constraints; NONE stands for no wire and no row.

    Attributes
    ----------
    counts : ``(1,)``, number of wires
    constants : ``(n, 4) uint64``, values
    constant_wires : ``(n,)``
    publics : wires of the public input ``(n,)``
    hints : wires that the proof gives, all parts one after the other
    hint_ends : ``(parts,)``, where each part ends
    steps : ``(n, 4)``: kind, first row, end, wire of the challenge or NONE
    field : ``(operations, 4)``, wires of a, b, c, d; d is NONE where nothing is written
    blocks : ``(rows, 16)``, scalars that a recorded row of the hash table compresses
    rows : ``(rows, 6)``: row before, wires of a node's two digits, of the digest, of its head, of the combination
    hash_place : ``(rows,)``, row of the hash table by recorded row
    folds : ``(n, 5)``, wires: first of the values, first of the bits, inverse, picked, folded
    copies : ``(n, 2)``, wires: source, target
    bits : ``(n, 2)``, wires: digest, first of the 64 bits of its first element
    unpacked : ``(n, 2)``, wires: digest, first of its elements
    caps : ``(n, 2)``: wire of the digest, base; readings first, then the entries of every cap
    cap_indices : ``(readings,)``, wires
    log_heights : ``(tables,)``, in the order of :data:`TABLES`
    """

    counts: Numbers
    constants: npt.NDArray[np.uint64]
    constant_wires: Numbers
    publics: Numbers
    hints: Numbers
    hint_ends: Numbers
    steps: Numbers
    field: Numbers
    blocks: Numbers
    rows: Numbers
    hash_place: Numbers
    folds: Numbers
    copies: Numbers
    bits: Numbers
    unpacked: Numbers
    caps: Numbers
    cap_indices: Numbers
    log_heights: Numbers

    @property
    def wires(self) -> int:
        """Number of wires."""
        return int(self.counts[0])

    def height(self, table: str) -> int:
        """Return the number of rows of a table."""
        return 1 << int(self.log_heights[TABLES.index(table)])


def write_program(
    recording: Recording, *, hash_place: Ids, caps: Ids, cap_indices: Ids, log_heights: Mapping[str, int]
) -> WitnessProgram:
    """Write down what a recording's witness is filled from; the arguments are attributes of the program."""
    every = recording.steps
    hashes, folds, copies = _of(every, HashStep), _of(every, FoldStep), _of(every, CopyStep)
    digests = joined([step.digest for step in hashes])
    heads = np.array([recording.heads.get(int(wire), NONE) for wire in digests], dtype=np.int64)
    digits = joined([step.digits for step in hashes], (0, 2))
    before, after = (joined([getattr(step, name) for step in hashes]) for name in ("previous", "combined"))
    constants = recording.wires.constants
    return WitnessProgram(
        counts=_numbers([recording.wires.count]),
        constants=np.array(list(constants), dtype=np.uint64).reshape(-1, COMPONENTS),
        constant_wires=_numbers(list(constants.values())),
        publics=_numbers(recording.publics),
        hints=_numbers(joined(recording.hints)),
        hint_ends=_numbers(np.cumsum([part.size for part in recording.hints])),
        steps=_ranges(every),
        field=_table([joined([getattr(step, name) for step in _of(every, FieldStep)]) for name in "abcd"]),
        blocks=_numbers(joined([step.blocks for step in hashes], (0, WIDTH))),
        rows=_table([before, *digits.T, digests, heads, after]),
        hash_place=_numbers(hash_place),
        folds=_table(
            [joined([getattr(step, n) for step in folds]) for n in ("values", "bits", "inverse", "picked", "folded")]
        ),
        copies=_table([joined([getattr(step, name) for step in copies]) for name in ("source", "target")]),
        bits=_apart([(step.digest, step.bits) for step in _of(every, BitsStep)]),
        unpacked=_apart([(step.digest, step.elements) for step in _of(every, UnpackStep)]),
        caps=_numbers(caps),
        cap_indices=_numbers(cap_indices),
        log_heights=_numbers([log_heights[table] for table in TABLES]),
    )


def joined(parts: Sequence[Ids], empty: tuple[int, ...] = (0,)) -> Ids:
    """Return arrays of numbers one after the other; `empty` is the shape of what no array makes."""
    nothing: Ids = np.empty(empty, dtype=np.int64)
    return np.concatenate([nothing, *parts])


def _of(steps: Sequence[Step], kind: type[Any]) -> list[Any]:
    return [step for step in steps if isinstance(step, kind)]


def _ranges(steps: Sequence[Step]) -> Numbers:
    """Return kind, range of rows and challenge of every step that writes values."""
    counts: dict[type[Step], int] = {}
    found = []
    for step in steps:
        kind, rows, challenge = _kind(step)
        first = counts.get(type(step), 0)
        counts[type(step)] = end = first + rows
        if kind is not None:
            found.append((kind, first, end, challenge))
    return _numbers(np.array(found, dtype=np.int64).reshape(-1, 4))


def _kind(step: Step) -> tuple[StepKind | None, int, int]:
    """Return what a step does, None when it only checks, with its number of rows and its challenge's wire."""
    match step:
        case HashStep():
            return StepKind.HASH, step.rows.size, step.challenge
        case FoldStep():
            return StepKind.FOLD, step.values.size, step.beta
        case CopyStep():
            return StepKind.COPY, step.source.size, NONE
        case BitsStep():
            return StepKind.BITS, step.digest.size, NONE
        case UnpackStep():
            return StepKind.UNPACK, step.digest.size, NONE
        case CapStep():
            return None, step.digest.size, NONE
        case FieldStep():
            kinds = {Operation.MULTIPLY_ADD: StepKind.MULTIPLY_ADD, Operation.INVERT: StepKind.INVERT}
            return kinds.get(step.operation), step.a.size, NONE


def _apart(steps: Sequence[tuple[Ids, Ids]]) -> Numbers:
    """Return digests with the first of the neighbouring wires ``(n, k)`` that take their parts."""
    for _, wires in steps:
        if (wires != wires[:, :1] + np.arange(wires.shape[1])).any():
            raise ValueError("the parts of a digest do not stand side by side")
    return _table([joined([digests for digests, _ in steps]), joined([wires[:, 0] for _, wires in steps])])


def _table(columns: Sequence[Ids]) -> Numbers:
    return _numbers(np.stack(columns, axis=1))


def _numbers(values: Sequence[int] | Ids) -> Numbers:
    """Return numbers in 32 bits.

    Raises
    ------
    OverflowError
        One does not fit.
    """
    wide = np.asarray(values, dtype=np.int64)
    if wide.size and int(np.abs(wide).max()) >> 31:
        raise OverflowError("a circuit has too many wires for a witness program")
    return np.ascontiguousarray(wide, dtype=np.int32)
