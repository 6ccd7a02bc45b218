"""The `main_vm` circuit: every table, in the order in which they are committed."""

from __future__ import annotations

from functools import cache

from proving.circuits.gadgets.range import RangeTable
from proving.machine.main_vm.add import Add
from proving.machine.main_vm.add_immediate import AddImmediate
from proving.machine.main_vm.bitwise import Bitwise
from proving.machine.main_vm.boundary import Boundary
from proving.machine.main_vm.byte_and import ByteAnd
from proving.machine.main_vm.call import Call
from proving.machine.main_vm.constant import ConstantTable
from proving.machine.main_vm.control import Control
from proving.machine.main_vm.decode import Decode
from proving.machine.main_vm.idle import Idle
from proving.machine.main_vm.memory_sub import MemorySub
from proving.machine.main_vm.memory_word import MemoryWord
from proving.machine.main_vm.mul_div import MulDiv
from proving.machine.main_vm.page import Page
from proving.machine.main_vm.poseidon2 import Poseidon2
from proving.machine.main_vm.shape import LOG_BLOWUP
from proving.stark.air import Circuit, Table

NAME = "main_vm"
#: Elements of a state digest; the public inputs are the digest at the start and the digest at the end.
DIGEST = 4
MAX_DEGREE = 2**LOG_BLOWUP + 1


def tables() -> list[Table]:
    """Return the tables, in their order."""
    return [
        AddImmediate(), Add(), Control(), Bitwise(), MulDiv(), MemoryWord(), MemorySub(), Call(), Idle(), Decode(),
        Page(), Boundary(), Poseidon2(), RangeTable(), ByteAnd(), ConstantTable(),
    ]  # fmt: skip


@cache
def circuit() -> Circuit:
    """The circuit, built once."""
    return Circuit(NAME, tables(), publics=2 * DIGEST, max_degree=MAX_DEGREE)
