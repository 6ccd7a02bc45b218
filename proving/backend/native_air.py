"""The native kernels for constraints and buses, on plain host arrays."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import numpy as np

from proving.backend.interface import GENERATOR, PRIME, HostArray
from proving.backend.program import Bytecode, TableProgram, resolve_uniform
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


@dataclass(frozen=True)
class PeriodicValues:
    """Periodic columns as the kernels read them: `values[offsets[k] + (row & masks[k])]`, all uint64."""

    values: HostArray
    offsets: HostArray
    masks: HostArray


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
        base, ext = _pools(program, code, publics=publics, challenges=challenges, share=None)
        machine = _machine(code, base, ext, base, _natural_periodic(program.periodic))
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
    inverse_height = pow(1 << log_height, PRIME - 2, PRIME)
    share = np.array([int(value) * inverse_height % PRIME for value in bus_sum], dtype=np.uint64)
    base, ext = _pools(program, code, publics=publics, challenges=challenges, share=share)
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


@functools.lru_cache(maxsize=4096)
def periodic_coefficients(values: tuple[int, ...]) -> tuple[int, ...]:
    """Coefficients c of the polynomial with sum_k c_k w^(i k) = values[i], w of the order of the period."""
    period = len(values)
    inverse_root = pow(_root_of_unity(period.bit_length() - 1), PRIME - 2, PRIME)
    roots = [pow(inverse_root, k, PRIME) for k in range(period)]
    scale = pow(period, PRIME - 2, PRIME)
    return tuple(
        sum(value * roots[i * k % period] for i, value in enumerate(values)) * scale % PRIME for k in range(period)
    )


@functools.lru_cache(maxsize=256)
def coset_periodic(
    columns: tuple[tuple[int, ...], ...], log_height: int, log_blowup: int, shift: int
) -> PeriodicValues:
    """Periodic columns on the evaluation coset, by natural index modulo (period << log_blowup)."""
    return _gather_periodic(
        [_extend_period(values, log_height, log_blowup, shift) for values in columns],
    )


@functools.lru_cache(maxsize=256)
def _natural_periodic(columns: tuple[tuple[int, ...], ...]) -> PeriodicValues:
    return _gather_periodic([list(values) for values in columns])


def _root_of_unity(log_order: int) -> int:
    """The generator of the subgroup of order 2^log_order."""
    return pow(GENERATOR, (PRIME - 1) >> log_order, PRIME)


def _gather_periodic(columns: list[list[int]]) -> PeriodicValues:
    sizes = np.array([len(values) for values in columns], dtype=np.uint64)
    return PeriodicValues(
        values=np.array([value for values in columns for value in values], dtype=np.uint64),
        offsets=(np.cumsum(sizes) - sizes).astype(np.uint64),
        masks=sizes - np.uint64(1),
    )


def _extend_period(values: tuple[int, ...], log_height: int, log_blowup: int, shift: int) -> list[int]:
    """Values of the period's interpolant at (shift * w_N^i)^(n / period) for i below period << log_blowup."""
    log_period = len(values).bit_length() - 1
    coefficients = periodic_coefficients(values)
    start = pow(shift, 1 << (log_height - log_period), PRIME)
    root = _root_of_unity(log_period + log_blowup)
    extended = []
    for i in range(len(values) << log_blowup):
        point, value = start * pow(root, i, PRIME) % PRIME, 0
        for coefficient in reversed(coefficients):
            value = (value * point + coefficient) % PRIME
        extended.append(value)
    return extended


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


def _pools(
    program: TableProgram, code: Bytecode, *, publics: HostArray, challenges: HostArray, share: HostArray | None
) -> tuple[HostArray, HostArray]:
    """Values of the base pool, (k,), and of the extension pool, (k, 3)."""
    wanted = [int(node) for node in (*code.base_pool, *code.extension_pool)]
    values = resolve_uniform(program.nodes, wanted, publics=publics, challenges=challenges, share=share)
    split = code.base_pool.shape[0]
    return np.ascontiguousarray(values[:split, 0]), np.ascontiguousarray(values[split:])


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
