"""The uniform values that a table's bytecode reads: its two pools, for one proof."""

from __future__ import annotations

import numpy as np

from proving.backend.interface import PRIME, HostArray
from proving.backend.program import Bytecode, TableProgram, resolve_uniform

#: Values of the base pool, ``(k,) uint64``, and of the extension pool, ``(k, 3) uint64``.
Pools = tuple[HostArray, HostArray]


def quotient_pools(
    program: TableProgram, *, publics: HostArray, challenges: HostArray, bus_sum: HostArray, log_height: int
) -> Pools:
    """Return the pools of a table's constraints, on ``2^log_height`` rows."""
    inverse_height = pow(1 << log_height, PRIME - 2, PRIME)
    share = np.array([int(value) * inverse_height % PRIME for value in bus_sum], dtype=np.uint64)
    return _pools(program, program.quotient, publics, challenges, share)


def bus_pools(program: TableProgram, *, publics: HostArray, challenges: HostArray) -> Pools:
    """Return the pools of a table's bus fractions."""
    return _pools(program, program.bus, publics, challenges, None)


def _pools(
    program: TableProgram, code: Bytecode, publics: HostArray, challenges: HostArray, share: HostArray | None
) -> Pools:
    wanted = [int(node) for node in (*code.base_pool, *code.extension_pool)]
    values = resolve_uniform(program.nodes, wanted, publics=publics, challenges=challenges, share=share)
    split = code.base_pool.shape[0]
    return np.ascontiguousarray(values[:split, 0]), np.ascontiguousarray(values[split:])
