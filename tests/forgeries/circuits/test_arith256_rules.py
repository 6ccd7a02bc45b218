"""Every rule of the arith256 circuit is needed: something that must be rejected passes without it."""

from __future__ import annotations

import pytest

from proving.circuits.arith256 import ARITH256
from proving.stark.air import check
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import Rule
from proving.stark.air.removal import used_interactions
from tests.forgeries.circuits import arith, chains
from tests.proving.circuits.numbers import requests

CASES = dict(arith.cases())
FUZZER = arith.BENCH.fuzzer


def test_the_forger_computes_what_the_prover_does() -> None:
    for request in requests(30):
        assert arith.BENCH.rules(arith.Row.of(*request).cells()) == set()


@pytest.mark.parametrize("rule", CASES, ids=lambda rule: rule.name)
def test_only_this_rule_notices_a_row(rule: Rule) -> None:
    assert any(arith.BENCH.rules(cells) == {rule} for cells in CASES[rule])


def test_only_this_rule_of_the_chain_notices() -> None:
    for rule, forgery in chains.forgeries():
        found = check(ARITH256.circuit, forgery.traces, forgery.publics)
        assert {Rule(v.table, "interaction" if v.bus else "constraint", v.name) for v in found} == {rule}


def test_every_rule_is_needed_and_no_cell_is_loose(capsys: pytest.CaptureFixture[str]) -> None:
    report = FUZZER.run(values_per_cell=2, pairs_per_row=8, repairs_per_row=2)
    freed = FreedOutputs(FUZZER).run(attempts_per_row=20)
    shown = {*CASES, *(rule for rule, _ in chains.forgeries()), *used_interactions(ARITH256.circuit, FUZZER)}
    missed = [rule for rule in FUZZER.rules if rule not in shown and rule not in report.witnesses]
    with capsys.disabled():
        total = len(FUZZER.rules)
        print(
            f"\narith256 removal score: {total - len(missed)} of {total} rules are noticed when missing, "
            f"{report.trials} mutations, {len(report.survivors)} survive\n{str(freed).splitlines()[0]}"
        )
    assert not report.survivors
    assert not freed.findings
    assert not missed, [str(rule) for rule in missed]
