"""The quotient's parts, from its values on five cosets of the trace domain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from proving.backend.bn254 import Bn254Kernels
from proving.snark.bn254.field import FR, Elements
from proving.snark.columns import Column
from proving.snark.equations import constraints, joined
from proving.snark.layout import NEXT_VALUES, QUOTIENT
from proving.snark.points import GENERATOR, SCALAR_MODULUS, root_of_unity
from proving.snark.transcript import Challenges

#: Rows worked on together: their columns stay in the cache.
_BLOCK = 1 << 12


def quotient(
    committed: Mapping[str, Elements], publics: Elements, challenges: Challenges, kernels: Bn254Kernels
) -> dict[str, Elements]:
    """Return the coefficients of the quotient's parts by name, ``(rows, 4) uint64`` each.

    On the coset of shift h, ``X^n`` is the constant ``h^n``, so there the quotient is a combination of its parts with
    known factors; five cosets give the parts, without ever going to a domain of eight times the size.

    Parameters
    ----------
    committed
        Coefficients of all preprocessed and witness polynomials by name.
    publics
        Those of the public inputs' polynomial.
    challenges
        Up to the one that joins the constraints.
    kernels
        What transforms.
    """
    rows = len(publics)
    shifts = [pow(GENERATOR, i + 1, SCALAR_MODULUS) for i in range(len(QUOTIENT))]
    on_cosets = [
        Column(kernels.coefficients(_on_coset(committed, publics, challenges, shift, kernels), shift))
        for shift in shifts
    ]
    constants = [pow(shift, rows, SCALAR_MODULUS) for shift in shifts]
    parts = {}
    for name, factors in zip(QUOTIENT, _inverse_vandermonde(constants), strict=True):
        total = on_cosets[0] * factors[0]
        for column, factor in zip(on_cosets[1:], factors[1:], strict=True):
            total = total + column * factor
        parts[name] = total.array
    return parts


def _on_coset(
    committed: Mapping[str, Elements], publics: Elements, challenges: Challenges, shift: int, kernels: Bn254Kernels
) -> Elements:
    """Return the quotient's values on a coset, ``(rows, 4)``."""
    rows = len(publics)
    log_rows = rows.bit_length() - 1
    columns = {name: kernels.values(polynomial, log_rows, shift) for name, polynomial in committed.items()}
    at = FR.powers(FR.scalar(root_of_unity(rows)), rows, FR.scalar(shift))
    vanishing = (pow(shift, rows, SCALAR_MODULUS) - 1) % SCALAR_MODULUS
    first = (Column(at) - 1).inverse() * (vanishing * pow(rows, -1, SCALAR_MODULUS))
    inputs = kernels.values(publics, log_rows, shift)
    following = {name: np.roll(columns[name], -1, axis=0) for name in NEXT_VALUES}
    result = np.empty_like(at)
    for begin in range(0, rows, _BLOCK):
        block = slice(begin, begin + _BLOCK)
        terms = constraints(
            {name: Column(column[block]) for name, column in columns.items()},
            {name: Column(column[block]) for name, column in following.items()},
            x=Column(at[block]),
            first=Column(first.array[block]),
            publics=Column(inputs[block]),
            challenges=challenges,
        )
        result[block] = (joined(terms, challenges.constraint) * pow(vanishing, -1, SCALAR_MODULUS)).array
    return result


def _inverse_vandermonde(points: list[int]) -> list[list[int]]:
    """Return row i, column j: the coefficient of X^i of the Lagrange polynomial of point j."""
    columns = []
    for j, point in enumerate(points):
        coefficients, scale = [1], 1
        for k, other in enumerate(points):
            if k != j:
                shifted, scaled = [0, *coefficients], [*(-other * c for c in coefficients), 0]
                coefficients = [(a + b) % SCALAR_MODULUS for a, b in zip(shifted, scaled, strict=True)]
                scale = scale * (point - other) % SCALAR_MODULUS
        columns.append([c * pow(scale, -1, SCALAR_MODULUS) % SCALAR_MODULUS for c in coefficients])
    return [list(row) for row in zip(*columns, strict=True)]
