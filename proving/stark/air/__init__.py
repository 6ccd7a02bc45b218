"""Circuit description: tables and buses as Python expressions, and everything derived from them.

A circuit is written once. From its expression graph come the row engine (`check`), the constraint fuzzer, the bytecode
for the native kernels, the arrays for the CUDA generator, the verifier's evaluation at one point and the digest.
"""

from __future__ import annotations

from proving.stark.air.bus import Bus, Interaction
from proving.stark.air.circuit import Circuit, Traces
from proving.stark.air.engine import Violation, check, require
from proving.stark.air.errors import AirError
from proving.stark.air.evaluate import TableOpenings
from proving.stark.air.expr import Column, Expr, Operand
from proving.stark.air.program import CircuitProgram
from proving.stark.air.table import Guard, Table, TableBuilder

__all__ = [
    "AirError",
    "Bus",
    "Circuit",
    "CircuitProgram",
    "Column",
    "Expr",
    "Guard",
    "Interaction",
    "Operand",
    "Table",
    "TableBuilder",
    "TableOpenings",
    "Traces",
    "Violation",
    "check",
    "require",
]
