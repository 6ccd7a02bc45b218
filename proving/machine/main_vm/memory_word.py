"""LW and SW.

The word's address is v1 + imm mod 2^32. Only multiples of four below 2^32 are keys of words in data memory, so another
address has no proof, nor has a wrong carry. Besides rs1 an instruction accesses one more register, at step 3: a load
writes rd, a store reads rs2 (decode gives 0 for the other number). Memory and that register both hold `value`
afterwards.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
load, store  the operation, one-hot; all zero on padding rows
rs1 ..       operands from decode
carry        of the address
v1           the value of rs1
mem_old      the word in memory before
reg_old      the word in rd (load) or rs2 (store) before
value        the word in both places after
p1, pm, pr   timestamps of the last access to rs1, the memory word, the other register
============ =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, access, one_hot, register_key, step, weighted
from proving.stark.air import Table, TableBuilder


class MemoryWord(Table):
    """One row for each LW or SW."""

    name = "memory_word"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, load, store = (t.main(n) for n in ("clk", "pc", "load", "store"))
        rs1, rs2, rd, imm, carry, v1 = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "carry", "v1"))
        mem_old, reg_old, value = (t.main(n) for n in ("mem_old", "reg_old", "value"))
        p1, pm, pr = (t.main(n) for n in ("p1", "pm", "pr"))
        real = one_hot(t, [load, store])
        address = v1 + imm - carry * WORD
        time = clk * 4

        # Buses
        operation = weighted(t, [(load, Operation.LW), (store, Operation.SW)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm)
        access(t, real, "rs1", key=register_key(rs1), previous=p1, time=time, old=v1, new=v1)
        access(t, real, "memory", key=address, previous=pm, time=time + 2, old=mem_old, new=value)
        access(t, real, "rd or rs2", key=register_key(rd + rs2), previous=pr, time=time + 3, old=reg_old, new=value)

        # Constraints
        t.boolean(carry)
        t.when(load).equal("a load takes the word in memory", value, mem_old)
        t.when(store).equal("a store takes the register's word", value, reg_old)
        padding(t, real)
