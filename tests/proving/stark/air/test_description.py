"""The language refuses what the proof system cannot prove, and the digest sees every change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from proving.backend.program import Nodes, Op, TableProgram
from proving.stark.air import AirError, Bus, Circuit, Table, TableBuilder, compile
from proving.stark.air.compile import compile_circuit
from proving.stark.air.digest import program_digest
from proving.stark.air.schedule import Schedule
from tests.proving.stark.air.circuits import (
    ALL,
    MEMORY,
    Access,
    ByteRange,
    Cells,
    Fibonacci,
    Without,
    Words,
    fibonacci,
    kitchen_sink,
)

Build = Callable[[TableBuilder], None]
LOOKUP = Bus(3, 1, kind="lookup", name="some_lookup")
PERMUTATION = Bus(4, 2, name="some_permutation")


class Made(Table):
    """A table from a function."""

    def __init__(self, build: Build, name: str = "made") -> None:
        self.name = name
        self._build = build

    def build(self, t: TableBuilder) -> None:
        self._build(t)


def circuit(*builds: Build, max_degree: int = 3, publics: int = 0) -> Circuit:
    return Circuit("made", [Made(build, f"t{i}") for i, build in enumerate(builds)], publics, max_degree)


def test_degrees_add_up() -> None:
    t = TableBuilder("t", 1)
    a, b = t.main("a"), t.main("b")
    assert (a * b + 1).degree == 2
    assert (a * b * t.first - t.last).degree == 3
    assert (t.transition * (a.next - b)).degree == 1
    assert (t.public(0) * 5).degree == 0
    assert (a * 0).degree == 0
    assert t.periodic("p", [1, 2]).degree == 1


def test_equal_expressions_are_one_node() -> None:
    t = TableBuilder("t")
    a, b = t.main("a"), t.main("b")
    assert (a * b + a).node == (a + b * a).node
    assert (a - a).node == t.constant(0).node
    negative = -a
    assert (-negative).node == a.node
    assert (a + 0 * b).node == a.node
    assert (a * -1).node == (-a).node


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda t: t.zero("cube", t.main("a") * t.main("b") * t.main("c") * t.first), "degree 4 is above"),
        (lambda t: t.zero("constant", t.main("a") * 0 + 4), "does not depend on any column"),
        (lambda t: [t.zero("one", t.main("a")), t.zero("one", t.main("b"))], "a constraint of this name"),
        (lambda t: [t.main("a"), t.main("a")], "a column of this name"),
        (lambda t: t.zero("x", t.main("a") * t.transition * t.transition * t.transition), "transition selector"),
        (lambda t: t.periodic("p", [1, 2, 3]), "power of two"),
        (lambda t: t.preprocessed("p", np.arange(65)), "2\\^6 to 2\\^24 rows"),
        (lambda t: t.preprocessed("p", np.full(64, 2**64 - 1, dtype=np.uint64)), "not below the modulus"),
        (lambda t: [t.preprocessed("p", np.arange(64)), t.preprocessed("q", np.arange(128))], "differ in height"),
        (lambda t: t.preprocessed("p", np.arange(64)).next, "not a main column"),
        (lambda t: t.public(0), "public input 0"),
        (lambda t: t.send(PERMUTATION, [t.main("a")]), "1 fields"),
        (lambda t: t.send(PERMUTATION, [t.main("a"), t.transition]), "transition selector"),
        (lambda t: t.send(PERMUTATION, [t.main("a") * t.main("b") * t.main("c"), 1]), "do not fit"),
        (lambda t: t.send(LOOKUP, [t.main("a")]), "one side only"),
        (lambda t: t.zero("other", TableBuilder("u").main("a") * 2), "another table"),
        (lambda t: t.zero("truth", t.main("a") if t.main("b") else 0), "no truth value"),
        (lambda t: t.free(t.preprocessed("p", np.arange(64)), when=1, reason="r"), "only cells of main columns"),
        (lambda _: None, "has no columns"),
    ],
)
def test_a_broken_rule_is_refused(build: Build, message: str) -> None:
    with pytest.raises(AirError, match=message):
        circuit(build)


def test_one_bus_id_has_one_meaning() -> None:
    with pytest.raises(AirError, match="bus id 4 is used by"):
        circuit(
            lambda t: t.send(PERMUTATION, [t.main("a"), 1]),
            lambda t: t.receive(Bus(4, 1), [t.main("a")]),
        )
    with pytest.raises(AirError, match="arity"):
        Bus(1, 0)
    with pytest.raises(AirError, match="bus id"):
        Bus(-1, 1)


def test_table_names_are_unique() -> None:
    with pytest.raises(AirError, match="same name"):
        Circuit("twice", [Fibonacci(), Fibonacci()], publics=3)


@pytest.mark.parametrize(("max_degree", "columns"), [(2, 5), (3, 3), (5, 2)])
def test_batches_fill_the_degree(max_degree: int, columns: int) -> None:
    def build(t: TableBuilder) -> None:
        for value in t.main_array("value", 5):
            t.send(PERMUTATION, [value, 1])

    program = compile_circuit(circuit(build, max_degree=max_degree)).tables[0]
    assert program.bus_columns == columns
    assert max(program.constraint_degrees) <= max_degree
    assert program.constraint_count == columns


def test_only_columns_that_are_read_are_opened_on_the_next_row() -> None:
    programs = compile_circuit(fibonacci()[0]).tables
    assert programs[0].next_columns == (0, 1)
    memory = compile_circuit(ALL["memory"]()[0])
    assert [table.next_columns for table in memory.tables] == [(6,), ()]
    assert memory.tables[1].fixed_log_height == 6
    offsets = [table.constraint_offset for table in memory.tables]
    assert offsets == [0, memory.tables[0].constraint_count]
    assert memory.constraint_count == sum(table.constraint_count for table in memory.tables)


def digest(described: Circuit) -> tuple[int, ...]:
    return tuple(int(word) for word in compile_circuit(described).digest)


def changed(build: Build) -> list[Table]:
    """The memory circuit's tables, the second changed by `build`."""

    class Changed(Cells):
        def build(self, t: TableBuilder) -> None:
            super().build(t)
            build(t)

    return [Access(), Changed()]


