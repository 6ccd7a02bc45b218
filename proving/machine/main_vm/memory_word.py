"""LW and SW.

The address v1 + imm mod 2^32 is four times a 30-bit number, so it is aligned and its key lies in data memory. Besides
rs1 an instruction accesses one more register, at step 3: a load writes rd, a store reads rs2 (decode gives 0 for the
other number). Memory and that register both hold `value` afterwards.

============ =====================================================================
column       meaning
============ =====================================================================
clk, pc      time and address of the instruction
load, store  the operation, one-hot; all zero on padding rows
rs1 ..       operands from decode
carry        of the address
w_low, w_high bits 2..17 and 18..31 of the address
mem_old      the word in memory before
reg_old      the word in rd (load) or rs2 (store) before
value        the word in both places after
p1, pm, pr   timestamps of the last access to rs1, the memory word, the other register
h1, hm, hr   bits 16..23 of the times since then
============ =====================================================================
"""

from __future__ import annotations

from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.machine.main_vm.buses import Operation
from proving.machine.main_vm.frame import WORD, access, byte_pair, one_hot, register_key, step, weighted
from proving.stark.air import Table, TableBuilder


class MemoryWord(Table):
    """One row for each LW or SW."""

    name = "memory_word"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        clk, pc, load, store = (t.main(n) for n in ("clk", "pc", "load", "store"))
        rs1, rs2, rd, imm, writes = (t.main(n) for n in ("rs1", "rs2", "rd", "imm", "writes"))
        carry, w_low, w_high = (t.main(n) for n in ("carry", "w_low", "w_high"))
        mem_old, reg_old, value = (t.main(n) for n in ("mem_old", "reg_old", "value"))
        p1, pm, pr, h1, hm, hr = (t.main(n) for n in ("p1", "pm", "pr", "h1", "hm", "hr"))
        real = one_hot(t, [load, store])
        address = 4 * (w_low + w_high * 2**16)
        v1 = address + carry * WORD - imm
        time = clk * 4

        # Buses
        operation = weighted(t, [(load, Operation.LW), (store, Operation.SW)])
        step(t, real, clk=clk, pc=pc, operation=operation, rd=rd, rs1=rs1, rs2=rs2, imm=imm, writes=writes)
        t.boolean(writes)
        other = store + load * writes
        access(t, real, "rs1", key=register_key(rs1), previous=p1, time=time, high=h1, old=v1, new=v1)
        access(t, real, "memory", key=address, previous=pm, time=time + 2, high=hm, old=mem_old, new=value)
        access(
            t, other, "rd or rs2", key=register_key(rd + rs2), previous=pr, time=time + 3, high=hr,
            old=reg_old, new=value,
        )  # fmt: skip
        byte_pair(t, real, "rs1, memory: time since the last access, upper bits", h1, hm)
        short(t, other, "rd or rs2: time since the last access, upper bits", hr, 8)
        short(t, real, "address: bits 2 to 17", w_low)
        short(t, real, "address: bits 18 to 31", w_high, 14)

        # Constraints
        t.boolean(carry)
        t.when(load).equal("a load takes the word in memory", value, mem_old)
        t.when(store).equal("a store takes the register's word", value, reg_old)
        for column in (reg_old, pr, hr):
            t.free(column, when=real - other, reason="no register is written, so nothing refers to its old content")
        padding(t, real)
