"""What forgers of SNARKs share: verifiers that leave something out, and provers that use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from proving.snark import prover, quotient, verifier
from proving.snark.bn254 import curve
from proving.snark.bn254.field import FR, Elements
from proving.snark.columns import Column
from proving.snark.equations import linearisation
from proving.snark.key import SnarkKey
from proving.snark.layout import QUOTIENT
from proving.snark.points import SCALAR_MODULUS, Point, multiply_2, pairings_agree
from proving.snark.proof import SnarkProof
from proving.snark.transcript import Challenges, Transcript
from tests.proving.snark.circuits import SECRET, Case


class Forgetful(Transcript):
    """A transcript that leaves one message out.

    Parameters
    ----------
    forgotten
        Number of the message from 1 on; 0 are the public inputs.
    """

    def __init__(self, digest: bytes, public_inputs: Sequence[int], forgotten: int) -> None:
        super().__init__(digest, [] if forgotten == 0 else public_inputs)
        self._round, self._forgotten = 0, forgotten

    def _absorb(self, message: bytes) -> None:
        self._round += 1
        super()._absorb(b"" if self._round == self._forgotten else message)


def quick_combine(terms: Sequence[tuple[int, Point]]) -> Point:
    """`points.combine` by the kernels: the same sum, in a hundredth of the time."""
    factors, summands = zip(*terms, strict=True)
    total = curve.multiply_sum(curve.encode(summands), FR.encode(factor % SCALAR_MODULUS for factor in factors))
    [point] = curve.decode(total[None])
    return point


def accepts(proof: bytes | SnarkProof, public_inputs: Sequence[int], key: SnarkKey) -> bool:
    """The verifier's answer, with the pairing equation decided by the test setup's secret."""
    parsed = proof if isinstance(proof, SnarkProof) else SnarkProof.from_bytes(proof)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "combine", quick_combine)
        equation = verifier.reduce(parsed, public_inputs, key)
    return quick_combine([(SECRET, equation.left)]) == equation.right


def pairing_accepts(proof: bytes, public_inputs: Sequence[int], key: SnarkKey) -> bool:
    """The same with the pairing itself."""
    equation = verifier.reduce(SnarkProof.from_bytes(proof), public_inputs, key)
    return pairings_agree(equation.left, multiply_2(SECRET), equation.right)


def prover_of(case: Case, *, wires: Mapping[str, Elements] | None = None, publics: Sequence[int] = ()) -> prover.Prover:
    """A prover that asks no questions."""
    return prover.Prover(case.proving_key, publics or case.public_inputs, wires or case.wires())


def false_statement(case: Case) -> list[int]:
    first, *rest = case.public_inputs
    return [first + 1, *rest]


def too_many_bits(case: Case) -> tuple[list[int], dict[str, Elements]]:
    """A statement whose witness has a limb out of the table, and breaks nothing else."""
    other = replace(case, inputs=[case.inputs[0] + (1 << 36), case.inputs[1]])
    top = int(case.circuit.wires[0, np.flatnonzero(case.proving_key.columns["q_r"].any(axis=1))[2]])
    [limb] = FR.decode(other.values([0, 0, 0])[[top]])
    return other.public_inputs, other.wires({top: limb + 16})


def without(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let prover and verifier forget constraint C`number`."""
    whole_constraints = quotient.constraints

    def fewer(*arguments: object, **named: object) -> list[Column]:
        terms = whole_constraints(*arguments, **named)  # type: ignore[arg-type]
        terms[number] = terms[number] * 0
        return terms

    patch.setattr(quotient, "constraints", fewer)
    for module in (prover, verifier):
        patch.setattr(module, "linearisation", _without(number))


def _without(number: int) -> Callable[..., tuple[dict[str, int], int]]:
    """The linearisation less its part of one constraint: the coefficient of that power of the joining challenge."""

    def fewer(*values: Mapping[str, int], challenges: Challenges, **named: int) -> tuple[dict[str, int], int]:
        def at(constraint: int) -> tuple[dict[str, int], int]:
            return linearisation(
                *values,  # type: ignore[arg-type]
                challenges=replace(challenges, constraint=constraint),
                **named,  # type: ignore[arg-type]
            )

        samples = [at(i) for i in range(7)]
        factors, constant = at(challenges.constraint)
        power = pow(challenges.constraint, number, SCALAR_MODULUS)

        def part(taken: list[int]) -> int:
            return _coefficient(taken, number) * power

        kept = {
            name: factor if name in QUOTIENT else factor - part([sample[0][name] for sample in samples])
            for name, factor in factors.items()
        }
        return kept, constant - part([sample[1] for sample in samples])

    return fewer


def _coefficient(samples: list[int], number: int) -> int:
    """A coefficient of the polynomial with these values at 0, 1, 2, ..."""
    points = range(len(samples))
    total = 0
    for j, sample in enumerate(samples):
        numerator, scale = [1], 1
        for k in points:
            if k != j:
                numerator = [
                    (a - k * b) % SCALAR_MODULUS for a, b in zip([0, *numerator], [*numerator, 0], strict=True)
                ]
                scale = scale * (j - k) % SCALAR_MODULUS
        total += sample * numerator[number] * pow(scale, -1, SCALAR_MODULUS)
    return total % SCALAR_MODULUS
