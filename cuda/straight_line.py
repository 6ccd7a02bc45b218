"""Constraint bytecode written down as CUDA: straight-line code for programs known when kernels are compiled.

A program becomes one or several kernels, each a slice: sums that it takes part in and what they need. Values are named
once, columns are read where they are used, so that what a thread holds is what the compiler keeps. The names carry the
digest of the bytecode, so a program for which there is no kernel is found to have none, and is interpreted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cuda import bytecode
from cuda.bytecode import Kind, Operand, Operation, Step
from proving.backend.program import Bytecode

#: Steps and terms of one kernel; more are cut into slices.
MOST_STEPS = 1000
#: Threads of a block and blocks of a multiprocessor that registers are to allow: 168 a thread.
THREADS, BLOCKS = 128, 3

#: What the kernels of `constraints.cu` take as well, and for a quotient whether it is added to what is there.
_PARAMETERS = {
    "quotient": (
        *(f"const u64* {name}" for name in ("main", "preprocessed", "bus", "periodic", "periodic_shape", "selector")),
        *(f"const u64* {name}" for name in ("roots", "base_pool", "extension_pool", "powers", "domain")),
        *("u64 log_height", "u64 log_blowup", "u64* out", "u64 adding"),
    ),
    "fractions": (
        *(f"const u64* {name}" for name in ("main", "preprocessed", "periodic", "periodic_shape", "base_pool")),
        *("const u64* extension_pool", "u64 height", "u64* out"),
    ),
}

_ROWS = {"quotient": "CosetRow", "fractions": "TraceRow"}
_SUMS = (Operation.SUM_DOT, Operation.SUM_PRODUCT)
_READS = {
    Kind.MAIN: "at.main({})",
    Kind.MAIN_NEXT: "at.main_next({})",
    Kind.PREPROCESSED: "at.preprocessed({})",
    Kind.PERIODIC: "at.periodic({})",
    Kind.FIRST: "at.first()",
    Kind.LAST: "at.last()",
    Kind.TRANSITION: "at.transition()",
    Kind.POOL: "uniforms.pool({})",
    Kind.BUS: "at.bus({})",
    Kind.BUS_NEXT: "at.bus_next({})",
    Kind.EXTENSION_POOL: "uniforms.extension_pool({})",
    Kind.POWER: "uniforms.power({})",
}
_SYMBOLS = {Operation.ADD: "+", Operation.SUBTRACT: "-", Operation.MULTIPLY: "*"}


@dataclass(frozen=True)
class Value:
    """A step with the steps whose results it reads, by operand."""

    step: Step
    needs: dict[Operand, int]


def names(code: Bytecode, kind: str) -> list[str]:
    """Return the names of a program's kernels of a kind, ``quotient`` or ``fractions``; none where it sums nothing."""
    return [f"{kind}_{bytecode.digest(code)}_{part}" for part in range(len(_slices(code)))]


def source(code: Bytecode, kind: str, powers: int) -> str:
    """Return the source of a program's kernels.

    Parameters
    ----------
    powers
        Constraints that a quotient sums; 0 for fractions.
    """
    values = _values(code)
    parts = [
        _kernel(kind, name, _body(values, kept), code, powers)
        for name, kept in zip(names(code, kind), _slices(code), strict=True)
    ]
    return '#include "straight_line.cuh"\n\nusing namespace gpu;\n' + "".join(parts)


def _values(code: Bytecode) -> list[Value]:
    """Resolve registers to the steps that wrote them last."""
    written: dict[Operand, int] = {}
    values = []
    for number, step in enumerate(bytecode.steps(code)):
        read = [step.a, step.b, *(vector for vector, _ in step.terms)]
        values.append(Value(step, {operand: written[operand] for operand in read if operand in written}))
        if step.operation not in (*_SUMS, Operation.OUTPUT):
            kind = Kind.EXTENSION_REGISTER if step.extension else Kind.REGISTER
            written[Operand(kind, step.target)] = number
    return values


