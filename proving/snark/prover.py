"""The prover: ``docs/snark.md`` on whole arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from proving.backend.bn254 import Bn254Kernels
from proving.snark.bn254 import polynomials
from proving.snark.bn254.field import FR, Elements
from proving.snark.bn254.kernels import NATIVE
from proving.snark.columns import Column
from proving.snark.equations import COSETS, Opened, lagrange, linearisation, openings, product_of_others
from proving.snark.errors import SnarkRefused, WitnessRefused
from proving.snark.layout import (
    MULTIPLICITY,
    NEXT_VALUES,
    OPENING,
    OPENING_NEXT,
    PERMUTATION,
    PRODUCT,
    ROUNDS,
    SUM,
    TABLE,
    VALUES,
    WIRES,
)
from proving.snark.points import INFINITY, SCALAR_MODULUS, Point, root_of_unity
from proving.snark.proof import SnarkProof
from proving.snark.proving_key import ProvingKey, commit
from proving.snark.quotient import quotient
from proving.snark.transcript import Challenges, Transcript
from proving.snark.verifier import verify


def prove(
    proving_key: ProvingKey,
    public_inputs: Sequence[int],
    inputs: Sequence[int] | Elements,
    kernels: Bn254Kernels = NATIVE,
) -> bytes:
    """Return the proof of a statement, after verifying it.

    Parameters
    ----------
    public_inputs
        Numbers below the scalar field's modulus.
    inputs
        The variables that the circuit is given: numbers, or elements ``(count, 4) uint64``.
    kernels
        What transforms and commits; the proof does not depend on it.

    Raises
    ------
    WitnessRefused
        The inputs do not satisfy the circuit.
    """
    circuit = proving_key.circuit
    publics = FR.encode(public_inputs)
    given = inputs if isinstance(inputs, np.ndarray) else FR.encode(inputs)
    if len(publics) != circuit.public_inputs.size or len(given) != circuit.inputs.size:
        raise WitnessRefused(
            f"The circuit takes {circuit.public_inputs.size} public inputs and {circuit.inputs.size} inputs, "
            f"not {len(publics)} and {len(given)}."
        )
    filled = circuit.fill(publics, given)
    wires = dict(zip(WIRES, filled[circuit.wires], strict=True))
    proof = Prover(proving_key, public_inputs, wires, kernels).prove()
    try:
        verify(proof, public_inputs, proving_key.key)
    except SnarkRefused as error:
        raise WitnessRefused(refusal=error.line()) from error
    return proof


class Prover:
    """One proof in the making.

    Parameters
    ----------
    wires
        Columns ``a`` to ``d``, ``(rows, 4) uint64`` each, whether they satisfy the circuit or not.
    kernels
        What transforms and commits.
    """

    def __init__(
        self,
        proving_key: ProvingKey,
        public_inputs: Sequence[int],
        wires: Mapping[str, Elements],
        kernels: Bn254Kernels = NATIVE,
    ) -> None:
        self._kernels = kernels
        self._proving_key = proving_key
        self._public_inputs = public_inputs
        self._rows = proving_key.key.rows
        self._wires = wires
        self._committed = dict(proving_key.polynomials)
        self._points: dict[str, Point] = {}
        self._transcript = Transcript(proving_key.key.digest, public_inputs)

    def prove(self) -> bytes:
        """Return the proof's bytes.

        Raises
        ------
        WitnessRefused
            The wires break the permutation, or a looked-up value is not in the table.
        """
        columns, draw = self._columns, self._transcript.challenge
        self._round(columns(self._wires) | columns({MULTIPLICITY: self._multiplicities()}))
        challenges = Challenges(draw(0), draw(1), draw(2))
        self._round(columns({PRODUCT: self._product(challenges)}) | {SUM: self._sum(challenges)})
        challenges = replace(challenges, constraint=draw())
        inputs = np.zeros((self._rows, 4), dtype=np.uint64)
        inputs[: len(self._public_inputs)] = FR.negate(FR.encode(self._public_inputs))
        self._round(quotient(self._committed, self._kernels.coefficients(inputs), challenges, self._kernels))
        challenges = replace(challenges, point=draw())
        y = challenges.point
        root = root_of_unity(self._rows)
        values = {name: polynomials.evaluate(self._committed[name], y) for name in VALUES}
        next_values = {name: polynomials.evaluate(self._committed[name], root * y) for name in NEXT_VALUES}
        self._transcript.absorb_values([*values.values(), *next_values.values()])
        publics = -sum(value * lagrange(self._rows, row, root, y) for row, value in enumerate(self._public_inputs))
        linear = linearisation(
            values,
            next_values,
            rows=self._rows,
            first=lagrange(self._rows, 0, root, y),
            publics=publics % SCALAR_MODULUS,
            challenges=challenges,
        )
        here, following = openings(linear, values, next_values, draw())
        self._commit(OPENING, self._opening(here, y))
        self._commit(OPENING_NEXT, self._opening(following, root * y))
        return SnarkProof(self._proving_key.key.mark, self._points, values, next_values).to_bytes()

    def _columns(self, columns: Mapping[str, Elements]) -> dict[str, Elements]:
        return {name: self._kernels.coefficients(column) for name, column in columns.items()}

    def _commit(self, name: str, polynomial: Elements) -> None:
        self._points[name] = commit(self._proving_key.powers, polynomial, self._kernels)
        if self._points[name] == INFINITY:
            raise WitnessRefused(f"The polynomial {name} is zero, and a proof has no point at infinity.")

    def _round(self, found: Mapping[str, Elements]) -> None:
        """Commit to the polynomials of one round, and begin the next round of the transcript."""
        names = next(names for names in ROUNDS if set(names) == set(found))
        for name in names:
            self._commit(name, found[name])
        self._committed.update(found)
        self._transcript.absorb_points([self._points[name] for name in names])

    def _multiplicities(self) -> Elements:
        """Return how often each row of the table is looked up, ``(rows, 4)``."""
        table = self._proving_key.circuit.table
        looked_up = self._proving_key.columns["q_r"].any(axis=1)
        limbs = FR.to_limbs(np.concatenate([self._wires[name][looked_up] for name in WIRES]))
        if limbs[:, 1:].any() or limbs[:, 0].max(initial=0) > table.max():
            raise WitnessRefused(
                "A looked-up value is not in the table: a number has more bits than the circuit allows."
            )
        counts = np.bincount(limbs[:, 0].astype(np.int64), minlength=self._rows)
        return FR.from_u64(counts.astype(np.uint64))

    def _product(self, challenges: Challenges) -> Elements:
        """Return the permutation's running product, ``(rows, 4)``."""
        columns, labels = self._proving_key.columns, self._proving_key.circuit.labels()
        beta, gamma = challenges.permutation, challenges.shift
        wires = [Column(self._wires[name]) + gamma for name in WIRES]
        own = [Column(labels[j * self._rows : (j + 1) * self._rows]) for j in range(len(COSETS))]
        upper, _ = product_of_others([wire + label * beta for wire, label in zip(wires, own, strict=True)])
        lower, _ = product_of_others(
            [wire + Column(columns[name]) * beta for wire, name in zip(wires, PERMUTATION, strict=True)]
        )
        ratios = (upper * lower.inverse()).array
        products = FR.prefix_products(ratios)
        if FR.decode(FR.multiply(products[-1:], ratios[-1:])) != [1]:
            raise WitnessRefused("Cells that must be equal are not.")
        return products

    def _sum(self, challenges: Challenges) -> Elements:
        """Return the coefficients of the lookup's running sum, ``(rows, 4)``.

        The difference of neighbouring rows has the coefficients of the sum times ``w^k - 1``.
        """
        columns, alpha = self._proving_key.columns, challenges.lookup
        looked_up, three_of_four = product_of_others([Column(self._wires[name]) + alpha for name in WIRES])
        received = Column(columns["q_r"]) * three_of_four * looked_up.inverse()
        multiplicity = Column(self._kernels.values(self._committed[MULTIPLICITY], self._rows.bit_length() - 1))
        sent = multiplicity * (Column(columns[TABLE]) + alpha).inverse()
        difference = Column(self._kernels.coefficients((received - sent).array))
        powers = Column(FR.powers(FR.scalar(root_of_unity(self._rows)), self._rows))
        coefficients = (difference * (powers - 1).inverse()).array
        constant = (1 - polynomials.evaluate(coefficients, 1)) % SCALAR_MODULUS
        coefficients[0] = FR.scalar(constant)
        return coefficients

    def _opening(self, opened: Opened, point: int) -> Elements:
        """Return the quotient of a combination of the committed polynomials less its value by ``X - point``."""
        total: Column | None = None
        for name, factor in opened.factors.items():
            term = Column(self._committed[name]) * factor
            total = term if total is None else total + term
        assert total is not None
        divided, _ = polynomials.divide_by_linear(total.array, point % SCALAR_MODULUS)
        return divided
