"""Key generation: from a circuit, its rate and the bounds on its heights to the key that both sides use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from proving.backend.interface import Backend
from proving.backend.program import TableProgram
from proving.stark.air.circuit import Circuit
from proving.stark.air.compile import compile_circuit
from proving.stark.errors import KeyRefused
from proving.stark.key import Key, count_facts, key_digest, prepare
from proving.stark.security import MIN_LOG_HEIGHT, PROFILES, solve
from proving.stark.shape import MAX_LOG_HEIGHT, Layout, TableLayout

#: The largest domain, 2^(24 + 8), is the largest group of roots of unity of order 2^k.
MAX_LOG_BLOWUP = 8


def build_key(
    circuit: Circuit,
    *,
    backend: Backend,
    log_blowup: int,
    max_log_heights: Mapping[str, int],
    profiles: Sequence[str] = tuple(PROFILES),
    form: Mapping[str, Any] = MappingProxyType({}),
) -> Key:
    """Make a circuit's key.

    Parameters
    ----------
    circuit
        The tables; constraint degrees must not exceed ``2^log_blowup + 1``.
    backend
        Commits to the preprocessed columns.
    log_blowup
        log2 of 1/rate.
    max_log_heights
        The bound on every table's log height; tables with preprocessed columns have the height of these.
    profiles
        The profiles that proofs under this key may have.
    form
        Parameters of :class:`Layout` that are not its defaults: of caps, folds, the final polynomial, the hash family.

    Raises
    ------
    KeyRefused
        The bounds do not fit the circuit.
    SecurityBelowProfile
        A profile cannot be reached at the largest heights.
    """
    if not 1 <= log_blowup <= MAX_LOG_BLOWUP:
        raise KeyRefused(f"A rate of 2^-{log_blowup} is outside 1/2 to 2^-{MAX_LOG_BLOWUP}.")
    program = compile_circuit(circuit)
    bounds = tuple(_bound(table, max_log_heights) for table in program.tables)
    tables = tuple(_table_layout(table, program.max_arity) for table in program.tables)
    layout = Layout(tables, log_blowup, bounds, **form)
    worst = max(table.degree for table in layout.tables)
    if worst > (1 << log_blowup) + 1:
        raise KeyRefused(f"Constraints of degree {worst} do not fit a rate of 1/{1 << log_blowup}.")
    facts = count_facts(layout.largest())
    reports = {name: solve(name, facts) for name in profiles}
    prepared = prepare(program.tables, layout, backend)
    cap = None if prepared.tree is None else np.ascontiguousarray(prepared.tree.cap)
    key = Key(program, layout, reports, cap, key_digest(layout, program, reports, cap))
    key._prepared[id(backend)] = (backend, prepared)
    return key


def _bound(program: TableProgram, bounds: Mapping[str, int]) -> int:
    if program.fixed_log_height is not None:
        bound = program.fixed_log_height
    elif program.name in bounds:
        bound = bounds[program.name]
    else:
        raise KeyRefused(f"No bound is given for the height of table {program.name}.")
    if not MIN_LOG_HEIGHT <= bound <= MAX_LOG_HEIGHT:
        allowed = f"2^{MIN_LOG_HEIGHT} to 2^{MAX_LOG_HEIGHT}"
        raise KeyRefused(f"The bound 2^{bound} of table {program.name} is outside {allowed}.")
    return bound


def _table_layout(program: TableProgram, arity: int) -> TableLayout:
    if not program.main_columns:
        raise KeyRefused(f"Table {program.name} has no main columns.")
    return TableLayout(
        name=program.name,
        main=program.main_columns,
        preprocessed=program.preprocessed_columns,
        bus=program.bus_columns,
        main_next=program.next_columns,
        constraints=program.constraint_count,
        degree=max(program.constraint_degrees, default=0),
        interactions=program.interactions,
        arity=arity,
        fixed_log_height=program.fixed_log_height,
    )