def _slices(code: Bytecode) -> list[list[int]]:
    """Cut a program into slices of about equal work: sums in their order, with all that each needs."""
    values = _values(code)
    if code.outputs:
        return [list(range(len(values)))]
    work = sum(1 + len(value.step.terms) for value in values)
    sums = [number for number, value in enumerate(values) if value.step.operation in _SUMS]
    parts = min(len(sums), -(-work // MOST_STEPS))
    # A sum belongs to the slice in whose share of the program it stands.
    chosen: list[list[int]] = [[] for _ in range(parts)]
    for number in sums:
        chosen[min(parts - 1, number * parts // len(values))].append(number)
    return [_needed(values, wanted) for wanted in chosen if wanted]


def _needed(values: Sequence[Value], wanted: Sequence[int]) -> list[int]:
    kept: set[int] = set()
    stack = list(wanted)
    while stack:
        number = stack.pop()
        if number not in kept:
            kept.add(number)
            stack += values[number].needs.values()
    return sorted(kept)


def _body(values: Sequence[Value], kept: Sequence[int]) -> Iterator[str]:
    """Write the statements of these steps."""
    for number in kept:
        value = values[number]
        step = value.step

        def read(operand: Operand, value: Value = value) -> str:
            if operand in value.needs:
                return f"v{value.needs[operand]}"
            return _READS[operand.kind].format(operand.number)

        if step.terms:
            factor = Kind.POWER if step.operation is Operation.SUM_DOT else Kind.EXTENSION_POOL
            yield f"ExtProducts d{number};"
            for vector, entry in step.terms:
                yield f"d{number}.add({read(vector)}, {read(Operand(factor, entry))});"
        if step.operation is Operation.SUM_DOT:
            yield f"sum = sum + d{number}.reduce();"
        elif step.operation is Operation.SUM_PRODUCT:
            yield f"sum = sum + multiply({read(step.a)}, {read(step.b)});"
        elif step.operation is Operation.OUTPUT:
            yield f"at.put({step.target}, {_embedded(step.a, read(step.a))});"
        elif step.operation is Operation.SUBTRACT_DOT:
            yield f"const Ext v{number} = {read(step.a)} - d{number}.reduce();"
        else:
            made = _expression(step, read(step.a), read(step.b))
            yield f"const {'Ext' if step.extension else 'Fp'} v{number} = {made};"


def _expression(step: Step, a: str, b: str) -> str:
    """Write a sum, difference or product, of what the C++ types have operators for."""
    if step.operation is Operation.MULTIPLY:
        if step.a.extension and step.b.extension:
            return f"multiply({a}, {b})"
        return f"{a} * {b}" if step.a.extension or not step.b.extension else f"{b} * {a}"
    if step.operation is Operation.ADD and step.b.extension:
        return f"{b} + {a}"
    if step.extension:
        a = _embedded(step.a, a)
    return f"{a} {_SYMBOLS[step.operation]} {b}"


def _embedded(operand: Operand, text: str) -> str:
    return text if operand.extension else f"Ext({text}, Fp(), Fp())"


def _kernel(kind: str, name: str, body: Iterator[str], code: Bytecode, powers: int) -> str:
    statements = "\n        ".join(body)
    row, parameters = _ROWS[kind], _PARAMETERS[kind]
    return f"""
namespace {{

struct Program_{name} {{
    static constexpr u32 kBase = {code.base_pool.size};
    static constexpr u32 kExtension = {code.extension_pool.size};
    static constexpr u32 kPowers = {powers};

    static __device__ __forceinline__ Ext run(const {row}& at, [[maybe_unused]] const Uniforms& uniforms) {{
        Ext sum;
        {statements}
        return sum;
    }}
}};

}}  // namespace

extern "C" __global__ void __launch_bounds__({THREADS}, {BLOCKS})
    {name}({", ".join(parameters)}) {{
    {kind}_straight<Program_{name}>({", ".join(parameter.split()[-1].lstrip("*") for parameter in parameters)});
}}
"""
