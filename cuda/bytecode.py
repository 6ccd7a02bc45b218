"""Constraint bytecode as the device takes it: operands that say themselves what they are, and few operations.

The bytecode of ``proving.backend.program`` has an instruction for every pair of kinds of operands. Here an operand is
its kind and a number, and what an operation computes follows from the kinds; `constraints.cu` interprets the words that
:func:`encode` makes, and `straight_line` writes the same steps down as CUDA.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from proving.backend.interface import HostArray
from proving.backend.program import Bytecode, Code, Op


class Kind(IntEnum):
    """Where an operand lies; the extension field's kinds come last."""

    REGISTER = 0
    MAIN = 1
    MAIN_NEXT = 2
    PREPROCESSED = 3
    PERIODIC = 4
    FIRST = 5
    LAST = 6
    TRANSITION = 7
    POOL = 8
    EXTENSION_REGISTER = 9
    BUS = 10
    BUS_NEXT = 11
    EXTENSION_POOL = 12
    POWER = 13


class Operation(IntEnum):
    """What a step does; a base result has base operands only."""

    ADD = 0  #: target = a + b
    SUBTRACT = 1  #: target = a - b
    MULTIPLY = 2  #: target = a * b
    SUBTRACT_DOT = 3  #: target = a - sum of vectors times entries of the extension pool
    SUM_DOT = 4  #: accumulator += sum of vectors times powers of the constraint challenge
    SUM_PRODUCT = 5  #: accumulator += a * b
    OUTPUT = 6  #: output number `target` = a, embedded in the extension


@dataclass(frozen=True)
class Operand:
    """A value that a step reads."""

    kind: Kind
    number: int = 0

    @property
    def extension(self) -> bool:
        """Whether it lies in the cubic extension."""
        return self.kind >= Kind.EXTENSION_REGISTER


@dataclass(frozen=True)
class Step:
    """One operation; ``terms`` are vectors and the numbers of what they are multiplied by."""

    operation: Operation
    target: int
    a: Operand
    b: Operand
    terms: tuple[tuple[Operand, int], ...] = ()

    @property
    def extension(self) -> bool:
        """Whether the target is an extension register."""
        return self.operation is Operation.SUBTRACT_DOT or self.a.extension or self.b.extension


#: What an operation reads where it reads nothing.
NOTHING = Operand(Kind.REGISTER)

_LEAVES = {
    (Op.MAIN, 0): Kind.MAIN,
    (Op.MAIN, 1): Kind.MAIN_NEXT,
    (Op.PREPROCESSED, 0): Kind.PREPROCESSED,
    (Op.PERIODIC, 0): Kind.PERIODIC,
    (Op.FIRST, 0): Kind.FIRST,
    (Op.LAST, 0): Kind.LAST,
    (Op.TRANSITION, 0): Kind.TRANSITION,
    (Op.BUS, 0): Kind.BUS,
    (Op.BUS, 1): Kind.BUS_NEXT,
}

_OPERATIONS = {"ADD": Operation.ADD, "SUB": Operation.SUBTRACT, "RSUB": Operation.SUBTRACT, "MUL": Operation.MULTIPLY}


def steps(code: Bytecode) -> list[Step]:
    """Return the instructions of a bytecode as steps."""
    base = _slots(code.base_registers, code.base_leaves, Kind.REGISTER)
    extension = _slots(code.extension_registers, code.extension_leaves, Kind.EXTENSION_REGISTER)
    read: dict[str, Callable[[int], Operand]] = {
        "B": base,
        "E": extension,
        "b": functools.partial(Operand, Kind.POOL),
        "e": functools.partial(Operand, Kind.EXTENSION_POOL),
    }
    made = []
    for number, target, a, b, c in code.code.tolist():
        name, _, kinds = Code(number).name.partition("_")
        terms = tuple((base(vector), factor) for vector, factor in code.terms[b : b + c].tolist())
        if name == "SUBDOT":
            step = Step(Operation.SUBTRACT_DOT, target, read[kinds](a), NOTHING, terms)
        elif name == "OUT":
            step = Step(Operation.OUTPUT, target, read[kinds](a), NOTHING)
        elif name == "SUM" and kinds == "B":
            step = Step(Operation.SUM_DOT, 0, NOTHING, NOTHING, terms)
        elif name == "SUM":
            step = Step(Operation.SUM_PRODUCT, 0, extension(a), Operand(Kind.POWER, target))
        else:
            operands = read[kinds[0]](a), read[kinds[1]](b)
            left, right = reversed(operands) if name == "RSUB" else operands
            step = Step(_OPERATIONS[name], target, left, right)
        made.append(step)
    return made


def _slots(
    registers: int, leaves: np.ndarray[tuple[int, int], np.dtype[np.int32]], own: Kind
) -> Callable[[int], Operand]:
    behind = [Operand(_LEAVES[Op(op), following], column) for op, column, following in leaves.tolist()]
    return lambda slot: Operand(own, slot) if slot < registers else behind[slot - registers]


@dataclass(frozen=True)
class Encoded:
    """A program for the interpreter.

    Attributes
    ----------
    code
        ``(2 steps,) uint64``: operation, extension << 4, terms << 8, target << 32; then the operands, or an operand and
        the first term.
    terms
        ``(terms,) uint64``: vector and factor << 32.
    registers
        Words of a thread's registers.
    """

    code: HostArray
    terms: HostArray
    registers: int


def encode(code: Bytecode) -> Encoded:
    """Return the words of a bytecode."""
    words: list[int] = []
    terms: list[int] = []
    for step in steps(code):
        words.append(step.operation | step.extension << 4 | len(step.terms) << 8 | step.target << 32)
        words.append(_operand(step.a) | (len(terms) if step.terms else _operand(step.b)) << 32)
        terms += [_operand(vector) | factor << 32 for vector, factor in step.terms]
    registers = code.base_registers + 3 * code.extension_registers
    return Encoded(np.array(words, dtype=np.uint64), np.array(terms, dtype=np.uint64), registers)


def uses(code: Bytecode, *kinds: Op) -> bool:
    """Whether a bytecode reads leaves of one of these kinds."""
    return bool(np.isin(code.base_leaves[:, 0], kinds).any())


def digest(code: Bytecode) -> str:
    """Return the hash of everything in a bytecode that a kernel depends on, 16 hexadecimal digits.

    The values of the pools are given to the kernel; which nodes they come from does not matter to it.
    """
    state = hashlib.sha256()
    for part in (code.code, code.terms, code.base_leaves, code.extension_leaves):
        state.update(f"{part.shape}\n".encode())
        state.update(np.ascontiguousarray(part, dtype="<i4").tobytes())
    state.update(f"{code.base_registers} {code.extension_registers} {code.outputs}".encode())
    return state.hexdigest()[:16]


def _operand(operand: Operand) -> int:
    return operand.kind << 28 | operand.number
