"""Measurement of expansions for `benchmarks.gpu`: of made-up records of every family, of requests and of recursion.

The kernels are measured together with the transfer of what is expanded, which is what they are there for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.gpu_case import Case
from cuda.backend import CudaBackend
from proving.backend.expansion import (
    HASHED_WORDS,
    Expansion,
    Family,
    RecursionExpansion,
    RequestExpansion,
    SegmentExpansion,
)
from proving.circuits.basic import BasicCircuit
from proving.circuits.requests import empty_chain
from proving.circuits.served import SERVED
from proving.machine.main_vm import call, constant, shapes
from proving.machine.main_vm.circuit import circuit
from proving.machine.records import BLOCK_WIDTH, CYCLE_FAMILIES, IDLE, MEMORY_FAMILIES
from proving.recursion.witness import HASH_COLUMNS

Words = npt.NDArray[np.uint32]

#: Words of a record of each kind of call, the chain's digests of requests and of calls of Keccak-f among them.
_CALLS = {"poseidon2_call": 68, "request": 120, "keccak_call": 140}
#: The table of a family, where it has another name.
_TABLES = {"shift": "bitwise", "mul": "mul_div", "div": "mul_div", **dict.fromkeys(_CALLS, "call")}
#: addi x1, x1, 1: what every decoded instruction is.
_INSTRUCTION = 0x00108093
_DECODED = 64


def segment(log_rows: int) -> SegmentExpansion:
    """Return records that fill tables of ``2^log_rows`` rows, ``log_rows`` at least 6; their values mean nothing."""
    random = np.random.default_rng(1)
    rows, calls = 1 << log_rows, max(1, 1 << log_rows - 6)
    widths = dict.fromkeys(CYCLE_FAMILIES, 9) | dict.fromkeys(MEMORY_FAMILIES, 12)
    filled: dict[str, int] = {}
    families = []
    for name, width in (widths | _CALLS).items():
        count = calls if name in _CALLS else rows >> (_TABLES.get(name, name) in ("bitwise", "mul_div"))
        table = _TABLES.get(name, name)
        families.append(Family(name, _records(random, count, width), table, filled.get(table, 0)))
        filled[table] = filled.get(table, 0) + count * (call.ROWS if name in _CALLS else 1)
    heights = {**dict.fromkeys(shapes.SHAPES[0], log_rows), **shapes.FIXED, "call": log_rows + 1}
    sizes = {table.name: (len(table.main_names), 1 << heights[table.name]) for table in circuit()}
    compressions, pages = rows // 8, rows // 4
    decode = np.stack([np.arange(_DECODED) * 4, np.full(_DECODED, _INSTRUCTION), np.ones(_DECODED)], axis=1)
    return SegmentExpansion(
        sizes,
        tuple(families),
        _idle(random, rows),
        decode.astype(np.uint32),
        constant.rows(),
        random.integers(0, 1 << 32, (compressions, 16), dtype=np.uint64),
        np.ones(compressions, dtype=np.uint32),
        random.integers(0, compressions, calls, dtype=np.uint32),
        random.integers(0, compressions, 2 * pages, dtype=np.uint32),
        random.integers(0, 1 << 32, (pages // 2, BLOCK_WIDTH), dtype=np.uint32),
        random.integers(0, 16, (pages // 2, 4), dtype=np.uint32),
        np.zeros(sizes["boundary"], dtype=np.uint64),
    )


def _records(random: np.random.Generator, count: int, width: int) -> Words:
    """Return records whose registers were last used some hundred cycles ago."""
    records = random.integers(0, 1 << 32, (count, width), dtype=np.uint32)
    records[:, 0] = np.arange(1 << 10, (1 << 10) + count)
    records[:, 1] = 4 * random.integers(0, _DECODED, count, dtype=np.uint32)
    times = slice(6, 9) if width < 68 else slice(3, None, 2)
    ago = random.integers(1, 1 << 10, records[:, times].shape, dtype=np.uint32)
    records[:, times] = 4 * records[:, :1] - ago
    return records


def _idle(random: np.random.Generator, count: int) -> Words:
    """Return words of memory and of registers that lay idle for up to 2^24 timestamps."""
    rows = random.integers(0, 1 << 31, (count, len(IDLE)), dtype=np.uint32)
    rows[:, 0] = random.integers(0, 2, count)
    rows[:, -1] = rows[:, -2] + random.integers(1, 1 << 24, count, dtype=np.uint32)
    return rows


def recursion(log_rows: int) -> RecursionExpansion:
    """Return compressions that fill a hash table of ``2^log_rows`` rows; there are no other tables."""
    hashed = np.random.default_rng(1).integers(0, 1 << 32, (1 << log_rows, HASHED_WORDS), dtype=np.uint64)
    return RecursionExpansion({"hash": (HASH_COLUMNS, len(hashed))}, hashed, {})


def requests(circuit: BasicCircuit, count: int) -> RequestExpansion:
    """Return requests with random words."""
    words = np.random.default_rng(1).integers(0, 1 << 32, (count, circuit.layout.input_words), dtype=np.uint32)
    return circuit.prepare(empty_chain(circuit.kind), words)[0]


def cases(backend: CudaBackend, log_size: int) -> list[Case]:
    """Return the measurements, of tables that have about ``2^log_size`` words each."""
    log_rows = max(log_size - 6, 6)
    size = f"2^{log_rows} rows a table, with the transfer"
    found = [_case(backend, "expand_nothing", size, segment(log_rows), 0.0)]
    # Each compression is about a thousand products of 30 instructions.
    rows = recursion(log_rows)
    found.append(_case(backend, "expand_recursion_hash", size, rows, 30e3 * len(rows.hashed)))
    for served in SERVED.values():
        # A circuit's smallest shape, or what a chain of as many words holds.
        count = min(served.capacities[-1], max(served.capacities[0], (1 << log_rows) // (8 * served.layout.blocks)))
        asked = requests(served, count)
        label = f"{count} requests, with the transfer"
        found.append(_case(backend, f"expand_{served.name}", label, asked, 30e3 * len(asked.absorbed)))
    return found


def _case(backend: CudaBackend, kernel: str, size: str, made: Expansion, instructions: float) -> Case:
    """Return the measurement of an expansion; all tables but those of recursion are zeros before they are filled."""
    written = sum(8 * columns * rows for columns, rows in made.shapes.values())
    times = 1.0 if isinstance(made, RecursionExpansion) else 2.0
    return Case(kernel, size, lambda: backend.expand(made), times * written, instructions, 256)
