"""Measurement of the expansion of execution records for `benchmarks.gpu`, on made-up records of every family.

The kernels of a segment are measured together with the transfer of its records, which is what they are there for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.gpu_case import Case
from cuda.backend import CudaBackend
from proving.backend.expansion import Family, SegmentExpansion
from proving.machine.main_vm import call, constant, shapes
from proving.machine.main_vm.circuit import circuit
from proving.machine.records import BLOCK_WIDTH, CYCLE_FAMILIES, IDLE, MEMORY_FAMILIES

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


def cases(backend: CudaBackend, log_size: int) -> list[Case]:
    """Return the measurement, of tables that have about ``2^log_size`` words each."""
    made = segment(max(log_size - 6, 6))
    written = sum(8 * columns * rows for columns, rows in made.shapes.values())
    label = f"2^{max(log_size - 6, 6)} rows a table, with the transfer"
    return [Case("expand_nothing", label, lambda: backend.expand(made), 2.0 * written, 0.0, 256)]
