"""Every rule that the SNARK's arithmetic writes down is needed: without it, a witness passes that is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.snark.arithmetic import SnarkArithmetic
from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit
from proving.snark.decomposition import pieces
from proving.snark.hints import ExceedsStep
from proving.snark.points import SCALAR_MODULUS
from proving.snark.removal import Adversary, removal_score
from proving.snark.representatives import CANONICAL, WORD, Numbers
from proving.snark.rules import Rule
from proving.snark.steps import LimbStep
from proving.snark.wrap import CLAIM_WORDS, claim_inputs
from proving.stark.errors import ProofRefused

TABLE_BITS = 8
PUBLIC = [5]

Write = Callable[[SnarkArithmetic], object]
VALUE = 12345 * PRIME + 678
#: No byte of it is zero.
ELEMENT = 0x1F2E3D4C5B6A798897A6B5C4D3E2F1E0DFCEBDAC9B8A79685746352413F2E1D1


def adversary(write: Write, inputs: Sequence[int]) -> Adversary:
    builder = Builder(table_bits=TABLE_BITS)
    builder.public_input()
    write(SnarkArithmetic(builder))
    return Adversary(builder.compile(), PUBLIC, inputs)


def numbers(n: SnarkArithmetic, bound: int, *shape: int) -> Numbers:
    """Numbers that the circuit believes to be within a bound."""
    count = int(np.prod(shape, dtype=np.int64))
    return Numbers(n.builder.input(count).reshape(shape), bound)


def choose(n: SnarkArithmetic) -> object:
    bit = n.bits(n.given((1,)), 1)
    return n.select(n.reshape(bit, (1,)), numbers(n, 9, 1), numbers(n, 9, 1))


def climb(n: SnarkArithmetic) -> object:
    return n.climb(n.given_digests((1,)), n.given_digests((1, 3)), n.bits(n.given((1,)), 2))


CASES: dict[str, tuple[Write, list[int]]] = {
    "words below p": (lambda n: n.given((1,)), [12345678901234567]),
    "reduction": (lambda n: n.reduce(numbers(n, WORD**2, 1)), [VALUE]),
    "equality modulo p": (
        lambda n: n.require_equal(numbers(n, WORD**2, 1), numbers(n, WORD, 1), ProofRefused),
        [VALUE, 678],
    ),
    "inverse": (lambda n: n.inverse(numbers(n, WORD)), [3]),
    "product of extension elements": (
        lambda n: n.ext_multiply(numbers(n, WORD, 3), numbers(n, WORD, 3)),
        [3, 1, 2, 3, 8, 9],
    ),
    "choice": (choose, [1, 7, 8]),
    "limbs": (lambda n: n.builder.limbs(n.builder.input(), 9), [0x123456789ABCDEF012]),
    "leaf": (lambda n: n.hash_rows(numbers(n, CANONICAL, 1, 4)), [3, 4, 5, 6]),
    "node": (climb, [5, 6, 7, 8, 2]),
    "claim": (lambda n: claim_inputs(n.builder, numbers(n, CANONICAL, CLAIM_WORDS)), list(range(100, 117))),
}


@pytest.mark.parametrize("name", CASES)
def test_every_rule_is_needed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    score = removal_score(adversary(*CASES[name]))
    with capsys.disabled():
        print(f"\n{name}: {score}")
    assert score.missed == []


def aliases(made: Adversary) -> Mapping[str, Mapping[int, int]]:
    """What changes many limbs at once, and so is not found by changing one variable after the other."""
    steps = [step for step in made.circuit.steps if isinstance(step, LimbStep)]
    [limbs], [lower, upper] = ([step for step in steps if step.out.shape[1] == count] for count in (32, 16))
    [borrow] = next(step for step in made.circuit.steps if isinstance(step, ExceedsStep)).out.tolist()
    alias = ELEMENT + SCALAR_MODULUS
    spread = dict(zip(limbs.out[0].tolist(), [alias >> 8 * i & 255 for i in range(32)], strict=True))
    between = (SCALAR_MODULUS - 1 >> 128) - (alias >> 128) - (SCALAR_MODULUS - 1 - ELEMENT >> 128)
    found = {"a borrow that is no bit": {**spread, borrow: between}}
    for i, (low, high) in enumerate(zip(limbs.out[0].tolist(), limbs.out[0, 1:].tolist(), strict=False)):
        taken, left = (ELEMENT >> 8 * i & 255) + 256, (ELEMENT >> 8 * (i + 1) & 255) - 1
        found[f"limb {i} takes what limb {i + 1} gives"] = {low: taken, high: left}
    # One half's difference is out of range, and one of its limbs takes what the others cannot hold.
    [honest] = FR.decode(made.values({})[[borrow]])
    for half, start, rest in (("lower", {borrow: 1 - honest}, lower), ("upper", spread, upper)):
        values = made.values(start)
        [difference], parts = FR.decode(values[rest.value]), FR.decode(values[rest.out[0]])
        more = difference - sum(part << 8 * i for i, part in enumerate(parts))
        for i, limb in enumerate(rest.out[0].tolist()):
            taken = parts[i] + more * pow(2, -8 * i, SCALAR_MODULUS)
            found[f"limb {i} of the {half} difference"] = {**start, limb: taken}
    return found


def test_every_rule_of_the_unique_decomposition_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    made = adversary(lambda n: pieces(n.builder, n.builder.input(), [64, 16]), [ELEMENT])
    score = removal_score(made, aliases(made), attempts_per_rule=60)
    with capsys.disabled():
        print(f"\nunique decomposition: {score}")
    assert score.missed == []


# The tool itself


def without(found: Adversary, rule: Rule) -> Adversary:
    """The same circuit without a rule: its row's selectors are zero, or only its lookup's."""
    selectors = found.circuit.selectors.copy()
    selectors[:, rule.row] = 0
    assert found.circuit.pool[0].any() == np.False_
    circuit = Circuit(**{**vars(found.circuit), "selectors": selectors})
    return Adversary(circuit, PUBLIC, [VALUE])


def test_what_a_rule_alone_refuses_passes_without_it() -> None:
    """Independently of how the score is computed: a row's gate is taken out, and its witness is broken nowhere."""
    made = adversary(*CASES["reduction"])
    score = removal_score(made)
    gates = {rule: found for rule, found in score.noticed.items() if not rule.wire and rule.row >= len(PUBLIC)}
    assert len(gates) >= 9
    for rule, chosen in gates.items():
        assert not isinstance(chosen, str)
        assert made.broken(chosen) == {rule}
        assert not without(made, rule).broken(chosen)


def test_a_rule_that_says_nothing_is_missed() -> None:
    def twice(n: SnarkArithmetic) -> None:
        value = n.builder.input()
        for factor in (1, 3):
            n.builder.group([({"a": value, "b": value}, {"q_ab": factor, "q_a": -factor})])

    score = removal_score(adversary(twice, [1]), attempts_per_rule=5)
    assert [rule.name for rule in score.missed] == ["C0", "C0"]
    assert "missed" in str(score)


def test_an_honest_witness_is_asked_for() -> None:
    with pytest.raises(ValueError, match="honest witness breaks"):
        removal_score(adversary(lambda n: n.builder.assert_boolean(n.builder.input()), [2]))
