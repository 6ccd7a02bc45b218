"""The constraints of ``docs/snark.md``, section 3, and what the verifier makes of them, sections 6 and 7.

`constraints` is written once for anything that adds and multiplies: whole columns in the prover, numbers in tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from proving.snark.layout import MULTIPLICITY, NEXT_VALUES, PRODUCT, QUOTIENT, SUM, TABLE, VALUES, WIRES
from proving.snark.points import GENERATOR, SCALAR_MODULUS
from proving.snark.poseidon2 import FIRST_CONSTANTS
from proving.snark.transcript import Challenges


class Element(Protocol):
    """An element of the scalar field, or a column of them; the other side of an operation may be an integer."""

    def __add__(self, other: Self | int, /) -> Self: ...

    def __sub__(self, other: Self | int, /) -> Self: ...

    def __mul__(self, other: Self | int, /) -> Self: ...


E = TypeVar("E", bound=Element)

#: The labels of the cells of wire j begin with this factor.
COSETS = tuple(GENERATOR**wire for wire in range(len(WIRES)))


def fifth_power(x: E) -> E:
    """Return x^5, the S-box of Poseidon2."""
    square = x * x
    return square * square * x


def external(x: E, y: E, z: E) -> tuple[E, E, E]:
    """Apply the matrix of Poseidon2's full rounds."""
    total = x + y + z
    return total + x, total + y, total + z


def internal(x: E, y: E, z: E) -> tuple[E, E, E]:
    """Apply the matrix of Poseidon2's partial rounds."""
    total = x + y + z
    return total + x, total + y, total + z + z


def first_round(a: E, b: E, c: E) -> tuple[E, E, E]:
    """Return the state after the first layer and the first full round, before the next constants."""
    first, second, third = external(a, b, c)
    k_0, k_1, k_2 = FIRST_CONSTANTS
    return full_round(first + k_0, second + k_1, third + k_2)


def full_round(a: E, b: E, c: E) -> tuple[E, E, E]:
    """Return the state after one full round, before the next constants."""
    return external(fifth_power(a), fifth_power(b), fifth_power(c))


def between_partial_rounds(a: E, b: E, c: E) -> tuple[E, E, E]:
    """Return the state after one partial round, before the next constant."""
    return internal(fifth_power(a), b, c)


def partial_rounds(a: E, b: E, c: E, d: E) -> tuple[E, E, E]:
    """Return the state after two partial rounds, before the next constants; `d` is element 0 between them."""
    _, second, third = between_partial_rounds(a, b, c)
    return internal(fifth_power(d), second, third)


def product_of_others(factors: Sequence[E]) -> tuple[E, E]:
    """Return the product of four factors, and the sum of the four products of three of them."""
    a, b, c, d = factors
    left, right = a * b, c * d
    return left * right, (a + b) * right + (c + d) * left


def constraints(
    row: Mapping[str, E], following: Mapping[str, E], *, x: E, first: E, publics: E, challenges: Challenges
) -> list[E]:
    """Return C0 to C6, each zero on every row of a right witness.

    Parameters
    ----------
    row, following
        Values of all columns but the quotient's, and those of `NEXT_VALUES` in the next row, by name.
    x, first, publics
        The row's point, and there the Lagrange polynomial of row 0 and the polynomial of the public inputs.
    """
    a, b, c, d = (row[name] for name in WIRES)
    q_i, q_f, q_p = row["q_i"], row["q_f"], row["q_p"]
    any_round = q_i + q_f + q_p
    rounds = [
        i * q_i + f * q_f + p * q_p
        for i, f, p in zip(first_round(a, b, c), full_round(a, b, c), partial_rounds(a, b, c, d), strict=True)
    ]
    linear = row["q_a"] * a + row["q_b"] * b + row["q_c"] * c + row["q_d"] * d
    between, _, _ = between_partial_rounds(a, b, c)
    wires = [row[name] for name in WIRES]
    beta, gamma, alpha = challenges.permutation, challenges.shift, challenges.lookup
    labelled = [wire + x * (coset * beta % SCALAR_MODULUS) + gamma for wire, coset in zip(wires, COSETS, strict=True)]
    permuted = [wire + row[f"s_{j}"] * beta + gamma for j, wire in enumerate(wires)]
    looked_up, three_of_four = product_of_others([wire + alpha for wire in wires])
    listed = row[TABLE] + alpha
    return [
        row["q_ab"] * a * b
        + row["q_cd"] * c * d
        + row["q_n"] * following["a"]
        + row["q_k"]
        + publics
        + linear
        + any_round * (row["q_a"] - following["a"] - linear)
        + rounds[0],
        any_round * (row["q_b"] - following["b"]) + rounds[1],
        any_round * (row["q_c"] - following["c"]) + rounds[2],
        q_p * (row["q_d"] + between - d),
        row[PRODUCT] * product_of_others(labelled)[0] - following[PRODUCT] * product_of_others(permuted)[0],
        first * (row[PRODUCT] - 1),
        ((following[SUM] - row[SUM]) * looked_up - row["q_r"] * three_of_four) * listed + row[MULTIPLICITY] * looked_up,
    ]


