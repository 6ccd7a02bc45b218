"""The third adversary finds outputs that the inputs do not decide."""

from __future__ import annotations

import numpy as np
import pytest

from proving.stark.air import Bus, Circuit, Table, TableBuilder
from proving.stark.air.freed import FreedOutputs
from proving.stark.air.fuzzer import Fuzzer, Mutation, Rule
from tests.proving.stark.air.circuits import Access, Cells, Traces, Without, memory

ASK = Bus(0, 2, name="ask")
ANSWER = Bus(1, 2, name="answer")
SQUARES = Bus(2, 2, kind="lookup", name="squares", asked=1)


class Server(Table):
    """Takes x, sends x^2, with a helper cell."""

    name = "server"

    def build(self, t: TableBuilder) -> None:
        number, x, helper, y = (t.main(n) for n in ("number", "x", "helper", "y"))
        t.receive(ASK, [number, x])
        t.equal("the helper", helper, x + 1)
        t.equal("the answer", y, x * (helper - 1))
        t.send(ANSWER, [number, y])


class Client(Table):
    """Sends x, takes whatever comes, and looks it up."""

    name = "client"

    def build(self, t: TableBuilder) -> None:
        number, x, y = t.preprocessed("number", np.arange(64)), t.main("x"), t.main("y")
        t.send(ASK, [number, x])
        t.receive(ANSWER, [number, y])
        t.chosen(x, when=1, reason="the client asks what it likes")
        t.send(SQUARES, [x, y])


class Squares(Table):
    """A table of witness that answers what is asked."""

    name = "squares"

    def build(self, t: TableBuilder) -> None:
        x, y = t.main("x"), t.main("y")
        t.equal("the square", y, x * x)
        t.receive(SQUARES, [x, y], t.main("count"), "square")


def served(*without: str, table: Table | None = None) -> tuple[Circuit, Traces]:
    number = np.arange(64, dtype=np.uint64)
    x = number * number % np.uint64(50)
    traces = {
        "server": np.stack([number, x, x + np.uint64(1), x * x]),
        "client": np.stack([x, x * x]),
        "squares": np.stack([x, x * x, np.ones(64, dtype=np.uint64)]),
    }
    tables = [Server(), table or Client(), Squares()]
    for name in without:
        position, rule = (0, name) if name != "the square" else (2, name)
        tables[position] = Without(tables[position], rule)
    return Circuit("served", tables), traces


def test_a_complete_circuit_has_no_freed_output() -> None:
    report = FreedOutputs(Fuzzer(*served())).run()
    assert report.findings == {}
    assert {str(rule) for rule in report.guards} >= {
        "server.the answer (constraint)",
        "squares.the square (constraint)",
    }
    assert report.exceptions == ["client.x: the client asks what it likes"]


@pytest.mark.parametrize(
    ("missing", "table", "column"),
    [("the answer", "server", "y"), ("the helper", "server", "y"), ("the square", "squares", "y")],
)
def test_a_missing_rule_frees_an_output_that_the_first_adversary_sees_in_lookup_tables_only(
    missing: str, table: str, column: str
) -> None:
    fuzzer = Fuzzer(*served(missing))
    report = FreedOutputs(fuzzer).run()
    assert any(names[0] == table and column in names for names in report.findings)
    first_sees = {fuzzer.judge(mutation).survives for mutation in report.findings.values()}
    assert first_sees == {table == "squares"}


def test_an_undeclared_choice_is_a_finding() -> None:
    class Undeclared(Client):
        def build(self, t: TableBuilder) -> None:
            super().build(t)
            t.chosen_cells.clear()
            t.interactions[:] = [item for item in t.interactions if item.name != "send squares"]

    circuit, traces = served()
    assert FreedOutputs(Fuzzer(circuit, traces)).run(["client"]).findings == {}
    other = Circuit("undeclared", [Server(), Undeclared(), Without(Squares(), "square")])
    assert ("client", "x") in FreedOutputs(Fuzzer(other, traces)).run(["client"]).findings


def test_what_a_row_receives_is_held_fixed() -> None:
    search = FreedOutputs(Fuzzer(*served()))
    row = 7 * 7 % 50
    other = row + 1
    consistent = (((7, 1), other), ((7, 2), other + 1), ((7, 3), other * other))
    verdict = search.judge(Mutation("server", consistent))
    assert verdict.takes
    assert verdict.gives
    assert verdict.violated == frozenset()
    asked = search.judge(Mutation("squares", (((7, 0), other), ((7, 1), other * other))))
    assert asked.takes
    looked_up = search.judge(Mutation("client", (((7, 0), 51),)))
    assert looked_up.violated == {Rule("client", "interaction", "send squares")}


@pytest.mark.parametrize(("missing", "found"), [((), False), (("a read keeps the value",), True)])
def test_a_memory_without_its_rule_on_reads_answers_anything(missing: tuple[str, ...], found: bool) -> None:
    _, traces, publics = memory()
    circuit = Circuit("memory", [Without(Access(), *missing), Cells()], max_degree=5)
    report = FreedOutputs(Fuzzer(circuit, traces, publics, rows_per_table=16)).run()
    assert bool(report.findings) is found
