"""The native kernels for constraints and buses, on plain host arrays."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

from proving.backend.interface import HostArray
from proving.backend.periodic import PeriodicValues, coset_periodic, natural_periodic
from proving.backend.pools import bus_pools, quotient_pools
from proving.backend.program import Bytecode, TableProgram
from proving.native import INT, POINTER, SIZE, UNSIGNED, function, memory

_quotient = function(
    "hm_air_quotient", None, [POINTER, POINTER, POINTER, POINTER, ctypes.c_uint, ctypes.c_uint, UNSIGNED, POINTER]
)
_bus = function("hm_air_bus", INT, [POINTER, POINTER, POINTER, ctypes.c_uint, SIZE, POINTER, POINTER])


class _Machine(ctypes.Structure):
    """The same layout as `Machine` in proving/native/src/multi/constraints.cpp."""

    _fields_ = (
        ("code", POINTER),
        ("instructions", SIZE),
        ("base_registers", SIZE),
        ("extension_registers", SIZE),
        ("base_leaves", POINTER),
        ("base_leaf_count", SIZE),
        ("extension_leaves", POINTER),
        ("extension_leaf_count", SIZE),
        ("base_pool", POINTER),
        ("extension_pool", POINTER),
        ("terms", POINTER),
        ("powers", POINTER),
        ("periodic", POINTER),
        ("periodic_offsets", POINTER),
        ("periodic_masks", POINTER),
    )


class BusPoleError(ArithmeticError):
    """A bus message met the bus challenge, which happens with probability below 2^-150."""


def bus_columns(
    program: TableProgram,
    main: HostArray,
    preprocessed: HostArray | None,
    challenges: HostArray,
    publics: HostArray,
) -> tuple[HostArray, HostArray]:
    """Helper columns and running sum of a table.

    Parameters
    ----------
    main : (main columns, n) uint64, the trace in natural order
    preprocessed : (preprocessed columns, n) uint64, or None
    challenges : (2, 3) uint64, alpha and beta
    publics : (publics,) uint64

    Returns
    -------
    (3 * bus columns, n) uint64 in natural order, and the table's bus sum, (3,) uint64.

    Raises
    ------
    BusPoleError
        A denominator is zero.
    """
    height = _check_columns(
        program.name,
        {"main": (main, program.main_columns), "preprocessed": (preprocessed, program.preprocessed_columns)},
    )
    columns = memory.empty((3 * program.bus_columns, height))
    total = np.zeros(3, dtype=np.uint64)
    if program.bus_columns:
        code = program.bus
        base, ext = bus_pools(program, publics=publics, challenges=challenges)
        machine = _machine(code, base, ext, base, natural_periodic(program.periodic))
        failed = _bus(
            ctypes.addressof(machine.structure),
            main.ctypes.data,
            _address(preprocessed),
            height.bit_length() - 1,
            program.bus_columns,
            columns.ctypes.data,
            total.ctypes.data,
        )
        if failed:
            raise BusPoleError(f"table {program.name}: a bus denominator is zero")
    return columns, total


def quotient(
    program: TableProgram,
    main_lde: HostArray,
    preprocessed_lde: HostArray | None,
    bus_lde: HostArray | None,
    *,
    publics: HostArray,
    challenges: HostArray,
    alpha_powers: HostArray,
    bus_sum: HostArray,
    log_height: int,
    log_blowup: int,
    shift: int,
) -> HostArray:
    """A table's constraints, combined and divided by the vanishing polynomial of its trace domain.

    Parameters
    ----------
    main_lde, preprocessed_lde, bus_lde : (columns, n << log_blowup) uint64, bit-reversed on the coset
    publics : (publics,) uint64
    challenges : (2, 3) uint64, alpha and beta of the buses
    alpha_powers : (program.constraint_count, 3) uint64, this table's powers of the constraint challenge
    bus_sum : (3,) uint64
    shift : of the coset

    Returns
    -------
    (3, n << log_blowup) uint64: sum_k alpha_powers[k] C_k(x) / (x^n - 1), bit-reversed.
    """
    size = _check_columns(
        program.name,
        {
            "main": (main_lde, program.main_columns),
            "preprocessed": (preprocessed_lde, program.preprocessed_columns),
            "bus": (bus_lde, 3 * program.bus_columns),
        },
    )
    if size != 1 << (log_height + log_blowup):
        raise ValueError(f"table {program.name}: {size} rows, expected 2^({log_height} + {log_blowup})")
    if alpha_powers.shape != (program.constraint_count, 3):
        raise ValueError(f"table {program.name}: {alpha_powers.shape} powers, {program.constraint_count} constraints")
    code = program.quotient
    base, ext = quotient_pools(program, publics=publics, challenges=challenges, bus_sum=bus_sum, log_height=log_height)
    powers = np.ascontiguousarray(alpha_powers)
    machine = _machine(code, base, ext, powers, coset_periodic(program.periodic, log_height, log_blowup, shift))
    out = memory.empty((3, size))
    _quotient(
        ctypes.addressof(machine.structure),
        main_lde.ctypes.data,
        _address(preprocessed_lde),
        _address(bus_lde),
        log_height,
        log_blowup,
        shift,
        out.ctypes.data,
    )
    return out


@dataclass(frozen=True)
class _Prepared:
    """A machine description and the arrays that its pointers need alive."""

    structure: _Machine
    arrays: tuple[object, ...]


def _machine(
    code: Bytecode, base_pool: HostArray, extension_pool: HostArray, powers: HostArray, periodic: PeriodicValues
) -> _Prepared:
    structure = _Machine(
        code=code.code.ctypes.data,
        instructions=code.code.shape[0],
        base_registers=code.base_registers,
        extension_registers=code.extension_registers,
        base_leaves=code.base_leaves.ctypes.data,
        base_leaf_count=code.base_leaves.shape[0],
        extension_leaves=code.extension_leaves.ctypes.data,
        extension_leaf_count=code.extension_leaves.shape[0],
        base_pool=base_pool.ctypes.data,
        extension_pool=extension_pool.ctypes.data,
        terms=code.terms.ctypes.data,
        powers=powers.ctypes.data,
        periodic=periodic.values.ctypes.data,
        periodic_offsets=periodic.offsets.ctypes.data,
        periodic_masks=periodic.masks.ctypes.data,
    )
    return _Prepared(structure, (code, base_pool, extension_pool, powers, periodic))


def _check_columns(name: str, phases: dict[str, tuple[HostArray | None, int]]) -> int:
    """Check that the arrays are what the kernels will read, and return the number of rows."""
    sizes = {int(array.shape[-1]) for array, _ in phases.values() if array is not None}
    if len(sizes) != 1:
        raise ValueError(f"table {name}: the phases have {sorted(sizes)} rows")
    rows = sizes.pop()
    for phase, (array, columns) in phases.items():
        if array is None:
            if columns:
                raise ValueError(f"table {name}: the {phase} columns are missing")
        elif array.shape != (columns, rows) or array.dtype != np.uint64 or not array.flags.c_contiguous:
            raise ValueError(
                f"table {name}: {phase} is {array.dtype} {array.shape}, "
                f"expected C-contiguous uint64 ({columns}, {rows})"
            )
    if rows & (rows - 1) or rows < 64:
        raise ValueError(f"table {name}: {rows} rows, expected a power of two of at least 64")
    return rows


def _address(array: HostArray | None) -> int | None:
    return None if array is None else array.ctypes.data
