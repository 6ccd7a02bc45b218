"""The removal score: would anything notice if one rule of a circuit were missing?

A rule counts as noticed when
- the fuzzer has a mutation that this rule alone rejects (see `fuzzer`, open buses), or
- a supplied forgery, a full set of traces, breaks this rule and no other, or
- it is an interaction of a permutation bus, or what a lookup table offers, and the honest traces use it: without it the
  bus does not balance and the row engine rejects them.

Beside the score stands what the third adversary found: outputs that are free although the inputs are fixed, the rules
that alone prevent it, and the outputs that are the prover's by design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from proving.stark.air.circuit import Circuit, Traces
from proving.stark.air.engine import check
from proving.stark.air.freed import FreedOutputs, FreedReport
from proving.stark.air.fuzzer import Fuzzer, FuzzReport, Rule
from proving.stark.air.rows import U64


@dataclass(frozen=True)
class Forgery:
    """Traces that must be rejected, with the reason as a name."""

    name: str
    traces: Traces
    publics: Sequence[int] | U64 = ()


@dataclass
class RemovalScore:
    """Which rules are noticed when they are missing.

    Attributes
    ----------
    noticed : rule to what notices it
    missed : rules whose removal nothing notices
    report : the fuzzer's run
    freed : the third adversary's run, see `freed`
    """

    noticed: dict[Rule, str] = field(default_factory=dict)
    missed: list[Rule] = field(default_factory=list)
    report: FuzzReport = field(default_factory=FuzzReport)
    freed: FreedReport = field(default_factory=FreedReport)

    @property
    def total(self) -> int:
        """Number of rules."""
        return len(self.noticed) + len(self.missed)

    def __str__(self) -> str:
        lines = [
            f"removal score: {len(self.noticed)} of {self.total} rules are noticed when missing "
            f"({self.report.trials} mutations tried, {len(self.report.survivors)} survive)"
        ]
        lines += [f"  missed: {rule}" for rule in self.missed]
        lines += [f"  survives: {mutation}" for mutation in self.report.survivors[:20]]
        return "\n".join([*lines, str(self.freed)])


def removal_score(
    circuit: Circuit,
    traces: Traces,
    publics: Sequence[int] | U64 = (),
    forgeries: Sequence[Forgery] = (),
    *,
    seed: int = 0,
    rows_per_table: int = 12,
    attempts_per_rule: int = 200,
) -> RemovalScore:
    """Score a circuit on satisfying traces.

    Parameters
    ----------
    forgeries : traces that break exactly the rule that they are meant for
    attempts_per_rule : directed attempts for each rule that the undirected run has not covered

    Raises
    ------
    AirError
        The arrays do not have the circuit's shape.
    """
    fuzzer = Fuzzer(circuit, traces, publics, seed=seed, rows_per_table=rows_per_table)
    score = RemovalScore(report=fuzzer.run(), freed=FreedOutputs(fuzzer, seed=seed).run())
    by_forgery = _forged_rules(circuit, forgeries)
    used = used_interactions(circuit, fuzzer)
    for rule in fuzzer.rules:
        if rule in used:
            score.noticed[rule] = "the honest traces do not balance without it"
        elif rule in by_forgery:
            score.noticed[rule] = f"forgery: {by_forgery[rule]}"
        elif rule in score.report.witnesses or fuzzer.seek(rule, score.report, attempts_per_rule):
            score.noticed[rule] = f"fuzzer: {score.report.witnesses[rule]}"
        else:
            score.missed.append(rule)
    return score


def _forged_rules(circuit: Circuit, forgeries: Sequence[Forgery]) -> dict[Rule, str]:
    """Rules that are the only ones to reject some forgery."""
    found: dict[Rule, str] = {}
    for forgery in forgeries:
        violations = check(circuit, forgery.traces, forgery.publics)
        rules = {
            Rule(violation.table, "interaction" if violation.bus else "constraint", violation.name)
            for violation in violations
        }
        if len(rules) == 1:
            found.setdefault(rules.pop(), forgery.name)
    return found


def used_interactions(circuit: Circuit, fuzzer: Fuzzer) -> set[Rule]:
    """Interactions, other than lookups by users, with a nonzero count on some row of the traces."""
    used: set[Rule] = set()
    for table in circuit:
        wanted = [x for x in table.interactions if x.provider or x.bus.kind != "lookup"]
        values = fuzzer.columns(table.name, [interaction.count.node for interaction in wanted])
        used.update(
            Rule(table.name, "interaction", interaction.name)
            for interaction in wanted
            if values[interaction.count.node].any()
        )
    return used
