"""What a backend is told about a table: its expression graph and the bytecode lowered from it, as plain arrays.

`Nodes` is the graph itself, for code generators that want to walk it; `Bytecode` is the same computation as
instructions of a register machine, for interpreters. Nothing here depends on how a circuit is described.

Register machine
----------------
There are two files of vector slots, base and extension. A file's first slots are registers; behind them follow leaf
slots, which are columns. Uniform values (the same on every row) live in two pools, one of base and one of extension
elements; their values come from `resolve_uniform`. An instruction is five numbers `(code, target, a, b, c)`; `Code`
says what they name: B and E are base and extension slots, b and e entries of the base and extension pool. Dot products
name a range of `terms`, each a base slot and an entry of the extension pool or the number of a power.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from proving.backend.interface import PRIME, HostArray

MAX_TERMS = 64  #: of one dot product; kernels add that many products up before they reduce

Extension = tuple[int, int, int]  #: c0 + c1 x + c2 x^2 in F[x]/(x^3 - x - 1)


class Op(IntEnum):
    """What a node is; the meaning of its operands `a` and `b` is given beside each."""

    CONST = 0  #: the base field constant `a`
    MAIN = 1  #: main column `a` on the current row (b = 0) or on the next row (b = 1)
    PREPROCESSED = 2  #: preprocessed column `a` on the current row
    PERIODIC = 3  #: periodic column `a`
    FIRST = 4  #: 1 on the first row, 0 on the others; polynomial (X^n - 1) / (n (X - 1))
    LAST = 5  #: 1 on the last row, 0 on the others; polynomial (X^n - 1) w^-1 / (n (X - w^-1))
    TRANSITION = 6  #: X - w^-1: 0 on the last row, nonzero (and not 1) on the others
    PUBLIC = 7  #: public input `a` of the circuit
    CHALLENGE = 8  #: bus challenge (extension): a = 0 is alpha, a = i >= 1 is beta^i
    BUS = 9  #: bus column `a` (extension) on the current row (b = 0) or on the next row (b = 1)
    BUS_SHARE = 10  #: S / n (extension), S the table's bus sum and n its height
    ADD = 11  #: a + b
    SUB = 12  #: a - b
    MUL = 13  #: a * b
    NEG = 14  #: -a


class Code(IntEnum):
    """Instructions; `target`, `a`, `b`, `c` as written on the right."""

    ADD_BB = 0  #: B = B + B
    ADD_Bb = 1  #: B = B + b
    SUB_BB = 2  #: B = B - B
    RSUB_Bb = 3  #: B = b(second) - B(first)
    MUL_BB = 4  #: B = B * B
    MUL_Bb = 5  #: B = B * b
    ADD_EE = 6  #: E = E + E
    ADD_EB = 7  #: E = E + B
    ADD_Ee = 8  #: E = E + e
    ADD_Be = 9  #: E = B + e
    SUB_EE = 10  #: E = E - E
    SUB_EB = 11  #: E = E - B
    SUB_BE = 12  #: E = B - E
    RSUB_Ee = 13  #: E = e(second) - E(first)
    RSUB_Be = 14  #: E = e(second) - B(first)
    MUL_EE = 15  #: E = E * E
    MUL_EB = 16  #: E = E * B
    MUL_Ee = 17  #: E = E * e
    MUL_Eb = 18  #: E = E * b
    MUL_Be = 19  #: E = B * e
    SUBDOT_E = 20  #: E = E - sum of B * e over the terms b .. b + c - 1
    SUBDOT_e = 21  #: E = e - sum of B * e over the terms b .. b + c - 1
    SUM_B = 22  #: accumulator += sum of B * (power of the constraint challenge) over the terms b .. b + c - 1
    SUM_E = 23  #: accumulator += E * (power number `target` of the constraint challenge)
    OUT_B = 24  #: output number `target` = B, embedded in the extension
    OUT_E = 25  #: output number `target` = E
    OUT_e = 26  #: output number `target` = e on every row


@dataclass(frozen=True)
class Nodes:
    """A graph as plain arrays, index-aligned; operands come before the nodes that use them.

    Attributes
    ----------
    op : (nodes,) uint8, values of `Op`
    a, b : (nodes,) uint64, operand node, column, or constant, by `op`
    extension : (nodes,) bool, True where the value lies in the cubic extension
    uniform : (nodes,) bool, True where the value is the same on every row
    """

    op: npt.NDArray[np.uint8]
    a: HostArray
    b: HostArray
    extension: npt.NDArray[np.bool_]
    uniform: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bytecode:
    """Instructions with the tables their numbers refer to.

    Attributes
    ----------
    code : (instructions, 5) int32
    base_registers, extension_registers : registers of each file
    base_leaves : (k, 3) int32, (`Op`, column, next) of the base slots behind the registers
    extension_leaves : (k, 3) int32, the same for extension slots; always bus columns
    base_pool, extension_pool : (k,) int32, the uniform nodes whose values are the pools
    terms : (k, 2) int32, of the dot products; at most `MAX_TERMS` belong to one
    outputs : number of outputs
    """

    code: npt.NDArray[np.int32]
    base_registers: int
    extension_registers: int
    base_leaves: npt.NDArray[np.int32]
    extension_leaves: npt.NDArray[np.int32]
    base_pool: npt.NDArray[np.int32]
    extension_pool: npt.NDArray[np.int32]
    terms: npt.NDArray[np.int32]
    outputs: int


@dataclass(frozen=True)
class TableProgram:
    """One table, compiled.

    Attributes
    ----------
    name : the table's name
    main_columns, preprocessed_columns : committed base columns of the two first phases
    next_columns : main columns that are also opened on the next row, ascending
    preprocessed : (preprocessed columns, n) uint64, or None
    fixed_log_height : log2 of n where preprocessed columns fix it, else None
    periodic : one period of values for each periodic column
    bus_columns : extension columns of the challenge phase; column k is committed as base columns 3 k .. 3 k + 2; the
        last is the running sum, the only one opened on the next row; 0 for a table without interactions
    constraint_offset, constraint_count : this table's range in the circuit's numbering of constraints
    constraint_names, constraint_degrees : aligned with that range
    interactions : number of bus interactions, for the security accounting
    nodes : the expression graph
    roots : (constraints,) int32, the nodes that are zero on every row
    fractions : (bus columns, 2) int32, numerator and denominator node of each batch of interactions
    quotient : sums the constraints with powers of the constraint challenge
    bus : outputs 2 k and 2 k + 1 are numerator and denominator of batch k
    """

    name: str
    main_columns: int
    preprocessed_columns: int
    next_columns: tuple[int, ...]
    preprocessed: HostArray | None
    fixed_log_height: int | None
    periodic: tuple[tuple[int, ...], ...]
    bus_columns: int
    constraint_offset: int
    constraint_count: int
    constraint_names: tuple[str, ...]
    constraint_degrees: tuple[int, ...]
    interactions: int
    nodes: Nodes
    roots: npt.NDArray[np.int32]
    fractions: npt.NDArray[np.int32]
    quotient: Bytecode
    bus: Bytecode


def resolve_uniform(
    nodes: Nodes,
    wanted: Sequence[int],
    *,
    publics: HostArray,
    challenges: HostArray | None = None,
    share: HostArray | None = None,
) -> HostArray:
    """Values of uniform nodes.

    Parameters
    ----------
    wanted : the nodes, uniform ones only
    publics : (publics,) uint64
    challenges : (2, 3) uint64, alpha and beta of the buses
    share : (3,) uint64, the table's bus sum divided by its height

    Returns
    -------
    (len(wanted), 3) uint64; base values lie in component 0.
    """
    values: dict[int, Extension] = {}
    powers = _powers(challenges, nodes)

    def leaf(op: int, a: int) -> Extension:
        if op == Op.CONST:
            return (a, 0, 0)
        if op == Op.PUBLIC:
            return (int(publics[a]), 0, 0)
        if op == Op.CHALLENGE:
            return powers[a]
        if op == Op.BUS_SHARE and share is not None:
            return (int(share[0]), int(share[1]), int(share[2]))
        raise ValueError(f"{Op(op).name} is not a uniform value known here")

    def value(node: int) -> Extension:
        stack = [node]
        while stack:
            top = stack[-1]
            if top in values:
                stack.pop()
                continue
            op, a, b = int(nodes.op[top]), int(nodes.a[top]), int(nodes.b[top])
            if op not in _COMBINE:
                values[top] = leaf(op, a)
                continue
            missing = [operand for operand in (a, a if op == Op.NEG else b) if operand not in values]
            if missing:
                stack += missing
            else:
                values[top] = _COMBINE[op](values[a], values[a if op == Op.NEG else b])
        return values[node]

    return np.array([value(int(node)) for node in wanted], dtype=np.uint64).reshape(len(wanted), 3)


def multiply(x: Extension, y: Extension) -> Extension:
    """The product of two extension elements."""
    c3 = x[1] * y[2] + x[2] * y[1]
    c4 = x[2] * y[2]
    return (
        (x[0] * y[0] + c3) % PRIME,
        (x[0] * y[1] + x[1] * y[0] + c3 + c4) % PRIME,
        (x[0] * y[2] + x[1] * y[1] + x[2] * y[0] + c4) % PRIME,
    )


def _powers(challenges: HostArray | None, nodes: Nodes) -> list[Extension]:
    if challenges is None:
        return []
    alpha, beta = ((int(c[0]), int(c[1]), int(c[2])) for c in challenges)
    used = nodes.a[nodes.op == Op.CHALLENGE]
    powers: list[Extension] = [alpha]
    current: Extension = (1, 0, 0)
    for _ in range(int(used.max()) if used.size else 0):
        current = multiply(current, beta)
        powers.append(current)
    return powers


def _add(x: Extension, y: Extension) -> Extension:
    return ((x[0] + y[0]) % PRIME, (x[1] + y[1]) % PRIME, (x[2] + y[2]) % PRIME)


def _sub(x: Extension, y: Extension) -> Extension:
    return ((x[0] - y[0]) % PRIME, (x[1] - y[1]) % PRIME, (x[2] - y[2]) % PRIME)


def _neg(x: Extension, _: Extension) -> Extension:
    return (-x[0] % PRIME, -x[1] % PRIME, -x[2] % PRIME)


_COMBINE: dict[int, Callable[[Extension, Extension], Extension]] = {
    Op.ADD: _add,
    Op.SUB: _sub,
    Op.MUL: multiply,
    Op.NEG: _neg,
}
