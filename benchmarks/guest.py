"""`guest.transfer`: what a plain transfer costs in the state-transition program."""

from __future__ import annotations

from benchmarks.figure import Figure, figure
from benchmarks.inputs import PROGRAMS, transfer_input
from proving.machine.executor import execute
from proving.machine.program import Program

_FEW, _MANY = 2, 34


def transfer() -> list[Figure]:
    """Measure the cycles of one more transfer: the difference of two batches divided by their transfers."""
    program = Program.from_elf((PROGRAMS / "stf.elf").read_bytes())
    few, many = (execute(program, transfer_input(count)).cycles for count in (_FEW, _MANY))
    thousand = (many - few) / (_MANY - _FEW) / 1000
    context = {"transfers": _MANY, "accounts": 1000, "fixed_cycles": round(few - _FEW * thousand * 1000)}
    return [figure("guest.transfer", thousand, "thousand cycles", "lower", context=context)]
