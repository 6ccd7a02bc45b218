"""Parts that every instruction table shares: one-hot flags, fetch, register and memory access, range checks.

Timestamps are 4 * clk + step: step 0 reads rs1, 1 reads rs2, 2 accesses memory, 3 writes rd (or reads the second
register of a store). An access takes (key, old, previous) from the MEMORY bus and puts (key, new, time) on it, where
time - previous - 1 is shown to be below 2^16. A word that was not accessed for longer is carried on by rows of `idle`,
by less than 2^24 each. The timestamps of a key's accesses so differ by sums of at most 2^25 such steps, which are below
p, and they are small integers themselves (4 * clk + 3 with at most 2^25 rows). So a later access has the larger
timestamp over the integers, each key's accesses form one path in time, and a read sees the last write. Where a path
starts, in `page`, the timestamp may be any.

A key that is on no page has no path, so nothing can access it: an address that is not a multiple of four or not below
2^32 needs no check of its own. An instruction that writes x0 writes the register SINK, so that none has to tell.

Values that are read need no range check: every value that enters the bus is a word of the 32-bit image, or was
checked to 32 bits where it was written.

Every count is zero on padding rows, which are all zero: it is a sum of flags, or a flag that a constraint ties to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import BYTES, DECODE, MEMORY, SPACE, SPACE_REGISTERS, STATE
from proving.stark.air import Column, Expr, TableBuilder
from proving.stark.air.expr import Operand

WORD = 2**32


def one_hot(t: TableBuilder, flags: Sequence[Column]) -> Expr:
    """Constrain at most one of `flags` to be 1 and the others to be 0; their sum says that the row is real."""
    return t.exclusive(flags, "the row is real or padding")


def weighted(t: TableBuilder, terms: Sequence[tuple[Expr, int]]) -> Expr:
    """The sum of expression times constant."""
    total = t.constant(0)
    for expr, weight in terms:
        total = total + expr * weight
    return total


def register_key(register: Expr) -> Expr:
    """Memory key of a register given by its number."""
    return register * 4 + SPACE * SPACE_REGISTERS


def step(
    t: TableBuilder,
    real: Expr,
    *,
    clk: Expr,
    pc: Expr,
    operation: Operand,
    rd: Operand = 0,
    rs1: Operand = 0,
    rs2: Operand = 0,
    imm: Operand = 0,
    target: Operand = 0,
    next_pc: Operand | None = None,
) -> None:
    """Take the state (pc, clk), look the instruction up, and leave (next pc, clk + 1)."""
    t.receive(STATE, [pc, clk], real, "state before")
    t.send(STATE, [pc + 4 if next_pc is None else next_pc, clk + 1], real, "state after")
    t.send(DECODE, [pc, operation, rd, rs1, rs2, imm, target], real, "fetch")


def access(
    t: TableBuilder,
    count: Expr,
    what: str,
    *,
    key: Expr,
    previous: Expr,
    time: Expr,
    old: Operand,
    new: Operand,
) -> None:
    """Access the word `key`: (old, previous) becomes (new, time)."""
    t.receive(MEMORY, [key, old, previous], count, f"{what}: before")
    t.send(MEMORY, [key, new, time], count, f"{what}: after")
    short(t, count, f"{what}: time since the last access", time - previous - 1)


def word(t: TableBuilder, count: Operand, what: str, value: Expr, high: Expr, high_bits: Operand = 16) -> None:
    """Check 0 <= value < 2^(16 + high_bits), where `high` holds value >> 16."""
    short(t, count, f"{what}: low half", value - high * 2**16)
    short(t, count, f"{what}: high half", high, high_bits)


def byte_pair(t: TableBuilder, count: Expr, what: str, first: Expr, second: Expr) -> None:
    """Check that both values are bytes."""
    t.send(BYTES, [first, second], count, what)


def registers(
    t: TableBuilder,
    real: Expr,
    *,
    clk: Expr,
    rs1: Expr,
    rs2: Expr,
    rd: Column,
    v1: Expr,
    v2: Expr,
    old: Column,
    out: Expr,
    previous: Sequence[Column],
    writing: Expr | None = None,
) -> None:
    """Read rs1 and rs2, and write rd.

    Parameters
    ----------
    previous : for rs1, rs2, rd: timestamp of the last access
    writing : rows that write rd, where it is not all of `real`
    """
    time = clk * 4
    writing = real if writing is None else writing
    access(t, real, "rs1", key=register_key(rs1), previous=previous[0], time=time, old=v1, new=v1)
    access(t, real, "rs2", key=register_key(rs2), previous=previous[1], time=time + 1, old=v2, new=v2)
    access(t, writing, "rd", key=register_key(rd), previous=previous[2], time=time + 3, old=old, new=out)
