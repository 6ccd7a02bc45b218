"""The constant table: powers of two for shifts, and the encoding of every instruction.

====================== =====================================================================
column                 meaning
====================== =====================================================================
kind, a, b, c, d       preprocessed; see `Constant` for what each kind of row says
count                  number of lookups, free
====================== =====================================================================

An instruction row is (format, opcode, funct3, funct7, operation), funct7 being 0 where the format does not use it. The
upper-immediate and jump formats have an immediate where others have funct3: all eight values are listed.
Source: The RISC-V Instruction Set Manual, volume I, chapter "RV32/64G Instruction Set Listings".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proving.circuits.served import SERVED
from proving.machine.main_vm.buses import CONSTANT, Constant, Operation, request_operation
from proving.stark.air import Table, TableBuilder

HEIGHT = 1024

_OP, _OP_IMM, _LOAD, _STORE, _BRANCH = 0x33, 0x13, 0x03, 0x23, 0x63
_SYSTEM, _FENCE, _JAL, _JALR, _LUI, _AUIPC = 0x73, 0x0F, 0x6F, 0x67, 0x37, 0x17

Row = tuple[int, int, int, int, int]


def _instructions() -> list[Row]:
    o, k = Operation, Constant
    plain = {0: o.ADD, 1: o.SLL, 2: o.SET_SIGNED, 3: o.SLTU, 4: o.XOR, 5: o.SRL, 6: o.OR, 7: o.AND}
    immediate = {**plain, 0: o.ADD_IMMEDIATE, 3: o.SET_IMMEDIATE}
    products = (o.MUL, o.MULH, o.MULHSU, o.MULHU, o.DIV, o.DIVU, o.REM, o.REMU)
    rows: list[Row] = [(k.REGISTER, _OP, f3, 0, op) for f3, op in plain.items()]
    rows += [(k.REGISTER, _OP, 0, 0x20, o.SUB), (k.REGISTER, _OP, 5, 0x20, o.SRA)]
    rows += [(k.REGISTER, _OP, f3, 1, op) for f3, op in enumerate(products)]
    rows += [(k.IMMEDIATE, _OP_IMM, f3, 0, op) for f3, op in immediate.items() if f3 not in (1, 5)]
    rows += [(k.SHIFT, _OP_IMM, 1, 0, o.SLL), (k.SHIFT, _OP_IMM, 5, 0, o.SRL), (k.SHIFT, _OP_IMM, 5, 0x20, o.SRA)]
    loads = {0: o.LB, 1: o.LH, 2: o.LW, 4: o.LBU, 5: o.LHU}
    rows += [(k.IMMEDIATE, _LOAD, f3, 0, op) for f3, op in loads.items()]
    rows += [(k.STORE, _STORE, f3, 0, op) for f3, op in enumerate((o.SB, o.SH, o.SW))]
    branches = {0: o.BEQ, 1: o.BNE, 4: o.BLT, 5: o.BGE, 6: o.BLTU, 7: o.BGEU}
    rows += [(k.BRANCH, _BRANCH, f3, 0, op) for f3, op in branches.items()]
    rows += [(k.UPPER, _LUI, f3, 0, o.ADD_IMMEDIATE) for f3 in range(8)]
    rows += [(k.UPPER_PC, _AUIPC, f3, 0, o.ADD_IMMEDIATE) for f3 in range(8)]
    rows += [(k.JUMP, _JAL, f3, 0, o.JAL) for f3 in range(8)]
    rows += [(k.JUMP_REGISTER, _JALR, 0, 0, o.JALR), (k.HALT, _JAL, 0, 0, o.HALT)]
    rows += [(k.ADVICE, _SYSTEM, 1, 0, o.ADVICE), (k.POSEIDON2, _SYSTEM, 1, 0, o.POSEIDON2)]
    rows += [(k.FENCE, _FENCE, 0, 0, o.ADD_IMMEDIATE)]
    rows += [(k.REQUEST, _SYSTEM, 1, 0, request_operation(served.kind)) for served in SERVED.values()]
    return [(int(a), int(b), int(c), int(d), int(e)) for a, b, c, d, e in rows]


def rows() -> npt.NDArray[np.uint64]:
    """The table, (5, 1024) uint64.

    Left shifts are rows 0 to 255, right shifts 256 to 511, then the instructions. The last rows
    are of kind 0, which nobody looks up.
    """
    table: list[Row] = [(int(Constant.SHIFT_LEFT), byte, 2 ** (byte % 32), 0, 0) for byte in range(256)]
    table += [(int(Constant.SHIFT_RIGHT), byte, 2 ** (31 - byte % 32), 0, 0) for byte in range(256)]
    table += _instructions()
    table += [(0, row, 0, 0, 0) for row in range(len(table), HEIGHT)]
    return np.array(table, dtype=np.uint64).T.copy()


class ConstantTable(Table):
    """Small fixed relations."""

    name = "constant"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        fields = [
            t.preprocessed(name, values) for name, values in zip(["kind", "a", "b", "c", "d"], rows(), strict=True)
        ]
        t.receive(CONSTANT, fields, t.main("count"), "row")
