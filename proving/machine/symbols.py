"""Names and source lines of a program's code, where its ELF has them.

Nothing here decides what is executed or proven: it is for messages and profiles. A file whose symbols cannot be read
has none.
"""

from __future__ import annotations

import bisect
import ctypes
import functools
import io
import re
from dataclasses import dataclass
from typing import Any, Final

from proving import native

#: Longest symbol that is demangled, and longest name that comes of it.
_LONGEST: Final = 1024
#: What Rust's older mangling ends a path with, and how it writes other signs than letters.
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$")
_RUST_ESCAPE = re.compile(r"\$(u[0-9a-f]{2}|[A-Z]{1,2})\$")
_RUST_SIGNS = {"LT": "<", "GT": ">", "RF": "&", "BP": "*", "LP": "(", "RP": ")", "C": ",", "SP": "@"}

_demangle = native.function("hm_demangle", native.INT, [ctypes.c_char_p, native.POINTER, native.SIZE])


@dataclass(frozen=True, order=True)
class Function:
    """A function's first address, the first address behind it, and its name."""

    address: int
    end: int
    name: str


def demangled(symbol: str) -> str:
    """Return the name that a C++ or Rust symbol stands for, or the symbol as it is."""
    if not symbol.startswith("_Z") or len(symbol) > _LONGEST:
        return symbol
    base = symbol.partition(".llvm.")[0]
    buffer = ctypes.create_string_buffer(_LONGEST)
    if not _demangle(base.encode(), ctypes.addressof(buffer), _LONGEST):
        return symbol
    name = buffer.value.decode(errors="replace")
    plain = _RUST_HASH.sub("", name)
    if plain == name:
        return name
    plain = _RUST_ESCAPE.sub(
        lambda found: chr(int(found[1][1:], 16)) if found[1][0] == "u" else _RUST_SIGNS.get(found[1], found[0]), plain
    )
    return plain.replace("..", "::").replace("_<", "<")


class Symbols:
    """The symbols of an ELF, read when they are first asked for.

    Parameters
    ----------
    data
        The file; it may have no symbols.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    @functools.cached_property
    def _elf(self) -> Any:
        from elftools.elf.elffile import ELFFile

        # pyelftools meets broken files with errors of many types, also ones of its parser's own; so here and below.
        try:
            return ELFFile(io.BytesIO(self._data))
        except Exception:
            return None

    @functools.cached_property
    def _table(self) -> tuple[dict[str, int], list[Function]]:
        try:
            return self._read_table()
        except Exception:
            return {}, []

    def _read_table(self) -> tuple[dict[str, int], list[Function]]:
        addresses: dict[str, int] = {}
        found: dict[int, Function] = {}
        table = self._elf.get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if table else ():
            address, kind = symbol["st_value"], symbol["st_info"]["type"]
            if not symbol.name or symbol["st_shndx"] == "SHN_UNDEF":
                continue
            addresses.setdefault(symbol.name, address)
            if kind == "STT_FUNC" or (kind == "STT_NOTYPE" and symbol.name == "_start"):
                function = Function(address, address + symbol["st_size"], demangled(symbol.name))
                found[address] = max(found.get(address, function), function)
        return addresses, sorted(found.values())

    @property
    def functions(self) -> list[Function]:
        """All functions, ascending by address."""
        return self._table[1]

    def address_of(self, name: str) -> int | None:
        """Return the address of a symbol."""
        # Most files that are run have none of the names that are asked for, and reading a table takes longer than this.
        return self._table[0].get(name) if name.encode() in self._data else None

    def function_at(self, pc: int) -> Function | None:
        """Return the function that an address lies in; one without a size reaches to the next."""
        index = bisect.bisect_right(self.functions, pc, key=lambda function: function.address) - 1
        if index < 0:
            return None
        function = self.functions[index]
        return function if pc < function.end or function.end == function.address else None

    def line_at(self, pc: int) -> tuple[str, int] | None:
        """Return file name and line of an instruction."""
        index = bisect.bisect_right(self._lines, pc, key=lambda row: row[0]) - 1
        if index < 0:
            return None
        _, file, line = self._lines[index]
        return (file, line) if line else None

    @functools.cached_property
    def _lines(self) -> list[tuple[int, str, int]]:
        """Rows of the line table by address; a line of 0 ends a sequence."""
        try:
            return sorted(self._read_lines())
        except Exception:
            return []

    def _read_lines(self) -> list[tuple[int, str, int]]:
        rows: list[tuple[int, str, int]] = []
        if not self._elf.has_dwarf_info():
            return rows
        dwarf = self._elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            # Files are numbered from one before DWARF 5.
            first = 0 if program["version"] >= 5 else 1
            files = program["file_entry"]
            for entry in program.get_entries():
                state = entry.state
                if state is None:
                    continue
                index = state.file - first
                name = files[index].name.decode(errors="replace") if 0 <= index < len(files) else "?"
                rows.append((state.address, name, 0 if state.end_sequence else state.line))
        return rows

    def describe(self, pc: int) -> str:
        """Return `function (file:line)` of an instruction, as far as the file says; else an empty string."""
        function, line = self.function_at(pc), self.line_at(pc)
        where = f"{line[0]}:{line[1]}" if line else ""
        if function is None:
            return where
        return f"{function.name} ({where})" if where else function.name
