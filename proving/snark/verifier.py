"""The verifier in Python: ``docs/snark.md``, section 7, with py_ecc's pairing and none of the prover's kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from proving.snark.equations import lagrange, linearisation, openings
from proving.snark.errors import SnarkChallenge, SnarkMark, SnarkPairing, SnarkPublicInput
from proving.snark.key import SnarkKey
from proving.snark.layout import NEXT_VALUES, OPENING, OPENING_NEXT, ROUNDS, VALUES
from proving.snark.points import GENERATOR_1, SCALAR_MODULUS, Point, combine, pairings_agree, root_of_unity
from proving.snark.proof import SnarkProof
from proving.snark.transcript import Challenges, Transcript


@dataclass(frozen=True)
class Equation:
    """What a proof comes down to: ``e(left, setup point) = e(right, generator)``."""

    left: Point
    right: Point


def verify(proof: bytes, public_inputs: Sequence[int], key: SnarkKey) -> None:
    """Check a proof of a statement.

    Parameters
    ----------
    proof
        Untrusted bytes.
    public_inputs
        The statement, computed by the caller; never taken from the proof.
    key
        The caller's.

    Raises
    ------
    SnarkRefused
        The proof was refused; the class says at which check.
    """
    equation = reduce(SnarkProof.from_bytes(proof), public_inputs, key)
    if not pairings_agree(equation.left, key.setup_point, equation.right):
        raise SnarkPairing


def draw_challenges(proof: SnarkProof, public_inputs: Sequence[int], key: SnarkKey) -> tuple[Challenges, int, int]:
    """Return a proof's challenges, the one that batches polynomials and the one that joins the two points."""
    transcript = Transcript(key.digest, public_inputs)
    drawn: list[int] = []
    for names, count in zip(ROUNDS, (3, 1, 1), strict=True):
        transcript.absorb_points([proof.points[name] for name in names])
        drawn += [transcript.challenge(number) for number in range(count)]
    transcript.absorb_values([*(proof.values[n] for n in VALUES), *(proof.next_values[n] for n in NEXT_VALUES)])
    batching = transcript.challenge()
    transcript.absorb_points([proof.points[OPENING], proof.points[OPENING_NEXT]])
    return Challenges(*drawn), batching, transcript.challenge()


def reduce(proof: SnarkProof, public_inputs: Sequence[int], key: SnarkKey) -> Equation:
    """Check all of a parsed proof but the pairing, and return the pairing's sides.

    Raises
    ------
    SnarkRefused
        The mark is not the key's, a public input is not canonical, or the evaluation point lies in the trace domain.
    """
    if proof.mark != key.mark:
        raise SnarkMark(expected=key.mark, got=proof.mark)
    if len(public_inputs) != key.public_inputs:
        raise SnarkPublicInput(f"The circuit has {key.public_inputs} public inputs, not {len(public_inputs)}.")
    if any(not 0 <= value < SCALAR_MODULUS for value in public_inputs):
        raise SnarkPublicInput("A public input is not below the scalar field's modulus.")
    challenges, batching, joining = draw_challenges(proof, public_inputs, key)
    y, root = challenges.point, root_of_unity(key.rows)
    if pow(y, key.rows, SCALAR_MODULUS) == 1:
        raise SnarkChallenge
    publics = -sum(value * lagrange(key.rows, row, root, y) for row, value in enumerate(public_inputs))
    linear = linearisation(
        proof.values,
        proof.next_values,
        rows=key.rows,
        first=lagrange(key.rows, 0, root, y),
        publics=publics % SCALAR_MODULUS,
        challenges=challenges,
    )
    here, following = openings(linear, proof.values, proof.next_values, batching)
    factors = Counter(here.factors)
    factors.update({name: joining * factor for name, factor in following.factors.items()})
    commitments = key.commitments | proof.points
    opening, opening_next = proof.points[OPENING], proof.points[OPENING_NEXT]
    right = combine(
        [
            *((factor, commitments[name]) for name, factor in factors.items()),
            (y, opening),
            (joining * root * y, opening_next),
            (-(here.value + joining * following.value), GENERATOR_1),
        ]
    )
    return Equation(combine([(1, opening), (joining, opening_next)]), right)
