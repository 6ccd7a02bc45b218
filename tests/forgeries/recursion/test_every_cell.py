"""Every cell of a small recursion circuit's witness counts, and no row's output is free while its inputs are fixed.

That every constraint is needed is `test_rules`' business; here it is every interaction.
"""

from __future__ import annotations

import functools

import pytest

from proving.field.goldilocks import PRIME
from proving.stark.air.engine import check
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import Fuzzer, Mutation, Rule
from proving.stark.air.removal import used_interactions
from tests.proving.recursion.every_table import PUBLICS, made

TABLES = ["hash", "field", "fold", "bits", "caps", "unpack", "given"]


@functools.cache
def fuzzer() -> Fuzzer:
    compiled, traces, publics = made()
    return Fuzzer(compiled.circuit, traces, publics, rows_per_table=8)


def test_the_witness_holds_and_no_table_lacks() -> None:
    compiled, traces, publics = made()
    assert check(compiled.circuit, traces, publics) == []
    assert [table.name for table in compiled.circuit] == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_a_change_of_any_cell_is_noticed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    function, table = fuzzer().functions[name], fuzzer().circuit.table(name)
    excused, survivors = 0, []
    for row in range(function.height):
        for column, title in enumerate(table.main_names):
            old = function.cell((row, column))
            mutation = Mutation(name, (((row, column), 1 - old if old < 2 else (old + 1) % PRIME),))
            if fuzzer().judge(mutation).survives:
                declared = function.is_declared("free", (row, column))
                excused += declared
                survivors += [] if declared else [(row, title)]
    total = function.height * len(table.main_names)
    with capsys.disabled():
        print(f"\n{name}: {total} cells, {excused} of them free by declaration")
    assert survivors == []
    assert excused < total


@pytest.mark.parametrize("place", range(PUBLICS))
def test_a_change_of_any_public_input_is_noticed(place: int) -> None:
    compiled, traces, publics = made()
    changed = publics.copy()
    changed[place] ^= 1
    assert check(compiled.circuit, traces, changed)


def test_no_output_is_free(capsys: pytest.CaptureFixture[str]) -> None:
    report = FreedOutputs(fuzzer()).run(attempts_per_row=30)
    with capsys.disabled():
        print(f"\n{report}")
    assert report.findings == {}


def test_every_interaction_is_needed() -> None:
    """Without what a row hands over, or takes, the bus does not balance; a reading is of an entry that exists."""
    rules = {rule for rule in fuzzer().rules if rule.kind == "interaction"}
    reading = Rule("caps", "interaction", "reading")
    assert rules - used_interactions(fuzzer().circuit, fuzzer()) == {reading}
    digest = fuzzer().functions["caps"].cell((0, 0))
    assert fuzzer().judge(Mutation("caps", (((0, 0), (digest + 1) % PRIME),))).unbacked == {reading}
