"""Every rule of the sha256 table is needed; those of the chain table are tried with the arith256 circuit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from proving.circuits.requests import empty_chain
from proving.circuits.sha256 import BITS, LANES, ROWS, SHA256, STATE
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import Fuzzer, Rule
from proving.stark.air.removal import used_interactions
from tests.forgeries.circuits import steps
from tests.forgeries.circuits.rows import Bench, Changes

TABLE = "sha256"
CARRIES = {"carry_low": 3, "carry_high": 2, "carry_a": 3, "carry_w": 4}  #: of each, the least number above its range
ELEMENTS = 8  #: of words 4 to 15 of the block
KEPT = [*(f"start[{i}]" for i in range(STATE)), *(f"element[{i}]" for i in range(ELEMENTS))]


def result_carry(word: int) -> str:
    return f"{'carry_low' if word < LANES else 'carry_high'}[{word % LANES}]"


def solved() -> Iterator[tuple[str, tuple[str, int]]]:
    """What follows from the words on this row and on the one behind, as the adversary would choose it."""
    for i in range(STATE):
        yield f"word {i} of the state", (f"start[{i}]", 0)
        yield f"word {i} of the result", (result_carry(i), 1)
    for j in range(LANES):
        yield f"e of round {j}", (f"w{j}[0]", 1)
        yield f"a of round {j}", (f"carry_a[{j}]", 1)
        for part in ("early", "middle", "late"):
            yield f"{part} part {j}", (f"{part}[{j}]", 1)
        yield f"message word {j}", (f"late[{j}]", 0)
    for i in range(ELEMENTS):
        yield f"element {i}", (f"element[{i}]", 0)
    for name in KEPT:
        yield f"{name} is the same on all rows", (name, 1)


@cache
def fuzzer() -> Fuzzer:
    words = np.random.default_rng(7).integers(0, 2**32, (7, SHA256.layout.input_words), dtype=np.uint32)
    traces, publics = SHA256.expand(empty_chain(SHA256.kind), words)
    return Fuzzer(SHA256.circuit, traces, publics, rows_per_table=4)


@cache
def bench(row: int) -> Bench:
    return Bench(fuzzer(), TABLE, row, dict(solved()))


def cases() -> Iterator[tuple[str, int, Changes]]:
    """Name of a rule, a row, and changes that this rule alone notices."""
    first = ROWS
    middle = first + 9
    for word in (f"{name}{j}" for name in "aew" for j in range(LANES)):
        for z in range(BITS):
            name = f"{word}[{z}]"
            yield f"{name} is boolean", middle, {(name, 0): 2 - bench(middle).value(name)}
    for j in range(LANES):
        for carry, above in CARRIES.items():
            name = f"{carry}[{j}]"
            yield f"{name} is a carry", middle, {(name, 0): above - bench(middle).value(name)}
        yield f"e of round {j}", middle, {(f"w{j}[0]", 1): 1}
        yield f"a of round {j}", middle, {(f"carry_a[{j}]", 1): 1}
        for part in ("early", "middle", "late"):
            yield f"{part} part {j}", middle, {(f"{part}[{j}]", 1): 1}
        yield f"message word {j}", middle, {(f"late[{j}]", 0): 1}
    for i in range(STATE):
        name = f"start[{i}]"
        yield f"word {i} of the state", first, {(name, 0): 1, (name, 1): 1}
        yield f"word {i} of the result", first + ROWS - 2, {(result_carry(i), 1): 1}
    for i, row in enumerate((2, 2, 2, 2, 3, 3, 4, 4)):
        name = f"element[{i}]"
        yield f"element {i}", first + row, {(name, 0): 1, (name, 1): 1}
    yield from steps.cases(bench, middle, ROWS, KEPT)


def test_only_this_rule_notices_a_row() -> None:
    found = [(name, bench(row).rules(changes)) for name, row, changes in cases()]
    assert [name for name, rules in found if rules != {Rule(TABLE, "constraint", name)}] == []


def test_a_request_without_its_output_is_refused() -> None:
    assert steps.noticed_without_output(SHA256, ROWS) == {steps.CUT_OFF}


def test_every_rule_is_needed_and_no_cell_is_loose(capsys: pytest.CaptureFixture[str]) -> None:
    report = fuzzer().run(values_per_cell=2, pairs_per_row=10, repairs_per_row=4)
    freed = FreedOutputs(fuzzer()).run([TABLE], attempts_per_row=20)
    shown = {Rule(TABLE, "constraint", name) for name, _, _ in cases()} | used_interactions(SHA256.circuit, fuzzer())
    rules = [rule for rule in fuzzer().rules if rule.table == TABLE or rule.kind == "interaction"]
    missed = [rule for rule in rules if rule not in shown]
    with capsys.disabled():
        print(
            f"\nsha256 removal score: {len(rules) - len(missed)} of {len(rules)} rules are noticed when missing, "
            f"{report.trials} mutations, {len(report.survivors)} survive\n{str(freed).splitlines()[0]}"
        )
    assert not report.survivors, [str(mutation) for mutation in report.survivors]
    assert not freed.findings, str(freed)
    assert not missed, [str(rule) for rule in missed]
