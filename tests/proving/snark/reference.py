"""The prover once more, on Python integers: polynomials as lists, commitments by the setup's secret, no kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proving.snark.equations import COSETS, constraints, joined, lagrange, linearisation, openings
from proving.snark.key import SnarkKey
from proving.snark.layout import NEXT_VALUES, QUOTIENT, ROUNDS, TABLE, VALUES, WIRES
from proving.snark.points import GENERATOR_1, SCALAR_MODULUS, combine, root_of_unity
from proving.snark.proof import SnarkProof
from proving.snark.transcript import Challenges, Transcript


@dataclass(frozen=True)
class Polynomial:
    """Coefficients, the lowest first."""

    coefficients: list[int]

    def __add__(self, other: Polynomial | int) -> Polynomial:
        theirs = [other] if isinstance(other, int) else other.coefficients
        size = max(len(self.coefficients), len(theirs))
        padded = [[*c, *[0] * (size - len(c))] for c in (self.coefficients, theirs)]
        return Polynomial([(a + b) % SCALAR_MODULUS for a, b in zip(*padded, strict=True)])

    def __sub__(self, other: Polynomial | int) -> Polynomial:
        return self + (-other if isinstance(other, int) else other * -1)

    def __mul__(self, other: Polynomial | int) -> Polynomial:
        if isinstance(other, int):
            return Polynomial([c * other % SCALAR_MODULUS for c in self.coefficients])
        result = [0] * (len(self.coefficients) + len(other.coefficients) - 1)
        for i, a in enumerate(self.coefficients):
            if a:
                for j, b in enumerate(other.coefficients):
                    result[i + j] += a * b
        return Polynomial([c % SCALAR_MODULUS for c in result])

    def __call__(self, point: int) -> int:
        value = 0
        for coefficient in reversed(self.coefficients):
            value = (value * point + coefficient) % SCALAR_MODULUS
        return value

    def scaled(self, factor: int) -> Polynomial:
        """The polynomial at `factor` times its argument."""
        return Polynomial([c * pow(factor, i, SCALAR_MODULUS) for i, c in enumerate(self.coefficients)])

    def divided(self, divisor: Sequence[int]) -> Polynomial:
        """The quotient by a monic divisor that divides without remainder."""
        rest, quotient = list(self.coefficients), []
        for top in range(len(rest) - 1, len(divisor) - 2, -1):
            quotient.append(rest[top])
            for i, c in enumerate(divisor):
                rest[top - len(divisor) + 1 + i] -= quotient[-1] * c
        assert not any(c % SCALAR_MODULUS for c in rest)
        return Polynomial([c % SCALAR_MODULUS for c in reversed(quotient)])


def interpolate(column: Sequence[int]) -> Polynomial:
    rows = len(column)
    powers = [pow(root_of_unity(rows), -i, SCALAR_MODULUS) for i in range(rows)]
    scale = pow(rows, -1, SCALAR_MODULUS)
    return (
        Polynomial([scale * sum(value * powers[i * k % rows] for i, value in enumerate(column)) for k in range(rows)])
        + 0
    )


def prove(
    key: SnarkKey, columns: Mapping[str, Sequence[int]], public_inputs: Sequence[int], *, secret: int
) -> SnarkProof:
    """Prove from the values of preprocessed columns and wires by name."""
    rows, root = key.rows, root_of_unity(key.rows)
    inverse = lambda x: pow(x, -1, SCALAR_MODULUS)  # noqa: E731
    polynomials: dict[str, Polynomial] = {name: interpolate(column) for name, column in columns.items()}
    points = {}
    transcript = Transcript(key.digest, public_inputs)

    def commit(polynomial: Polynomial) -> tuple[int, int]:
        return combine([(polynomial(secret), GENERATOR_1)])

    def absorb(number: int) -> None:
        for name in ROUNDS[number]:
            points[name] = commit(polynomials[name])
        transcript.absorb_points([points[name] for name in ROUNDS[number]])

    looked_up = [columns[name][i] for i in range(rows) if columns["q_r"][i] for name in WIRES]
    size = max(columns[TABLE]) + 1
    multiplicity = [looked_up.count(i) if i < size else 0 for i in range(rows)]
    polynomials["m"] = interpolate(multiplicity)
    absorb(0)
    beta, gamma, alpha = (transcript.challenge(i) for i in range(3))
    product, total = [1], [1]
    for i in range(rows - 1):
        upper, lower, received = 1, 1, 0
        for j, name in enumerate(WIRES):
            wire = columns[name][i]
            upper = upper * (wire + beta * COSETS[j] * pow(root, i, SCALAR_MODULUS) + gamma) % SCALAR_MODULUS
            lower = lower * (wire + beta * columns[f"s_{j}"][i] + gamma) % SCALAR_MODULUS
            received += columns["q_r"][i] * inverse(wire + alpha)
        product.append(product[-1] * upper * inverse(lower) % SCALAR_MODULUS)
        total.append((total[-1] + received - multiplicity[i] * inverse(columns[TABLE][i] + alpha)) % SCALAR_MODULUS)
    polynomials |= {"z": interpolate(product), "p": interpolate(total)}
    absorb(1)
    challenges = Challenges(beta, gamma, alpha, transcript.challenge())
    terms = constraints(
        polynomials,
        {name: polynomials[name].scaled(root) for name in NEXT_VALUES},
        x=Polynomial([0, 1]),
        first=interpolate([1] + [0] * (rows - 1)),
        publics=interpolate([-x for x in public_inputs] + [0] * (rows - len(public_inputs))),
        challenges=challenges,
    )
    quotient = joined(terms, challenges.constraint).divided([-1] + [0] * (rows - 1) + [1]).coefficients
    for i, name in enumerate(QUOTIENT):
        polynomials[name] = Polynomial(quotient[i * rows : (i + 1) * rows])
    assert len(quotient) <= len(QUOTIENT) * rows
    absorb(2)
    y = transcript.challenge()
    values = {name: polynomials[name](y) for name in VALUES}
    next_values = {name: polynomials[name](root * y) for name in NEXT_VALUES}
    transcript.absorb_values([*values.values(), *next_values.values()])
    linear = linearisation(
        values,
        next_values,
        rows=rows,
        first=lagrange(rows, 0, root, y),
        publics=-sum(x * lagrange(rows, i, root, y) for i, x in enumerate(public_inputs)),
        challenges=Challenges(beta, gamma, alpha, challenges.constraint, y),
    )
    for name, opened, point in zip(
        ("W", "W'"), openings(linear, values, next_values, transcript.challenge()), (y, root * y), strict=True
    ):
        combined = Polynomial([0])
        for term, factor in opened.factors.items():
            combined = combined + polynomials[term] * factor
        points[name] = commit((combined - opened.value).divided([-point, 1]))
    return SnarkProof(key.mark, points, values, next_values)