def joined(terms: Sequence[E], challenge: int) -> E:
    """Return the sum of terms times the rising powers of a challenge."""
    *rest, total = terms
    for term in reversed(rest):
        total = total * challenge + term
    return total


def linearisation(
    values: Mapping[str, int],
    next_values: Mapping[str, int],
    *,
    rows: int,
    first: int,
    publics: int,
    challenges: Challenges,
) -> tuple[dict[str, int], int]:
    """Return the factor of every commitment in the linearisation, and its constant.

    The polynomial that the factors make of the committed ones has minus the constant as its value at the evaluation
    point exactly when all constraints hold there.
    """
    a, b, c, d = (values[name] for name in WIRES)
    q_i, q_f, q_p = values["q_i"], values["q_f"], values["q_p"]
    any_round = q_i + q_f + q_p
    e = challenges.constraint
    rounds = [
        i * q_i + f * q_f + p * q_p
        for i, f, p in zip(first_round(a, b, c), full_round(a, b, c), partial_rounds(a, b, c, d), strict=True)
    ]
    states = [round_ - any_round * next_values[name] for round_, name in zip(rounds, "abc", strict=True)]
    beta, gamma, alpha, y = challenges.permutation, challenges.shift, challenges.lookup, challenges.point
    labelled = [values[name] + coset * beta * y + gamma for name, coset in zip(WIRES, COSETS, strict=True)]
    permuted = [values[name] + beta * values[f"s_{j}"] + gamma for j, name in enumerate(WIRES[:3])]
    three_permuted = permuted[0] * permuted[1] * permuted[2] * next_values[PRODUCT]
    looked_up, three_of_four = product_of_others([values[name] + alpha for name in WIRES])
    listed = values[TABLE] + alpha
    vanishing = pow(y, rows, SCALAR_MODULUS) - 1
    factors = {
        "q_ab": a * b,
        "q_cd": c * d,
        "q_a": (1 - any_round) * a + any_round,
        "q_b": (1 - any_round) * b + e * any_round,
        "q_c": (1 - any_round) * c + e**2 * any_round,
        "q_d": (1 - any_round) * d + e**3 * q_p,
        "q_n": next_values["a"],
        "q_k": 1,
        "q_r": -(e**6) * three_of_four * listed,
        PRODUCT: e**4 * product_of_others(labelled)[0] + e**5 * first,
        "s_3": -(e**4) * beta * three_permuted,
        SUM: -(e**6) * looked_up * listed,
        MULTIPLICITY: e**6 * looked_up,
    } | {name: -vanishing * pow(y, i * rows, SCALAR_MODULUS) for i, name in enumerate(QUOTIENT)}
    between, _, _ = between_partial_rounds(a, b, c)
    constant = joined(
        [
            publics + states[0],
            states[1],
            states[2],
            q_p * (between - d),
            -three_permuted * (d + gamma),
            -first,
            next_values[SUM] * looked_up * listed,
        ],
        e,
    )
    return {name: factor % SCALAR_MODULUS for name, factor in factors.items()}, constant % SCALAR_MODULUS


@dataclass(frozen=True)
class Opened:
    """One of the two polynomials that are opened: factors of commitments, and the claimed value."""

    factors: dict[str, int]
    value: int


def openings(
    linear: tuple[Mapping[str, int], int], values: Mapping[str, int], next_values: Mapping[str, int], batching: int
) -> tuple[Opened, Opened]:
    """Return what is opened at the evaluation point and at the next row.

    At the point: the linearisation (from `linearisation`), whose value is minus its constant, then the polynomials of
    `VALUES`, each times the next power of the batching challenge. At the next row: `NEXT_VALUES`, from power 0 on.
    Error: ``11 / r``.
    """
    powers = [pow(batching, i, SCALAR_MODULUS) for i in range(len(VALUES) + 1)]
    factors, constant = linear
    here = {**factors, **dict(zip(VALUES, powers[1:], strict=True))}
    value = sum(here[name] * values[name] for name in VALUES) - constant
    following = dict(zip(NEXT_VALUES, powers, strict=False))
    next_value = sum(factor * next_values[name] for name, factor in following.items())
    return Opened(here, value % SCALAR_MODULUS), Opened(following, next_value % SCALAR_MODULUS)


def lagrange(rows: int, index: int, root: int, y: int) -> int:
    """Return the Lagrange polynomial of a row at a point outside the trace domain."""
    at = pow(root, index, SCALAR_MODULUS)
    below = rows * (y - at) % SCALAR_MODULUS
    return at * (pow(y, rows, SCALAR_MODULUS) - 1) * pow(below, -1, SCALAR_MODULUS) % SCALAR_MODULUS
