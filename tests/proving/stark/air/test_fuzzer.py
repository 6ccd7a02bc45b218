"""The fuzzer finds what is missing, and says nothing about what is complete."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from proving.stark.air import Bus, Circuit, Table, TableBuilder, check
from proving.stark.air.fuzzer import PUBLICS, Fuzzer, Mutation, Rule
from proving.stark.air.removal import Forgery, removal_score
from proving.stark.air.row_function import affine_support
from tests.proving.stark.air.circuits import ALL, Access, ByteRange, Cells, Fibonacci, Without, Words, range_lookup


@pytest.mark.parametrize("name", sorted(ALL))
def test_complete_circuits_have_no_survivors_and_a_full_score(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    circuit, traces, publics = ALL[name]()
    score = removal_score(circuit, traces, publics, [late_clock()] if name == "memory" else [])
    with capsys.disabled():
        print(f"\n{name}: {score}")
    assert score.report.survivors == []
    assert score.missed == []
    assert score.freed.findings == {}
    assert str(score.freed) in str(score)


def late_clock() -> Forgery:
    """The memory's traces with a clock that starts at 2; only the constraint on its first value can see that."""
    _, traces, publics = ALL["memory"]()
    for column in (traces["access"][5], traces["access"][6], traces["cells"][1]):
        column += (column > 0).astype(np.uint64)
    return Forgery("a clock that starts late", traces, publics)


def recount(traces: dict[str, npt.NDArray[np.uint64]]) -> None:
    """Multiplicities that fit the bytes that are looked up."""
    real = traces["words"][0].astype(np.bool_)
    used = np.concatenate([traces["words"][1][real], traces["words"][2][real]])
    traces["byte_range"][0] = np.bincount(used.astype(np.int64), minlength=256)


@pytest.mark.parametrize(
    ("name", "tables", "missing"),
    [
        ("fibonacci", [Fibonacci()], "starts with the first input"),
        ("range_lookup", [Words(), ByteRange()], "weighted word"),
        ("range_lookup", [Words(), ByteRange()], "word is made of its bytes"),
        ("range_lookup", [Words(), ByteRange()], "high byte"),
        ("memory", [Access(), Cells()], "a written value is never 7 or 11"),
    ],
)
def test_a_removed_rule_leaves_survivors(name: str, tables: list[Table], missing: str) -> None:
    circuit, traces, publics = ALL[name]()
    weaker = Circuit("weaker", [Without(tables[0], missing), *tables[1:]], circuit.publics, circuit.max_degree)
    report = Fuzzer(weaker, traces, publics, rows_per_table=16).run(repairs_per_row=40)
    assert report.survivors
    mutation = report.survivors[0]
    for (row, column), value in mutation.edits:
        if mutation.table == PUBLICS:
            publics[column] = value
        else:
            traces[mutation.table][column, row] = value
    if missing != "high byte" and name == "range_lookup":
        recount(traces)
    if missing != "high byte":
        assert check(weaker, traces, publics) == [], "the row engine agrees that nothing notices"
    assert check(circuit, traces, publics) != []


def test_every_rule_removed_in_turn_is_noticed_by_someone() -> None:
    """Independently of how the score is computed: what it calls a witness is accepted once the rule is gone."""
    circuit, traces, publics = ALL["memory"]()
    score = removal_score(circuit, traces, publics)
    for rule, mutation in score.report.witnesses.items():
        assert rule.kind == "constraint"
        tables: list[Table] = [Access(), Cells()]
        position = [table.name for table in tables].index(rule.table)
        tables[position] = Without(tables[position], rule.name)
        weaker = Fuzzer(Circuit("weaker", tables, max_degree=5), traces, publics)
        assert weaker.judge(mutation).local == frozenset()


def test_a_rule_that_says_nothing_is_missed() -> None:
    class Idle(Words):
        def build(self, t: TableBuilder) -> None:
            super().build(t)
            real = t.main("spare")
            t.zero("spare is zero", real)
            t.zero("spare is zero, said again", real * (real + 1))

    _, traces, publics = range_lookup()
    traces["words"] = np.concatenate([traces["words"], np.zeros((1, 64), dtype=np.uint64)])
    circuit = Circuit("idle", [Idle(), ByteRange()], max_degree=3)
    score = removal_score(circuit, traces, publics, attempts_per_rule=20)
    assert score.missed == [Rule("words", "constraint", "spare is zero, said again")]
    assert "missed: words.spare is zero, said again" in str(score)


