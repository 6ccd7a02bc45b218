"""The removal score of a SNARK's circuit: would anything notice if one of its rules were missing?

An adversary chooses the values of some variables, hints among them, and computes the others with the witness's program.
A rule counts as noticed when some such witness breaks this rule and no other: without it the witness would pass. The
search changes a variable, and then, many times over, solves a rule that is broken for another variable, as an adversary
would who adjusts the rest. What it cannot find, since many variables must change together, is supplied as a forgery.

The sibling of :mod:`proving.stark.air.removal`, for circuits whose rules are rows and not columns.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from proving.field.goldilocks import PRIME
from proving.snark.bn254.field import FR, Elements
from proving.snark.circuit import Circuit, Ids
from proving.snark.columns import Column
from proving.snark.equations import between_partial_rounds, first_round, full_round, partial_rounds
from proving.snark.layout import WIRES
from proving.snark.points import SCALAR_MODULUS
from proving.snark.poseidon2 import Row, schedule
from proving.snark.rules import Rule, Rules
from proving.snark.steps import PermutationStep

#: Values of variables that an adversary chooses, by variable.
Chosen = Mapping[int, int]

_REPAIRS = 10  #: of one change
_WORD = 1 << 64


class Adversary:
    """Makes witnesses in which some variables have chosen values and the others follow from them.

    Parameters
    ----------
    circuit
        Compiled.
    public_inputs, inputs
        Of an honest witness.
    """

    def __init__(self, circuit: Circuit, public_inputs: Sequence[int], inputs: Sequence[int]) -> None:
        self.circuit = circuit
        self.public_inputs = list(public_inputs)
        self.rules = Rules(circuit)
        self._honest = circuit.fill(FR.encode(public_inputs), FR.encode(inputs))

    def values(self, chosen: Chosen) -> Elements:
        """Return the values of all variables, ``(variables + 1, 4) uint64``."""
        values = self._honest.copy()
        encoded = {variable: FR.scalar(value % SCALAR_MODULUS) for variable, value in chosen.items()}
        _lay(values, encoded)
        for step in self.circuit.steps if chosen else ():
            step.fill(values)
            _lay(values, encoded)
            if isinstance(step, PermutationStep):
                _go_on(values, step, encoded)
        return values

    def broken(self, chosen: Chosen) -> set[Rule]:
        """Return the rules that the witness breaks."""
        return self.judge(self.values(chosen))

    def judge(self, values: Elements) -> set[Rule]:
        """Return the rules that values of all variables break."""
        wires = dict(zip(WIRES, values[self.circuit.wires], strict=True))
        return self.rules.broken(wires, self.public_inputs)

    def solutions(self, rule: Rule, values: Elements, chosen: Chosen) -> Iterator[tuple[int, int]]:
        """Yield variables that are not chosen yet, each with the value that makes a gate's constraint hold."""
        variables = self.rules.variables(rule)
        known = dict(zip(variables, FR.decode(values[variables]), strict=True))
        for variable in variables:
            if variable in chosen or rule.wire:
                continue
            at = [self.rules.residual(rule, known | {variable: x}, self.public_inputs) for x in range(3)]
            slope = (at[1] - at[0]) % SCALAR_MODULUS
            if slope and (at[2] - at[1] - slope) % SCALAR_MODULUS == 0:
                yield variable, -at[0] * pow(slope, -1, SCALAR_MODULUS) % SCALAR_MODULUS


@dataclass
class RemovalScore:
    """Which rules are noticed when they are missing.

    Attributes
    ----------
    noticed : rule to the choices that it alone refuses, or to the name of a forgery
    missed : rules whose removal nothing notices
    trials : witnesses judged
    """

    noticed: dict[Rule, Chosen | str] = field(default_factory=dict)
    missed: list[Rule] = field(default_factory=list)
    trials: int = 0

    @property
    def total(self) -> int:
        """Number of rules."""
        return len(self.noticed) + len(self.missed)

    def __str__(self) -> str:
        head = (
            f"removal score: {len(self.noticed)} of {self.total} rules are noticed when missing "
            f"({self.trials} witnesses tried)"
        )
        return "\n".join([head, *(f"  missed: {rule}" for rule in self.missed)])


def removal_score(
    adversary: Adversary, forgeries: Mapping[str, Chosen] | None = None, *, seed: int = 0, attempts_per_rule: int = 200
) -> RemovalScore:
    """Score a circuit.

    Parameters
    ----------
    adversary
        With a witness that breaks nothing.
    forgeries
        Choices by name, each of which one rule alone refuses.
    attempts_per_rule
        Directed attempts for each rule that no other attempt has covered.

    Raises
    ------
    ValueError
        The honest witness breaks a rule.
    """
    if broken := adversary.broken({}):
        raise ValueError(f"the honest witness breaks {min(broken)}")
    search = _Search(adversary, random.Random(seed))
    score = search.score
    for name, chosen in (forgeries or {}).items():
        search.judge(chosen, name)
    for variable in sorted({v for rule in adversary.rules.every for v in adversary.rules.variables(rule)}):
        search.judge(search.changed(variable))
    for rule in adversary.rules.every:
        if rule not in score.noticed and not rule.wire:
            search.change_alone(rule)
    for rule in adversary.rules.every:
        for _ in range(attempts_per_rule):
            if rule in score.noticed:
                break
            search.attempt(rule)
    score.missed = [rule for rule in adversary.rules.every if rule not in score.noticed]
    return score


