"""Slow, independent ways to compute what the kernels compute."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proving.backend.interface import PRIME
from proving.backend.periodic import periodic_coefficients
from proving.backend.program import Op, TableProgram, resolve_uniform
from proving.field import extension, goldilocks

U64 = npt.NDArray[np.uint64]


def bit_reversal(bits: int) -> npt.NDArray[np.intp]:
    """Index of natural position i in bit-reversed order."""
    return np.array([int(format(i, f"0{bits}b")[::-1], 2) if bits else 0 for i in range(1 << bits)], dtype=np.intp)


def interpolate(values: U64, shift: int = 1) -> U64:
    """Coefficients (c, n) of the polynomials with the given values (c, n) on shift * <w>, natural order."""
    size = values.shape[1]
    points = coset_points(size.bit_length() - 1, 1)
    inverses = goldilocks.inverse(points)
    sums = base_horner(values, inverses)
    scale = np.array([pow(size * pow(shift, k, PRIME), PRIME - 2, PRIME) for k in range(size)], dtype=np.uint64)
    return goldilocks.multiply(sums, scale)


def base_horner(coefficients: U64, points: U64) -> U64:
    """Polynomials (c, n) at base points (k,): (c, k)."""
    result = np.zeros((coefficients.shape[0], points.shape[0]), dtype=np.uint64)
    for column in coefficients.T[::-1]:
        result = goldilocks.add(goldilocks.multiply(result, points), column[:, None])
    return result


def at_point(coefficients: U64, point: U64) -> U64:
    """Polynomials (c, n) at an extension point (3,): (c, 3)."""
    result = np.zeros((coefficients.shape[0], 3), dtype=np.uint64)
    for column in coefficients.T[::-1]:
        result = goldilocks.add(extension.multiply(result, point), extension.embed(column))
    return result


def coset_points(log_size: int, shift: int) -> U64:
    """shift * w^i in natural order."""
    root = goldilocks.root_of_unity(log_size)
    return np.array([shift * pow(root, i, PRIME) % PRIME for i in range(1 << log_size)], dtype=np.uint64)


def extend(trace: U64, log_blowup: int, shift: int) -> U64:
    """The trace's evaluations on the coset, bit-reversed, (c, n << log_blowup)."""
    log_size = trace.shape[1].bit_length() - 1 + log_blowup
    values = base_horner(interpolate(trace), coset_points(log_size, shift))
    return np.ascontiguousarray(values[:, bit_reversal(log_size)])


def graph_values(
    program: TableProgram,
    leaves: dict[tuple[Op, int, int], U64],
    uniforms: dict[str, U64],
) -> list[U64]:
    """Values of every node as extension arrays (points, 3); leaves by (op, a, b) as (points,) or (points, 3)."""
    nodes = program.nodes
    count = next(iter(leaves.values())).shape[0]
    values: list[U64] = []
    for i in range(nodes.op.shape[0]):
        op, a, b = Op(int(nodes.op[i])), int(nodes.a[i]), int(nodes.b[i])
        if nodes.uniform[i]:
            value = np.repeat(resolve_uniform(nodes, [i], **uniforms), count, axis=0)
        elif op is Op.ADD:
            value = goldilocks.add(values[a], values[b])
        elif op is Op.SUB:
            value = goldilocks.subtract(values[a], values[b])
        elif op is Op.MUL:
            value = extension.multiply(values[a], values[b])
        elif op is Op.NEG:
            value = goldilocks.negate(values[a])
        else:
            leaf = leaves[op, a, b]
            value = extension.embed(leaf) if leaf.ndim == 1 else leaf
        values.append(value)
    return values


def coset_leaves(
    program: TableProgram,
    main: U64,
    preprocessed: U64 | None,
    bus: U64 | None,
    log_height: int,
    log_blowup: int,
    shift: int,
) -> dict[tuple[Op, int, int], U64]:
    """Every leaf on the evaluation coset in bit-reversed order."""
    log_size = log_height + log_blowup
    reversal = bit_reversal(log_size)
    natural_next = (np.arange(1 << log_size) + (1 << log_blowup)) % (1 << log_size)
    following = reversal[natural_next][reversal]
    height = 1 << log_height
    points = coset_points(log_size, shift)[reversal]
    vanishing = goldilocks.subtract(extension.power(extension.embed(points), height)[:, 0], scalar(1))
    inverse_root = pow(goldilocks.root_of_unity(log_height), PRIME - 2, PRIME)
    leaves: dict[tuple[Op, int, int], U64] = {}
    for i, column in enumerate(main):
        leaves[Op.MAIN, i, 0], leaves[Op.MAIN, i, 1] = column, column[following]
    for i, column in enumerate(preprocessed if preprocessed is not None else ()):
        leaves[Op.PREPROCESSED, i, 0] = column
    for i in range(program.bus_columns):
        assert bus is not None
        column = np.ascontiguousarray(bus[3 * i : 3 * i + 3].T)
        leaves[Op.BUS, i, 0], leaves[Op.BUS, i, 1] = column, column[following]
    for op, pole in ((Op.FIRST, 1), (Op.LAST, inverse_root)):
        divisor = goldilocks.multiply(goldilocks.subtract(points, scalar(pole)), scalar(height))
        scaled = goldilocks.multiply(vanishing, scalar(pole))
        leaves[op, 0, 0] = goldilocks.multiply(scaled, goldilocks.inverse(divisor))
    leaves[Op.TRANSITION, 0, 0] = goldilocks.subtract(points, scalar(inverse_root))
    for i, period in enumerate(program.periodic):
        coefficients = np.array([periodic_coefficients(period)], dtype=np.uint64)
        raised = extension.power(extension.embed(points), height // len(period))[:, 0]
        leaves[Op.PERIODIC, i, 0] = base_horner(coefficients, raised)[0]
    return leaves


def scalar(value: int) -> U64:
    """An integer as an array without axes."""
    return np.array(value % PRIME, dtype=np.uint64)


def inverse_of(value: int) -> U64:
    """The inverse of a nonzero integer."""
    return scalar(pow(value, PRIME - 2, PRIME))


def random_elements(rng: np.random.Generator, *shape: int) -> U64:
    """Uniform canonical elements."""
    return rng.integers(0, PRIME, shape, dtype=np.uint64)
