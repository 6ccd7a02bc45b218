"""What two registers give by a sum or a difference: ADD, SUB, SLTU, BEQ, BNE, BLTU, BGEU.

With d = v1 - v2, `x` is the word v1 + v2 mod 2^32 of ADD and the word d mod 2^32 of SUB, SLTU and an ordered branch:
x - d is 0, or 2^32 exactly when v1 < v2, which `out` says for SLTU and the branch. For equality `out` = (d == 0),
shown with an inverse. A branch is taken when `out` xor `negate`.

========= =====================================================================
column    meaning
========= =====================================================================
clk, pc   time and address of the instruction
is_* ..   the kind of operation, one-hot; all zero on padding rows
negate    modifier: BNE, BGEU
rs1 ..    register numbers and a branch's target (from decode)
v1, v2    values read
old, out  value of rd before and after; `out` of a branch is the result of its comparison
p1 p2 pd  timestamps of the last access to rs1, rs2, rd
x, x_high the sum or difference and its upper half; of equality, when d != 0, `x` is the inverse of d
next_pc   address of the next instruction
========= =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, one_hot, registers, step, weighted, word
from proving.stark.air import Table, TableBuilder


class Add(Table):
    """One row for each addition, subtraction, unsigned comparison or branch on one, of two registers."""

    name = "add"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, is_add, is_sub, is_sltu = (t.main(n) for n in ("clk", "pc", "is_add", "is_sub", "is_sltu"))
        equal, less, negate = (t.main(n) for n in ("equal", "less", "negate"))
        rs1, rs2, rd, target = (t.main(n) for n in ("rs1", "rs2", "rd", "target"))
        v1, v2, old, out = (t.main(n) for n in ("v1", "v2", "old", "out"))
        previous = [t.main(n) for n in ("p1", "p2", "pd")]
        x, x_high, next_pc = (t.main(n) for n in ("x", "x_high", "next_pc"))
        real = one_hot(t, [is_add, is_sub, is_sltu, equal, less])
        writing = is_add + is_sub + is_sltu

        # Buses
        kinds = ((is_add, Operation.ADD), (is_sub, Operation.SUB), (is_sltu, Operation.SLTU))
        branches = ((equal, Operation.BEQ), (less, Operation.BLTU))
        operation = weighted(t, [(flag, int(operation)) for flag, operation in kinds + branches]) + negate
        step(
            t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, target=target, next_pc=next_pc,
        )  # fmt: skip
        registers(
            t, real, clk=clk, rs1=rs1, rs2=rs2, rd=rd, v1=v1, v2=v2, old=old, out=out, previous=previous,
            writing=writing,
        )  # fmt: skip
        word(t, writing + less, "sum or difference", x, x_high)

        # Constraints
        t.boolean(negate)
        difference = v1 - v2
        over, under = v1 + v2 - x, x - difference
        t.when(is_add).zero("the sum", over * (over - WORD))
        t.when(is_sub).zero("the difference", under * (under - WORD))
        t.when(is_add + is_sub).equal("the result", out, x)
        t.when(is_sltu + less).boolean(out, "a comparison is true or not")
        t.when(is_sltu + less).equal("less exactly when the difference is negative", under, out * WORD)
        t.when(equal).zero("equal operands have no difference", difference * out)
        t.when(equal).equal("different operands have an inverse difference", difference * x, 1 - out)
        taken = out + negate - 2 * out * negate
        after = pc + 4
        t.when(equal + less).equal("a branch's next pc", next_pc, after + taken * (target - after))
        t.when(writing).equal("others continue", next_pc, after)

        # Cells that do not matter
        t.free(x, when=equal * out, reason="zero has no inverse")
        t.free(x_high, when=equal, reason="no word of a comparison of equality is checked")
        for column in (old, previous[2]):
            t.free(column, when=equal + less, reason="a branch writes no register")
        padding(t, real)
