"""Every rule of the keccak_f table is needed; those of the chain table are tried with the arith256 circuit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from proving.circuits.keccak_f import HALF, KECCAK_F, LANES, ROWS
from proving.circuits.requests import empty_chain
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import Fuzzer, Rule
from proving.stark.air.graph import P
from proving.stark.air.removal import used_interactions
from tests.forgeries.circuits import steps
from tests.forgeries.circuits.rows import Bench, Changes

TABLE = "keccak_f"
#: The state's words follow from the signs.
SOLVED = {
    **{f"word {i} of the state": (f"word[{i}]", 0) for i in range(LANES)},
    **{f"word {i} of the next row": (f"word[{i}]", 1) for i in range(LANES)},
    **{f"lower word {i} of the next state": (f"ahead[{i}]", 1) for i in range(LANES)},
    **{f"upper word {i} of the next state": (f"later[{i}]", 1) for i in range(LANES)},
    **{f"word {i} waits": (f"later[{i}]", 0) for i in range(LANES)},
}
#: What a cell is multiplied by that is no sign any more.
WRONG = 3


@cache
def fuzzer() -> Fuzzer:
    words = np.random.default_rng(7).integers(0, 2**32, (5, 50), dtype=np.uint32)
    traces, publics = KECCAK_F.expand(empty_chain(KECCAK_F.kind), words)
    return Fuzzer(KECCAK_F.circuit, traces, publics, rows_per_table=2)


@cache
def bench(row: int) -> Bench:
    return Bench(fuzzer(), TABLE, row, SOLVED)


def scaled(row: int, name: str, factor: int) -> dict[tuple[str, int], int]:
    """Multiply a cell."""
    return {(name, 0): bench(row).value(name) * (factor - 1)}


def cases() -> Iterator[tuple[str, int, Changes]]:
    """Name of a rule, a row, and changes that this rule alone notices."""
    # Rows of a round's lower and upper half.
    first, second = 18, 19
    for x in range(5):
        for z in range(HALF):
            name = f"parity{x}[{z}]"
            # C stands in its own column's rule and in those that it flips; of the last one, the flipped one is on the
            # other row, which has another rule for it.
            changes = scaled(second, name, WRONG)
            flipped = [(x, z), ((x + 1) % 5, z), *([((x - 1) % 5, z + 1)] if z + 1 < HALF else [])]
            for column, bit in flipped:
                changes |= scaled(second, f"mixed{20 + column}[{bit}]", WRONG)
            yield f"{name} is a sign", second, changes
            for y in range(4):
                name = f"mixed{x + 5 * y}[{z}]"
                inverse = scaled(second, f"mixed{20 + x}[{z}]", pow(WRONG, -1, P))
                yield f"{name} is a sign", second, scaled(second, name, WRONG) | inverse
            yield f"parity {x}, bit {z}", second, scaled(second, f"mixed{20 + x}[{z}]", -1)
        yield f"edge {x} of the lower half", first, {(f"parity{x}[{HALF - 1}]", 1): 1}
        yield f"edge {x} of the upper half", first, {(f"edge[{x}]", 1): 1}
    for i in range(LANES):
        yield f"word {i} of the state", first, {(f"word[{i}]", 0): 1}
        yield f"word {i} of the next row", second, {(f"word[{i}]", 1): 1}
        yield f"word {i} waits", second, {(f"later[{i}]", 0): 1}
        yield f"lower word {i} of the next state", first, {(f"ahead[{i}]", 1): 1}
        yield f"upper word {i} of the next state", first, {(f"later[{i}]", 1): 1}
    yield from steps.cases(bench, first, ROWS, answer=ROWS - 2)


def test_only_this_rule_notices_a_row() -> None:
    found = [(name, bench(row).rules(changes)) for name, row, changes in cases()]
    assert [name for name, rules in found if rules != {Rule(TABLE, "constraint", name)}] == []


def test_a_request_without_its_output_is_refused() -> None:
    assert steps.noticed_without_output(KECCAK_F, ROWS) == {steps.CUT_OFF}


def test_every_rule_is_needed_and_no_cell_is_loose(capsys: pytest.CaptureFixture[str]) -> None:
    report = fuzzer().run(values_per_cell=1, pairs_per_row=10, repairs_per_row=2)
    freed = FreedOutputs(fuzzer()).run([TABLE], attempts_per_row=20)
    shown = {Rule(TABLE, "constraint", name) for name, _, _ in cases()} | used_interactions(KECCAK_F.circuit, fuzzer())
    rules = [rule for rule in fuzzer().rules if rule.table == TABLE or rule.kind == "interaction"]
    missed = [rule for rule in rules if rule not in shown]
    with capsys.disabled():
        print(
            f"\nkeccak_f removal score: {len(rules) - len(missed)} of {len(rules)} rules are noticed when missing, "
            f"{report.trials} mutations, {len(report.survivors)} survive\n{str(freed).splitlines()[0]}"
        )
    assert not report.survivors
    assert not freed.findings
    assert not missed, [str(rule) for rule in missed]