@pytest.mark.parametrize(
    "build",
    [
        lambda t: t.main("unused"),
        lambda t: t.zero("new", t.first * t.last),
        lambda t: t.send(MEMORY, [1, 2, 3], t.constant(0)),
        lambda t: t.constraints.append(t.constraints[-1]) if t.constraints else t.zero("z", t.first),
        lambda t: t.interactions.pop(),
        lambda t: t.periodic("p", [0, 1]),
    ],
)
def test_the_digest_sees_every_change(build: Build) -> None:
    base = digest(Circuit("memory", [Access(), Cells()], max_degree=5))
    assert base != digest(Circuit("memory", changed(build), max_degree=5))


def test_the_digest_sees_order_and_parameters_and_not_names() -> None:
    base = digest(Circuit("memory", [Access(), Cells()], max_degree=5))
    assert base == digest(Circuit("renamed", [Access(), Cells()], max_degree=5))
    assert base != digest(Circuit("memory", [Cells(), Access()], max_degree=5))
    assert base != digest(Circuit("memory", [Access(), Cells()], max_degree=9))
    assert base != digest(Circuit("memory", [Access(), Cells()], 1, max_degree=5))


def test_each_constraint_removed_changes_the_digest() -> None:
    digests = set()
    tables: list[Table] = [Words(), ByteRange()]
    full = Circuit("range_lookup", tables, max_degree=3)
    names = [constraint.name for constraint in full.table("words").constraints]
    for missing in [(), *((name,) for name in names)]:
        made = Circuit("fewer", [Without(Words(), *missing), ByteRange()], max_degree=3)
        digests.add(digest(made))
    assert len(digests) == 1 + len(names)


@pytest.mark.parametrize("batches", [[[0], [1, 2]], [[0, 2], [1]], [[1, 2], [0]], [[0], [1], [2]]])
def test_the_digest_sees_how_interactions_are_batched(
    monkeypatch: pytest.MonkeyPatch, batches: list[list[int]]
) -> None:
    described = circuit(lambda t: [t.send(PERMUTATION, [value, 1]) for value in t.main_array("value", 3)])
    base = digest(described)
    assert compile.compile_tables(described)[0].program.bus_columns == 2
    monkeypatch.setattr(compile, "_batches", lambda _, __: batches)
    assert digest(described) != base


#: Fields of a compiled table that the digest leaves out, see `digest`.
NOT_COVERED = {"name", "constraint_names", "preprocessed", "quotient", "bus"}


def other(value: object) -> object:
    """A value of the same kind that differs in one place."""
    if isinstance(value, np.ndarray):
        return np.concatenate([value[1:], value[:1]])
    if isinstance(value, Nodes):
        return dataclasses.replace(value, op=np.where(value.op == Op.ADD, int(Op.MUL), value.op).astype(np.uint8))
    if isinstance(value, tuple):
        return (*value, (7, 8) if value and isinstance(value[0], tuple) else 1)
    assert isinstance(value, int)
    return value + 1


@pytest.mark.parametrize("name", sorted({field.name for field in dataclasses.fields(TableProgram)} - NOT_COVERED))
def test_the_digest_covers_every_field_of_a_compiled_table(name: str) -> None:
    program = compile_circuit(kitchen_sink()[0])
    table = dataclasses.replace(program.tables[0], **{name: other(getattr(program.tables[0], name))})
    made = program_digest(program.publics, program.max_degree, [table], program.schedule)
    assert made.tolist() != program.digest.tolist()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Schedule)])
def test_the_digest_covers_the_verifiers_schedule(name: str) -> None:
    program = compile_circuit(kitchen_sink()[0])
    part = getattr(program.schedule, name)
    schedule = dataclasses.replace(program.schedule, **{name: part[::-1]})
    assert (
        program_digest(program.publics, program.max_degree, program.tables, schedule).tolist()
        != program.digest.tolist()
    )