class _Search:
    """Looks for witnesses that break one rule."""

    def __init__(self, adversary: Adversary, choices: random.Random) -> None:
        self._adversary, self._random = adversary, choices
        self._honest = adversary.values({})
        self.score = RemovalScore()

    def judge(self, chosen: Chosen, name: str = "") -> tuple[Elements, set[Rule]]:
        """Judge a witness, and remember what it shows."""
        values = self._adversary.values(chosen)
        broken = self._adversary.judge(values)
        self.score.trials += 1
        if len(broken) == 1:
            self.score.noticed.setdefault(next(iter(broken)), name or dict(chosen))
        return values, broken

    def changed(self, variable: int) -> dict[int, int]:
        """Return the choice of the number after a variable's value, or of the other one for 0 and 1."""
        old = self._old(variable)
        return {variable: 1 - old if old < 2 else (old + 1) % SCALAR_MODULUS}

    def change_alone(self, rule: Rule) -> None:
        """Change each variable that a constraint depends on while the others of the constraint stay what they are."""
        variables = self._adversary.rules.variables(rule)
        for variable in variables:
            self.judge({other: self._old(other) for other in variables} | self.changed(variable))

    def attempt(self, wanted: Rule) -> None:
        """Change a variable near a rule, or hold one of the rule's too; repair what else breaks.

        Each time it is repaired in the way that leaves the least broken.
        """
        own = near = self._adversary.rules.variables(wanted)
        for _ in range(self._random.randrange(3)):
            near = sorted({v for rule in self._around(near) for v in self._adversary.rules.variables(rule)})
        variable = self._random.choice(near)
        held = self._random.choice(own)
        chosen = {held: self._old(held)} if self._random.randrange(2) else {}
        chosen[variable] = self._new_value(variable)
        values, broken = self.judge(chosen)
        for _ in range(_REPAIRS):
            others = sorted(broken - {wanted})
            if wanted in self.score.noticed or not others:
                return
            tried = []
            for item in self._adversary.solutions(self._random.choice(others), values, chosen):
                changed = dict([*chosen.items(), item])
                tried.append((changed, *self.judge(changed)))
            if not tried:
                return
            self._random.shuffle(tried)
            chosen, values, broken = min(tried, key=lambda found: len(found[2] - {wanted}) or len(others))

    def _around(self, variables: Sequence[int]) -> list[Rule]:
        """Return the constraints that variables stand in."""
        wires, found = self._adversary.circuit.wires, set()
        for variable in variables:
            for _, row in zip(*(wires == variable).nonzero(), strict=True):
                found |= {Rule(int(at), "C0") for at in (row, row - 1) if at >= 0}
        return sorted(found)

    def _old(self, variable: int) -> int:
        [value] = FR.decode(self._honest[[variable]])
        return value

    def _new_value(self, variable: int) -> int:
        old = self._old(variable)
        limit = int(self._adversary.circuit.table.max()) + 1
        if old < 2 and self._random.randrange(3):
            return 1 - old
        step = self._random.choice((1, 1, 1, -1, -1, 2, limit, -limit, PRIME, -PRIME, 1 << 32, _WORD))
        options = (old + step, old + step, self._random.randrange(limit), self._random.randrange(SCALAR_MODULUS))
        return self._random.choice(options) % SCALAR_MODULUS


def _lay(values: Elements, encoded: Mapping[int, Elements]) -> None:
    for variable, element in encoded.items():
        values[variable] = element


def _go_on(values: Elements, step: PermutationStep, encoded: Mapping[int, Elements]) -> None:
    """Compute a permutation's rows again, each from the one before, so that they follow from chosen states."""

    def put(ids: Ids, column: Column) -> None:
        values[ids] = column.array
        _lay(values, encoded)

    lanes = np.isin(step.cells[1:], list(encoded)).any(axis=(0, 1))
    if not lanes.any():
        return
    cells = step.cells[:, :, lanes]
    for (kind, constants), here, behind in zip(schedule(), cells, cells[1:], strict=False):
        a, b, c = (Column(values[ids]) for ids in here[:3])
        if kind is Row.PARTIAL:
            put(here[3], between_partial_rounds(a, b, c)[0] + constants[3])
            state = partial_rounds(a, b, c, Column(values[here[3]]))
        else:
            state = (first_round if kind is Row.FIRST else full_round)(a, b, c)
        for ids, element, constant in zip(behind, state, constants, strict=False):
            put(ids, element + constant)
