from __future__ import annotations

import dataclasses

import pytest

from proving.stark.air import Circuit, Table, TableBuilder
from proving.stark.errors import KeyRefused, SecurityBelowProfile, UnknownProfile
from proving.stark.generate import build_key
from proving.stark.key import count_facts, key_digest
from proving.stark.shape import TableLayout
from tests.proving.stark import toy

TOY = toy.circuit()
BOUNDS = {"fibonacci": 12, "sink": 10}


def test_the_digest_covers_everything_that_the_parties_must_share() -> None:
    class Other(toy.Squares):
        def __init__(self) -> None:
            super().__init__(7)
            self.rows = 128

    def digest(circuit: Circuit = TOY, log_blowup: int = 2, **bounds: int) -> tuple[int, ...]:
        made = build_key(circuit, backend=toy.backend(), log_blowup=log_blowup, max_log_heights={**BOUNDS, **bounds})
        return tuple(int(word) for word in made.digest)

    tables = [toy.Fibonacci(), toy.Sink()]
    digests = [
        digest(),
        digest(fibonacci=13),
        digest(sink=11),
        digest(log_blowup=3),
        digest(toy.circuit(5, 8)),
        digest(Circuit("toy", [*tables, toy.Squares(7)], publics=4, max_degree=5)),
        digest(Circuit("toy", [tables[1], tables[0], toy.Squares(7)], publics=3, max_degree=5)),
    ]
    assert len(set(digests)) == len(digests)
    assert digest(Circuit("another name", [*tables, Other()], publics=3, max_degree=5)) == digests[0]


def other(value: object) -> object:
    if isinstance(value, tuple):
        return (*value, 0)
    assert value is None or isinstance(value, int)
    return 7 if value is None else value + 1


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(TableLayout) if field.name != "name"])
def test_the_digest_covers_every_field_of_a_layout(name: str) -> None:
    key = toy.key()
    table = dataclasses.replace(key.layout.tables[0], **{name: other(getattr(key.layout.tables[0], name))})
    layout = dataclasses.replace(key.layout, tables=(table, *key.layout.tables[1:]))
    made = [key_digest(part, key.program, key.reports, key.preprocessed_cap).tolist() for part in (key.layout, layout)]
    assert made[0] != made[1]


def test_the_digest_covers_the_preprocessed_values() -> None:
    class Wrong(toy.Squares):
        def build(self, t: toy.TableBuilder) -> None:
            values = toy.np.arange(self.rows, dtype=toy.np.uint64)
            squares = values * values
            squares[5] += toy.np.uint64(1)
            t.receive(toy.SQUARES, [t.preprocessed("k", values), t.preprocessed("square", squares)], t.main("count"))

    circuit = Circuit("toy", [toy.Fibonacci(), toy.Sink(), Wrong(7)], publics=3, max_degree=5)
    made = build_key(circuit, backend=toy.backend(), log_blowup=2, max_log_heights=BOUNDS)
    assert made.program.digest.tolist() == toy.key().program.digest.tolist()
    assert made.digest.tolist() != toy.key().digest.tolist()


def test_bounds_must_name_every_table_and_stay_in_range() -> None:
    for bounds in ({"sink": 8}, {"fibonacci": 25, "sink": 8}, {"fibonacci": 5, "sink": 8}):
        with pytest.raises(KeyRefused):
            build_key(toy.circuit(), backend=toy.backend(), log_blowup=2, max_log_heights=bounds)


def test_degrees_must_fit_the_rate() -> None:
    class Steep(Table):
        name = "steep"

        def build(self, t: TableBuilder) -> None:
            x = t.main("x")
            t.zero("fourth power", x * x * x * x - 1)

    circuit = Circuit("steep", [Steep()], max_degree=5)
    with pytest.raises(KeyRefused, match="do not fit a rate"):
        build_key(circuit, backend=toy.backend(), log_blowup=1, max_log_heights={"steep": 8})


@pytest.mark.parametrize("log_blowup", [0, 9])
def test_the_rate_must_have_a_domain(log_blowup: int) -> None:
    with pytest.raises(KeyRefused, match="outside 1/2"):
        build_key(toy.circuit(), backend=toy.backend(), log_blowup=log_blowup, max_log_heights=BOUNDS)


def test_a_profile_out_of_reach_is_an_error_at_key_generation() -> None:
    with pytest.raises(SecurityBelowProfile):
        build_key(
            toy.circuit(),
            backend=toy.backend(),
            log_blowup=6,
            max_log_heights={"fibonacci": 24, "sink": 22},
            profiles=["proven128"],
        )


def test_the_facts_are_counted_from_the_largest_shape() -> None:
    key = toy.key()
    facts = count_facts(key.layout.largest())
    assert facts.log_height == 12
    assert facts.interactions == 2**12 + 2 * 2**10 + 2**7
    assert facts.arity == 2
    assert facts.constraints == key.program.constraint_count
    assert facts.batched == key.layout.largest().batched


def test_a_key_knows_its_profiles() -> None:
    key = build_key(toy.circuit(), backend=toy.backend(), log_blowup=2, max_log_heights=BOUNDS, profiles=["proven100"])
    assert list(key.reports) == ["proven100"]
    with pytest.raises(UnknownProfile):
        key.parameters("proven128")
    assert key.digest.tolist() != toy.key().digest.tolist()
    assert len(key.hex) == 64
    assert dataclasses.replace(key).hex == key.hex
