"""Measurements of constraint evaluation and bus columns for `benchmarks.gpu`, on a table of `main_vm`."""

from __future__ import annotations

import numpy as np

from benchmarks.gpu_case import Case
from cuda import bytecode, straight_line
from cuda.backend import CudaBackend
from cuda.bytecode import Operation, Step
from cuda.constraints import TOGETHER, Constraints
from cuda.transforms import blocks
from proving import keys
from proving.backend.interface import PRIME, HostArray, coset_shift
from proving.backend.program import Bytecode

#: Instructions of field operations on sm_90: canonical sums and products, a term of a sum of products, its reduction.
SUM, PRODUCT, TERM, REDUCTION = 7, 27, 11, 30
#: Instructions with which the interpreter decodes a step and finds its operands, an estimate.
DECODING = 60
LOG_BLOWUP = 2


def cases(backend: CudaBackend, log_size: int) -> list[Case]:
    """Return a measurement for every kernel, of about ``2^log_size`` words."""
    table = max(keys.key(keys.MAIN_VM).program.tables, key=lambda table: table.bus_columns)
    log_rows = max(log_size - 6, 6)
    log_height = log_rows - LOG_BLOWUP
    rows, height = 1 << log_rows, 1 << log_height
    main, trace = backend.upload(_random(table.main_columns, rows)), backend.upload(_random(table.main_columns, height))
    fixed, bus = table.preprocessed_columns, backend.upload(_random(3 * table.bus_columns, rows))
    preprocessed = backend.upload(_random(fixed, rows)) if fixed else None
    preprocessed_trace = backend.upload(_random(fixed, height)) if fixed else None
    challenges, publics = _random(2, 3), _random(1, 64)[0]
    powers, bus_sum = _random(table.constraint_count, 3), _random(1, 3)[0]

    def quotient(by: Constraints) -> object:
        return by.quotient(
            table,
            main,
            preprocessed,
            bus,
            publics=publics,
            challenges=challenges,
            alpha_powers=powers,
            bus_sum=bus_sum,
            log_height=log_height,
            log_blowup=LOG_BLOWUP,
            shift=coset_shift(log_height),
        )

    interpreter = Constraints(backend.memory, backend.transforms, interpret=True)

    def columns() -> object:
        return interpreter.bus_columns(table, trace, preprocessed_trace, challenges, publics)

    selector, scale = backend.memory.empty(1, rows), backend.memory.upload_small(_random(1, 1 << LOG_BLOWUP))
    roots = backend.transforms.roots(log_rows - 1, inverse=False)

    def select() -> None:
        arguments = [roots, coset_shift(log_height), scale.pointer, log_height, rows, selector.pointer]
        backend.device.launch("first_selector", (blocks(rows, 128 * TOGETHER), 1), 128, arguments)

    read = table.main_columns + table.preprocessed_columns + 3 * table.bus_columns
    label = f"{table.name}, {rows} rows"
    fractions = table.bus_columns * height
    known = straight_line.names(table.quotient, "quotient")
    straight = Case(
        known[0],
        label,
        lambda: quotient(backend.constraints),
        8.0 * rows * (read + 3),
        float(instructions(table.quotient, decoding=0) * rows),
    )
    return [
        *([straight] if backend.device.kernels.issuperset(known) else []),
        Case("first_selector", f"{rows}", select, 12.0 * rows, (3 + 72 / TOGETHER) * PRODUCT * rows),
        Case(
            "quotient_interpreted",
            label,
            lambda: quotient(interpreter),
            8.0 * rows * (read + 3),
            float(instructions(table.quotient) * rows),
        ),
        Case(
            "fractions_interpreted",
            f"{table.name}, {height} rows",
            columns,
            8.0 * height * (table.main_columns + table.preprocessed_columns) + 168.0 * fractions,
            float(instructions(table.bus) * height) + 36.0 * PRODUCT * fractions,
        ),
    ]


def instructions(code: Bytecode, decoding: int = DECODING) -> int:
    """Return about how many instructions a row of a program takes, with so many for each step's decoding."""
    return sum(decoding * (1 + len(step.terms)) + _work(step) for step in bytecode.steps(code))


def _work(step: Step) -> int:
    if step.terms:
        return 3 * (TERM * len(step.terms) + REDUCTION + SUM)
    if step.operation in (Operation.MULTIPLY, Operation.SUM_PRODUCT):
        if step.a.extension and step.b.extension:
            return 9 * TERM + 3 * REDUCTION
        return PRODUCT * (3 if step.extension else 1)
    return 0 if step.operation is Operation.OUTPUT else SUM * (3 if step.extension else 1)


def _random(columns: int, rows: int) -> HostArray:
    return np.random.default_rng(1).integers(0, PRIME, size=(columns, rows), dtype=np.uint64)
