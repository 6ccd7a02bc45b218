"""Writes columns down for native code: a struct in C++ for each table of `main_vm` and of requests that it fills.

``python -m proving.machine.columns`` writes the header anew after a table has changed; a test compares the two.
Native code names a cell by its column, so that it does not compile when the column is another one or is gone.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from proving.circuits.served import SERVED
from proving.machine.main_vm.circuit import circuit
from proving.stark.air.table import TableBuilder

HEADER: Final = Path(__file__).resolve().parents[1] / "native" / "src" / "columns.hpp"

#: Tables of `main_vm` whose rows native code fills; of requests it fills all but that of ranges.
_FILLED: Final = (
    "add_immediate", "add", "control", "bitwise", "mul_div", "memory_word", "memory_sub", "call", "idle",
    "decode", "page", "poseidon2",
)  # fmt: skip

#: Names of columns that C++ has another use for.
_KEYWORDS: Final = frozenset({"signed"})


def header() -> str:
    """Return the header's text."""
    tables = {name: circuit().table(name) for name in _FILLED}
    for served in SERVED.values():
        tables |= {table.name: table for table in served.circuit if table.name != "range"}
    structs = "\n".join(map(_struct, tables.values()))
    return (
        "// Columns of tables, in their order. Written by python -m proving.machine.columns.\n"
        "#pragma once\n\n#include <array>\n#include <cstddef>\n#include <cstdint>\n\n"
        "// The place of a column, of a struct of a table's columns.\n"
        "#define HM_COLUMN(table, name) (offsetof(hm::expand::columns::table, name) / sizeof(std::uint64_t))\n\n"
        f"namespace hm::expand::columns {{\n\n{structs}\n}}  // namespace hm::expand::columns\n"
    )


def _struct(table: TableBuilder) -> str:
    columns = table.main_names
    title = "".join(part.capitalize() for part in table.name.split("_"))
    fields = []
    for name, size in Counter(re.sub(r"\[\d+\]", "", column) for column in columns).items():
        named = f"{name}_" if name in _KEYWORDS else name
        array = f"{name}[0]" in columns
        fields.append(
            f"    std::array<std::uint64_t, {size}> {named}{{}};" if array else f"    std::uint64_t {named} = 0;"
        )
    return "\n".join(
        [f"struct {title} {{", *fields, "};", f"static_assert(sizeof({title}) == 8 * {len(columns)});", ""]
    )


if __name__ == "__main__":
    HEADER.write_text(header(), encoding="utf-8")