def test_a_forgery_covers_the_rule_that_it_alone_breaks() -> None:
    circuit, traces, publics = ALL["fibonacci"]()
    other = [*publics[:2], 1]
    found = removal_score(circuit, traces, publics, [Forgery("another output", traces, other)])
    assert found.noticed[Rule("fibonacci", "constraint", "ends with the output")] == "forgery: another output"


def test_a_lookup_is_judged_by_what_is_offered_not_by_how_often() -> None:
    circuit, traces, publics = range_lookup()
    fuzzer = Fuzzer(circuit, traces, publics)
    low = int(traces["words"][1, 0])
    inside = fuzzer.judge(Mutation("words", (((0, 1), (low + 1) % 256),)))
    outside = fuzzer.judge(Mutation("words", (((0, 1), low + 256),)))
    lookup = Rule("words", "interaction", "low byte")
    assert lookup not in inside.local
    assert lookup in outside.local
    count = fuzzer.judge(Mutation("byte_range", (((3, 0), 77),)))
    assert count.local == frozenset()
    assert count.bus == {Rule("byte_range", "interaction", "byte")}


def test_equal_seeds_give_equal_runs() -> None:
    circuit, traces, publics = range_lookup()
    first, second = (Fuzzer(circuit, traces, publics, seed=5, rows_per_table=4).run() for _ in range(2))
    assert first.witnesses == second.witnesses
    assert first.trials == second.trials


def test_free_cells_and_what_follows_from_them_are_not_survivors() -> None:
    class Undeclared(Words):
        def build(self, t: TableBuilder) -> None:
            super().build(t)
            t.free_cells[:] = [cell for cell in t.free_cells if cell.column != 3]

    _, traces, publics = range_lookup()
    tables: list[list[Table]] = [[Words(), ByteRange()], [Undeclared(), ByteRange()]]
    reports = [
        Fuzzer(Circuit("some", pair, max_degree=3), traces, publics, rows_per_table=16).run(repairs_per_row=60)
        for pair in tables
    ]
    assert reports[0].survivors == []
    survivors = reports[1].survivors
    assert survivors
    assert all(3 in {column for (_, column), _ in mutation.edits} for mutation in survivors)


def test_affine_support_leaves_out_what_is_squared() -> None:
    t = TableBuilder("t")
    a, b, c = t.main("a"), t.main("b"), t.main("c")
    node = (a * a * b + c.next * b - 4 * c).node
    assert affine_support(t.graph, [node]) == {node: [(1, 0), (2, 0), (2, 1)]}


def test_a_lookup_in_a_witness_table_is_held_against_a_mutation_as_a_bus() -> None:
    square = Bus(9, 2, kind="lookup", name="square")

    class Squares(Table):
        name = "squares"

        def build(self, t: TableBuilder) -> None:
            x, y, count = t.main("x"), t.main("y"), t.main("count")
            t.equal("y is the square", y, x * x)
            t.receive(square, [x, y], count, "square")

    class Users(Table):
        name = "users"

        def build(self, t: TableBuilder) -> None:
            t.send(square, [t.main("x"), t.main("y")], 1, "asks")

    x = np.arange(64, dtype=np.uint64)
    traces = {"squares": np.stack([x, x * x, np.ones(64, dtype=np.uint64)]), "users": np.stack([x, x * x])}
    circuit = Circuit("squares", [Squares(), Users()])
    outcome = Fuzzer(circuit, traces).judge(Mutation("users", (((5, 1), 26),)))
    assert outcome.local == frozenset()
    assert outcome.unbacked == {Rule("users", "interaction", "asks")}
    assert not outcome.survives
    assert removal_score(circuit, traces).missed == []


@pytest.mark.parametrize("name", sorted(ALL))
def test_what_changed_cells_reach_is_what_the_whole_row_says(name: str) -> None:
    """Values that no changed cell is read by are kept; given public inputs, all are computed."""
    circuit, traces, publics = ALL[name]()
    random = np.random.default_rng(11)
    for function in Fuzzer(circuit, traces, publics).functions.values():
        columns = len(function.table.main_names)
        for count in (0, 1, 1, 2, 5) * 4 if columns else ():
            row = int(random.integers(function.height))
            rows = (row + random.integers(-1, 2, count)) % function.height
            edits = {(int(where), int(random.integers(columns))): int(random.integers(2**32)) for where in rows}
            assert function.evaluate(row, edits) == function.evaluate(row, edits, [int(value) for value in publics])
