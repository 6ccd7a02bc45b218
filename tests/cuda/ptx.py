"""Runs a piece of inline PTX on 32-bit registers, so that assembly can be tested where no device is.

It knows the integer instructions that the kernels use, with the carry flag as the PTX manual defines it: ``add.cc`` and
``mad.cc`` write the carry, ``addc`` and ``madc`` add it; ``sub.cc`` writes the borrow, ``subc`` subtracts it.
"""

from __future__ import annotations

import re
from pathlib import Path

MASK = 2**32 - 1

_BLOCK = re.compile(r"asm\((.*?):\s*\"[=+]", re.DOTALL)
_STRING = re.compile(r'"([^"]*)"')
_FUNCTION = re.compile(r"(\w+|operator\S)\([^()]*\)(?: const)? \{\s*#ifdef __CUDA_ARCH__")


def extract(path: Path) -> dict[str, list[str]]:
    """Return the instructions of every ``asm`` block, by the name of its function."""
    text = path.read_text()
    found = {}
    for block in _BLOCK.finditer(text):
        name = _FUNCTION.findall(text[: block.start()])[-1]
        if name in found:
            raise ValueError(f"{name} has two asm blocks")
        lines = "".join(_STRING.findall(block[1])).replace("\\n", "\n").strip("{} \n")
        found[name] = [line.strip() for line in lines.split(";") if line.strip()]
    return found


def run(instructions: list[str], operands: dict[str, int]) -> dict[str, int]:
    """Execute instructions; returns every register at the end.

    Raises
    ------
    ValueError
        An instruction is unknown, or reads a register or a flag that nothing has written.
    """
    registers = dict(operands)
    flag: int | None = None

    def value(name: str) -> int:
        if name.isdecimal() or name.startswith("0x"):
            return int(name, 0)
        if name not in registers:
            raise ValueError(f"{name} is read before it is written")
        return registers[name]

    for instruction in instructions:
        if instruction.startswith(".reg"):
            continue
        opcode, _, rest = instruction.partition(" ")
        target, *names = [name.strip() for name in rest.split(",")]
        sources = [value(name) for name in names]
        operation, *modifiers = opcode.split(".")
        carrying = operation in ("addc", "subc", "madc")
        if carrying and flag is None:
            raise ValueError(f"{opcode} reads a flag that nothing has written")
        carry = (flag or 0) if carrying else 0
        if operation in ("add", "addc"):
            total = sources[0] + sources[1] + carry
        elif operation in ("sub", "subc"):
            total = sources[0] - sources[1] - carry
        elif operation in ("mul", "mad", "madc"):
            product = sources[0] * sources[1]
            half = product >> 32 if "hi" in modifiers else product & MASK
            total = half + (sources[2] if operation != "mul" else 0) + carry
        else:
            raise ValueError(f"unknown instruction {instruction}")
        if modifiers[-1] != "u32":
            raise ValueError(f"unknown type of {instruction}")
        if "cc" in modifiers:
            flag = int(total < 0 or total > MASK)
        registers[target] = total & MASK
    return registers
