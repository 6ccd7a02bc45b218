"""Every rule of `main_vm` is needed: something that must be rejected passes without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import expand
from proving.stark.air import check
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import PUBLICS, Fuzzer, Rule
from proving.stark.air.removal import Forgery
from tests.forgeries.main_vm.bench import BENCH, Case
from tests.forgeries.main_vm.boundaries import forgeries
from tests.forgeries.main_vm.mutations import ALL
from tests.proving.machine import assembler as asm
from tests.proving.machine.main_vm.segments import everything, everything_expanded

CASES = [case for group in ALL for case in group()]

#: Rules that others imply, with the reason why they stay.
EXCEPTIONS: dict[Rule, str] = {
    Rule("decode", "constraint", "the row is real or padding"): "two flags at once look up a kind of constant that is "
    "none; it stays so that no count of a permutation bus rests on a lookup",
    **dict.fromkeys(
        (Rule(table, "constraint", "the row is real or padding") for table in ("add", "control")),
        "the sum of two operations of this table is none; it stays for the same reason",
    ),
    **dict.fromkeys(
        (Rule("call", "constraint", name) for name in ("compression is boolean", "the row is real or padding")),
        "the others leave a compression beside a request, or a request of several types: the first would need a "
        "compression whose output is part of its input, the second an operation that is the sum of theirs, and none "
        "is; it stays so that no count of a permutation bus rests on that",
    ),
    Rule("call", "constraint", "answering is boolean"): "the others leave minus one of an answer beside a compression, "
    "whose output would have four equal elements, and no operation is the sum of those of two calls beside it; it "
    "stays for the same reason",
}


def rules(traces: Forgery) -> set[Rule]:
    found = check(circuit(), traces.traces, traces.publics)
    return {Rule(v.table, "interaction" if v.bus else "constraint", v.name) for v in found}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule.table}.{case.rule.name}")
def test_only_this_rule_notices(case: Case) -> None:
    outcome = BENCH.fuzzer.judge(case.mutation)
    # A lookup in a table of the prover's notices where that table does not contain what is asked for.
    assert outcome.local | outcome.unbacked == {case.rule}


#: Shown to be needed by `test_a_load_and_a_store_at_once_are_no_jump`.
ONE_DIRECTION = Rule("memory_sub", "constraint", "the row is real or padding")


def test_a_load_and_a_store_at_once_are_no_jump() -> None:
    """The two add up to JALR, whose link at the last address is zero, as the target of a load is."""
    last, rd, rs1 = 2**32 - 4, 5, 6
    honest = everything()
    jump = np.array([[last, asm.jalr(rd, rs1), 1]], dtype=np.uint32)
    traces, publics = expand(dataclasses.replace(honest, decode=np.concatenate([honest.decode, jump])))
    forged = {"load": 1, "store": 1, "clk": 1, "pc": last, "rd": rd, "rs1": rs1}
    mutation = BENCH.change("memory_sub", BENCH.padding("memory_sub"), forged)
    outcome = Fuzzer(circuit(), traces, publics, rows_per_table=5).judge(mutation)
    assert outcome.local | outcome.unbacked == {ONE_DIRECTION}


def test_only_this_rule_of_the_boundary_notices() -> None:
    for rule, forgery in forgeries():
        assert rules(forgery) == {rule}, forgery.name


@pytest.mark.parametrize("index", range(8))
def test_public_inputs_are_bound(index: int) -> None:
    traces, publics = everything_expanded()
    other = publics.copy()
    other[index] ^= np.uint64(1)
    side, lane = ("start", index) if index < 4 else ("end", index - 4)
    found = rules(Forgery("another public input", traces, other))
    assert found == {Rule("boundary", "constraint", f"{side} digest {lane} is public")}


def balanced() -> Iterator[Rule]:
    """Interactions without which the honest traces do not balance: those of permutation buses and of lookup tables."""
    for table in circuit():
        function = BENCH.fuzzer.functions[table.name]
        used = {
            i
            for row in range(function.height)
            for i, (count, _) in enumerate(function.evaluate(row, {}).messages)
            if count
        }
        for i, interaction in enumerate(table.interactions):
            if i in used and (interaction.provider or interaction.bus.kind == "permutation"):
                yield Rule(table.name, "interaction", interaction.name)


def test_no_cell_is_loose_and_every_rule_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    fuzzer = BENCH.fuzzer
    report = fuzzer.run(values_per_cell=6)
    needed = {case.rule for case in CASES} | {ONE_DIRECTION} | {rule for rule, _ in forgeries()} | set(balanced())
    missed = [
        rule
        for rule in fuzzer.rules
        if not (rule in needed or rule in EXCEPTIONS or rule in report.witnesses or fuzzer.seek(rule, report, 1000))
    ]
    # The fuzzer judges public inputs on its chosen rows only; `test_public_inputs_are_bound` looks at all.
    loose = [mutation for mutation in report.survivors if mutation.table != PUBLICS]
    freed = FreedOutputs(fuzzer).run()
    with capsys.disabled():
        total = len(fuzzer.rules)
        noticed = total - len(missed) - len(EXCEPTIONS)
        print(
            f"\nmain_vm removal score: {noticed} of {total} rules are noticed when missing, "
            f"{len(EXCEPTIONS)} listed exceptions, {report.trials} mutations, {len(loose)} survive\n{freed}"
        )
    assert not loose
    assert not freed.findings
    assert not missed, [str(rule) for rule in missed]


#: Rules that decide what a row answers; without one of them the table would answer what the prover likes.
ANSWERS = [
    ("add_immediate", "the sum"),
    ("add", "the sum"),
    ("add", "the difference"),
    ("add", "the result"),
    ("add", "less exactly when the difference is negative"),
    ("control", "jal links"),
    ("control", "jalr links"),
    ("control", "set's result"),
    ("control", "jalr's target"),
    ("bitwise", "or"),
    ("bitwise", "the shifted word"),
    ("mul_div", "the lower word"),
    ("mul_div", "the result with its sign"),
    ("memory_word", "a load takes the word in memory"),
    ("memory_word", "a store takes the register's word"),
    ("memory_sub", "a load changes nothing"),
    ("memory_sub", "the word after"),
    ("call", "first element of a group"),
    ("call", "lane[12] moves up"),
    ("decode", "imm"),
]


@pytest.mark.parametrize(("table", "name"), ANSWERS)
def test_a_table_without_this_rule_answers_what_it_likes(table: str, name: str) -> None:
    traces, publics = everything_expanded()
    weaker = circuit.__wrapped__()
    builder = weaker.table(table)
    builder.constraints[:] = [constraint for constraint in builder.constraints if constraint.name != name]
    fuzzer = Fuzzer(weaker, traces, publics, rows_per_table=40)
    attempts = 30 if table == "call" else 100
    assert any(FreedOutputs(fuzzer, seed=seed).run([table], attempts_per_row=attempts).findings for seed in range(5))


@pytest.mark.parametrize(
    ("table", "columns"),
    [("add_immediate", ("out",)), ("page", ("touched[1]",)), ("page", ("time[1]",)), ("idle", ("low",))],
)
def test_what_is_chosen_by_design_would_be_a_finding(table: str, columns: tuple[str, ...]) -> None:
    traces, publics = everything_expanded()
    undeclared = circuit.__wrapped__()
    undeclared.table(table).chosen_cells.clear()
    fuzzer = Fuzzer(undeclared, traces, publics, rows_per_table=40)
    found = FreedOutputs(fuzzer).run([table], attempts_per_row=100).findings
    assert any(set(columns) <= set(names) for names in found)
