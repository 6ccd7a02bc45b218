"""Every rule of the blake2s table is needed; those of the chain table are tried with the arith256 circuit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from proving.circuits.blake2s import (
    BITS,
    BLAKE2S,
    INITIAL,
    LARGEST_CARRY,
    MESSAGE,
    QUARTERS,
    ROWS,
    STATE,
    SUMS,
    message_word,
)
from proving.circuits.requests import empty_chain
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import Fuzzer, Rule
from proving.stark.air.removal import used_interactions
from tests.forgeries.circuits import steps
from tests.forgeries.circuits.rows import Bench, Changes

TABLE = "blake2s"
KEPT = [*(f"start[{i}]" for i in range(STATE)), *(f"message[{i}]" for i in range(MESSAGE))]
WORDS = [f"{name}{j}" for name in ("b", "d", *SUMS) for j in range(QUARTERS)]
FIRST = ROWS  #: the second request's first row; the first request is all zeros
MIDDLE = FIRST + 9


def solved(row: int) -> Iterator[tuple[str, tuple[str, int]]]:
    """What follows from the bits on this row, as the adversary would choose it."""
    step = row % ROWS
    for i, name in enumerate(KEPT):
        yield f"input word {i}", (name, 0)
    for j in range(QUARTERS):
        first, second = (f"message[{message_word(max(step, 1), j, k)}]" if 0 < step < ROWS - 1 else "" for k in (0, 1))
        yield f"sum_a{j}", (first, 0) if step == 1 else (f"a[{j}]", 0)
        yield f"sum_c{j}", (f"c[{j}]", 0)
        if second:
            yield f"next_a{j}", (second, 0)
        yield f"sum_a{j} at last", (f"a[{j}]", 0)
        yield f"sum_c{j} at last", (f"c[{j}]", 0)
        yield f"next_a{j} at last", (f"start[{j}]", 0)
        yield f"next_c{j} at last", (f"start[{QUARTERS + j}]", 0)
    for j in range(QUARTERS):
        yield f"a{j} goes on", (f"a[{j}]", 1)
        yield f"c{j} goes on", (f"c[{j}]", 1)
        yield f"b{j} goes on", (f"b{j}[0]", 1)
        yield f"d{j} goes on", (f"d{j}[0]", 1)
    for name in ("position", *KEPT):
        yield f"{name} is the same on all rows", (name, 1)


@cache
def fuzzer() -> Fuzzer:
    words = np.random.default_rng(7).integers(0, 2**32, (7, BLAKE2S.layout.input_words), dtype=np.uint32)
    words[0] = 0
    traces, publics = BLAKE2S.expand(empty_chain(BLAKE2S.kind), words)
    return Fuzzer(BLAKE2S.circuit, traces, publics, rows_per_table=4)


@cache
def bench(row: int) -> Bench:
    return Bench(fuzzer(), TABLE, row, dict(solved(row)))


def flip(row: int, name: str) -> Changes:
    return {(name, 0): 1 - 2 * bench(row).value(name)}


def rotated(word: int, amount: int) -> int:
    return (word >> amount | word << BITS - amount) % 2**BITS


def first_row_of_rounds() -> Changes:
    """Inputs that are, on their own row, the columns of a first round of themselves."""
    m = [0] * MESSAGE
    changes: dict[tuple[str, int], int] = {}

    def add(name: str, j: int, *terms: int) -> int:
        changes[f"carry_{name}[{j}]", 0] = sum(terms) >> BITS
        return sum(terms) % 2**BITS

    for j in (0, 2, 3, 1):
        m[j] = m[2 * j]
        m[4 + j] = add("sum_c", j, INITIAL[j], rotated(m[j], 16))
    for j in range(QUARTERS):
        m[8 + j] = add("next_a", j, m[j], rotated(m[4 + j], 12), m[2 * j + 1])
        m[12 + j] = add("next_c", j, m[4 + j], rotated(rotated(m[j], 16) ^ m[8 + j], 8))
        changes[f"c[{j}]", 0] = INITIAL[j]
    for i, word in enumerate(m):
        changes[f"message[{i}]", 0] = changes[f"message[{i}]", 1] = word
        changes |= {(f"{WORDS[STATE + i]}[{z}]", 0): word >> z & 1 for z in range(BITS)}
    return changes


def cases() -> Iterator[tuple[str, int, Changes]]:
    """Name of a rule, a row, and changes that this rule alone notices."""
    last = FIRST + ROWS - 1
    for name in (f"{word}[{z}]" for word in WORDS for z in range(BITS)):
        yield f"{name} is boolean", last, {(name, 0): 2 - bench(last).value(name)}
    for i, name in enumerate(KEPT):
        yield f"input word {i}", FIRST, {(name, 0): 1, (name, 1): 1}
    for j in range(QUARTERS):
        for name in SUMS:
            above = LARGEST_CARRY[name] + 1
            carry = f"carry_{name}[{j}]"
            yield f"{carry} is a carry", last, {(carry, 0): above - bench(last).value(carry)}
        word = f"message[{message_word(MIDDLE % ROWS, j, 1)}]"
        yield f"sum_a{j}", MIDDLE, {(f"a[{j}]", 0): 1}
        yield f"sum_c{j}", MIDDLE, {(f"c[{j}]", 0): 1}
        yield f"next_a{j}", MIDDLE, {(word, 0): 1, (word, 1): 1}
        yield f"next_c{j}", MIDDLE, flip(MIDDLE, f"next_c{j}[0]")
        for name, cell in (("a", f"a[{j}]"), ("c", f"c[{j}]"), ("b", f"b{j}[0]"), ("d", f"d{j}[0]")):
            yield f"{name}{j} goes on", MIDDLE, {(cell, 1): 1}
        yield f"a{j} at first", FIRST + 1, {(f"a[{j}]", 0): 1}
        yield f"b{j} at first", FIRST + 1, flip(FIRST + 1, f"b{j}[0]")
        bits = [bench(FIRST + 1).value(f"{name}{j}[16]") for name in ("d", "sum_a")]
        moved = {(f"c[{j}]", 0): 2 * (bits[0] ^ bits[1]) - 1}
        yield f"c{j} at first", FIRST + 1, moved | flip(FIRST + 1, f"d{j}[16]") | flip(FIRST + 1, f"next_a{j}[0]")
        ends = (f"a[{j}]", f"c[{j}]", f"start[{j}]", f"start[{QUARTERS + j}]")
        for name, cell in zip(SUMS, ends, strict=True):
            yield f"{name}{j} at last", last, {(cell, 0): 1}
    own = {
        "step[0] is boolean": (FIRST, {("step[0]", 0): 1, ("step[1]", 1): 1}),
        f"step[{ROWS - 1}] is boolean": (last, {(f"step[{ROWS - 1}]", 0): 1, ("step[0]", 1): 1}),
    }
    for name, row, changes in steps.cases(bench, MIDDLE, ROWS, KEPT):
        if name == "the first row: step 1":
            yield name, row, {**changes, **first_row_of_rounds()}
        else:
            yield name, *own.get(name, (row, changes))


def test_only_this_rule_notices_a_row() -> None:
    found = [(name, bench(row).rules(changes)) for name, row, changes in cases()]
    assert [name for name, rules in found if rules != {Rule(TABLE, "constraint", name)}] == []


def test_a_request_without_its_output_is_refused() -> None:
    assert steps.noticed_without_output(BLAKE2S, ROWS) == {steps.CUT_OFF}


def test_every_rule_is_needed_and_no_cell_is_loose(capsys: pytest.CaptureFixture[str]) -> None:
    report = fuzzer().run(values_per_cell=1, pairs_per_row=10, repairs_per_row=2)
    freed = FreedOutputs(fuzzer()).run([TABLE], attempts_per_row=20)
    shown = {Rule(TABLE, "constraint", name) for name, _, _ in cases()} | used_interactions(BLAKE2S.circuit, fuzzer())
    rules = [rule for rule in fuzzer().rules if rule.table == TABLE or rule.kind == "interaction"]
    missed = [rule for rule in rules if rule not in shown]
    with capsys.disabled():
        print(
            f"\nblake2s removal score: {len(rules) - len(missed)} of {len(rules)} rules are noticed when missing, "
            f"{report.trials} mutations, {len(report.survivors)} survive\n{str(freed).splitlines()[0]}"
        )
    assert not report.survivors, [str(mutation) for mutation in report.survivors]
    assert not freed.findings, str(freed)
    assert not missed, [str(rule) for rule in missed]
