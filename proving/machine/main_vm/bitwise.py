"""AND, OR, XOR.

Both operands are cut into bytes, which look up their conjunction: a | b = a + b - (a & b), a ^ b = a + b - 2 (a & b).

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
is_*         the operation, one-hot; all zero on padding rows
rs1 .. hd    operands from decode and register access, as in `add`, without v1 and v2
a, b, both   bytes of v1, of v2 + imm, and of their conjunction, the lowest first
============ =====================================================================
"""

from __future__ import annotations

from proving.machine.main_vm.buses import AND, Operation
from proving.machine.main_vm.frame import one_hot, padding, registers, step, weighted
from proving.stark.air import Table, TableBuilder


class Bitwise(Table):
    """One row for each AND, OR, XOR, immediate or not."""

    name = "bitwise"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, is_and, is_or, is_xor = (t.main(n) for n in ("clk", "pc", "is_and", "is_or", "is_xor"))
        rs1, rs2, rd, imm, writes = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "writes"))
        old, out = t.main("old"), t.main("out")
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        high = [t.main(n) for n in ("h1", "h2", "hd")]
        a, b, both = t.main_array("a", 4), t.main_array("b", 4), t.main_array("both", 4)
        real = one_hot(t, [is_and, is_or, is_xor])
        v1, second, conjunction = (weighted(t, [(x[i], 2 ** (8 * i)) for i in range(4)]) for x in (a, b, both))

        # Buses
        operation = weighted(t, [(is_and, Operation.AND), (is_or, Operation.OR), (is_xor, Operation.XOR)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm, writes=writes)
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, writes=writes,
            v1=v1, v2=second - imm, old=old, out=out, previous=previous, high=high,
        )  # fmt: skip
        for i in range(4):
            t.send(AND, [a[i], b[i], both[i]], real, f"byte {i}")

        # Constraints
        t.when(is_and).equal("and", out, conjunction)
        t.when(is_or).equal("or", out, v1 + second - conjunction)
        t.when(is_xor).equal("xor", out, v1 + second - 2 * conjunction)
        padding(t, real)
