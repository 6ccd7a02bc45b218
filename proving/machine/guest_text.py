"""Text that a program hands to the host: strings in its memory, and printf with the arguments where C leaves them."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from proving.machine.executor import LoadedProgram

#: Longest text of one call and longest field of a format, in bytes.
MAX_TEXT: Final = 1 << 16
_A0, _SP = 10, 2
_ARGUMENT_REGISTERS: Final = 8
_DIRECTIVE = re.compile(
    r"%(?P<flags>[-+ #0]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d+)?)?(?P<length>hh|h|ll|l|j|z|t)?(?P<kind>.)", re.S
)
_INTEGER_BITS = {"hh": 8, "h": 16, "ll": 64, "j": 64}


def clean(raw: bytes) -> str:
    """Return bytes as text that a terminal can be given: what would control it is replaced."""
    text = raw.decode("utf-8", errors="replace")
    return "".join(c if c in "\n\t" or c.isprintable() else "\ufffd" for c in text)


def string_at(machine: LoadedProgram, address: int, limit: int = MAX_TEXT) -> bytes:
    """Return the bytes at an address up to the first zero, `limit` at most."""
    return machine.read(address, min(limit, (1 << 32) - address)).split(b"\0", 1)[0]


def counted_string(machine: LoadedProgram) -> str:
    """Return the text whose address and length are the first two arguments of the call that is made."""
    registers = machine.registers()
    address, length = int(registers[_A0]), int(registers[_A0 + 1])
    return clean(machine.read(address, min(length, MAX_TEXT, (1 << 32) - address)))


class _Arguments:
    """The variable arguments of a call: registers first, then the stack; 64-bit ones begin at an even place."""

    def __init__(self, machine: LoadedProgram, first: int) -> None:
        self._machine = machine
        self._registers = machine.registers()
        self._next = first

    def word(self) -> int:
        place, self._next = self._next, self._next + 1
        if place < _ARGUMENT_REGISTERS:
            return int(self._registers[_A0 + place])
        address = (int(self._registers[_SP]) + 4 * (place - _ARGUMENT_REGISTERS)) % (1 << 32)
        return int.from_bytes(self._machine.read(address & ~3, 4), "little")

    def long(self) -> int:
        self._next += self._next % 2
        low = self.word()
        return low | self.word() << 32


def formatted(machine: LoadedProgram) -> str:
    """Return what printf would print for the call that is made; an unknown directive stays as it is written."""
    layout = string_at(machine, int(machine.registers()[_A0])).decode("utf-8", errors="replace")
    arguments = _Arguments(machine, 1)
    return clean(_DIRECTIVE.sub(lambda found: _field(machine, found, arguments), layout).encode())


def _field(machine: LoadedProgram, found: re.Match[str], arguments: _Arguments) -> str:
    flags, kind, length = found["flags"], found["kind"], found["length"] or ""
    if kind == "%":
        return "%"
    width = _number(found["width"], arguments)
    has_precision = "." in found[0][: -len(kind)]
    precision = _number(found["precision"], arguments) if has_precision else -1
    if width < 0:
        flags, width = flags + "-", -width
    width, precision = min(width, MAX_TEXT), min(precision, MAX_TEXT)
    layout = f"%{flags}{width or ''}" + (f".{precision}" if has_precision and precision >= 0 else "")
    if kind in "diuxXo":
        bits = _INTEGER_BITS.get(length, 32)
        value = (arguments.long() if bits == 64 else arguments.word()) & ((1 << bits) - 1)
        if kind in "di" and value >> (bits - 1):
            value -= 1 << bits
        return str(f"{layout}{kind.replace('i', 'd').replace('u', 'd')}" % value)
    if kind == "c":
        return f"%{flags.replace('0', '')}{width or ''}s" % chr(arguments.word() & 0xFF)
    if kind == "p":
        return f"%{flags}{width or ''}s" % f"{arguments.word():#x}"
    if kind == "s":
        limit = precision if precision >= 0 else MAX_TEXT
        text = string_at(machine, arguments.word(), limit).decode("utf-8", errors="replace")
        return f"%{flags.replace('0', '')}{width or ''}s" % text
    if kind in "eEfFgG":
        (number,) = struct.unpack("<d", struct.pack("<Q", arguments.long()))
        return str(f"{layout}{kind}" % number)
    return found[0]


def _number(text: str | None, arguments: _Arguments) -> int:
    if text == "*":
        value = arguments.word()
        return value - (1 << 32) if value >> 31 else value
    return int(text) if text else 0
