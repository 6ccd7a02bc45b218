"""Counts that a message could cancel with cannot be written down, and why that matters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from proving.stark.air import AirError, Bus, Circuit, Column, Operand, Table, TableBuilder, check
from proving.stark.air.graph import P
from proving.stark.errors import ProofRefused
from proving.stark.generate import build_key
from proving.stark.prover import prove
from proving.stark.verifier import verify
from tests.proving.stark import toy
from tests.proving.stark.air.circuits import Traces

Build = Callable[[TableBuilder], None]
Count = Callable[[TableBuilder], Operand]
PLAIN = Bus(0, 1, name="plain")
LOOKED_UP = Bus(1, 1, kind="lookup", name="looked_up")
WIRE = Bus(2, 2, kind="wire", name="wire")
HEIGHT = 64
ROWS = np.arange(HEIGHT, dtype=np.uint64)


class Made(Table):
    """A table from a function."""

    def __init__(self, build: Build, name: str = "made") -> None:
        self.name = name
        self._build = build

    def build(self, t: TableBuilder) -> None:
        self._build(t)


def provider(t: TableBuilder) -> None:
    t.receive(LOOKED_UP, [t.preprocessed("value", ROWS)], t.main("count"))


def with_count(count: Count, bus: Bus = PLAIN) -> Circuit:
    """A circuit with one message of that count, and what its bus needs beside it."""

    def build(t: TableBuilder) -> None:
        t.send(bus, [t.main("message")], count(t))

    return Circuit("made", [Made(build), Made(provider, "provider")] if bus is LOOKED_UP else [Made(build)])


def flags(t: TableBuilder, count: int) -> list[Column]:
    made = t.main_array("flag", count)
    t.exclusive(made, "one of them")
    return made


def bits(t: TableBuilder, *names: str) -> list[Column]:
    made = [t.main(name) for name in names]
    for bit in made:
        t.boolean(bit)
    return made


def known_times_guarded(t: TableBuilder) -> Operand:
    fourth, value = t.periodic("fourth", [1, 0, 0, 0]), t.main("value")
    t.when(fourth).boolean(value, "a boolean on every fourth row")
    return fourth * value


def masked_sum(t: TableBuilder) -> Operand:
    first, second, third = flags(t, 3)
    (masked,) = bits(t, "masked")
    return first + second * masked + third


PROVEN: dict[str, Count] = {
    "zero": lambda t: 0,
    "one": lambda t: 1,
    "a boolean": lambda t: bits(t, "a")[0],
    "its complement": lambda t: 1 - bits(t, "a")[0],
    "a product of booleans": lambda t: bits(t, "a")[0] * bits(t, "b")[0],
    "the first row": lambda t: t.first,
    "all rows but the last": lambda t: 1 - t.last,
    "the sum of exclusive flags": lambda t: sum(flags(t, 4)[1:], t.constant(0)),
    "exclusive flags, one of them masked": masked_sum,
    "a periodic column of 0 and 1": lambda t: t.periodic("p", [0, 1]),
    "an expression of periodic columns": lambda t: t.periodic("p", [5, 6]) - t.periodic("q", [4, 6]),
    "a boolean under a known condition": known_times_guarded,
    "a preprocessed column of 0 and 1": lambda t: t.preprocessed("p", ROWS % np.uint64(2)),
}

SIGNED: dict[str, Count] = {
    "minus a boolean": lambda t: -bits(t, "a")[0],
    "the difference of booleans": lambda t: bits(t, "a")[0] - bits(t, "b")[0],
    "a boolean with a fixed sign": lambda t: bits(t, "a")[0] * (2 * t.periodic("p", [0, 1]) - 1),
    "minus one": lambda t: -1,
}


def unproven_under_condition(t: TableBuilder) -> Operand:
    condition, value = t.main("condition"), t.main("value")
    t.when(condition).boolean(value, "a boolean where a free cell says so")
    return condition * value


def one_flag_twice(t: TableBuilder) -> Operand:
    first, second, _ = flags(t, 3)
    return first + second + first


def flags_of_two_sets(t: TableBuilder) -> Operand:
    first, second = flags(t, 2)
    other = t.main_array("other", 2)
    t.exclusive(other, "one of the others")
    return first + second + other[0]


REFUSED: dict[str, tuple[Count, str]] = {
    "a free cell": (lambda t: t.main("a"), "a free value"),
    "half": (lambda t: (P + 1) // 2, "a value in"),
    "two": (lambda t: 2, r"a value in 2\.\.2"),
    "a free cell times a boolean": (lambda t: t.main("a") * bits(t, "b")[0], "a free value"),
    "two booleans that may both be 1": (lambda t: bits(t, "a")[0] + bits(t, "b")[0], r"a value in 0\.\.2"),
    "one flag twice": (one_flag_twice, r"a value in 0\.\.2"),
    "flags of two sets": (flags_of_two_sets, r"a value in 0\.\.2"),
    "a public input": (lambda t: t.public(0), "a free value"),
    "a condition that is free": (unproven_under_condition, "a free value"),
    "a boolean plus one": (lambda t: bits(t, "a")[0] + 1, r"a value in 1\.\.2"),
    "a periodic column of larger numbers": (lambda t: t.periodic("p", [0, 3]), r"a value in 0\.\.3"),
    "a preprocessed column of larger numbers": (lambda t: t.preprocessed("p", ROWS), r"a value in 0\.\.63"),
}


@pytest.mark.parametrize("count", PROVEN.values(), ids=PROVEN)
@pytest.mark.parametrize("bus", [PLAIN, LOOKED_UP], ids=["permutation", "lookup"])
def test_counts_that_follow_from_constraints_are_taken(count: Count, bus: Bus) -> None:
    assert with_count(count, bus)


@pytest.mark.parametrize("count", SIGNED.values(), ids=SIGNED)
def test_a_sign_is_for_permutation_buses_only(count: Count) -> None:
    assert with_count(count)
    with pytest.raises(AirError, match=r"a value in -1\.\."):
        with_count(count, LOOKED_UP)


@pytest.mark.parametrize(("count", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("bus", [PLAIN, LOOKED_UP], ids=["permutation", "lookup"])
def test_counts_that_the_prover_could_choose_are_refused(count: Count, message: str, bus: Bus) -> None:
    def build(t: TableBuilder) -> None:
        t.send(bus, [t.main("message")], count(t))

    with pytest.raises(AirError, match=message):
        Circuit("made", [Made(build), Made(provider, "provider")], publics=1)


def test_the_constraints_of_exclusive_flags_leave_one() -> None:
    circuit = with_count(lambda t: sum(flags(t, 3), t.constant(0)))
    names = {constraint.name for constraint in circuit.table("made").constraints}
    assert names == {"flag[0] is boolean", "flag[1] is boolean", "flag[2] is boolean", "one of them"}
    two = np.zeros((4, HEIGHT), dtype=np.uint64)
    two[1:3, 5] = 1
    assert "one of them" in {violation.name for violation in check(circuit, {"made": two})}
    with pytest.raises(AirError, match="named twice"):
        with_count(lambda t: t.exclusive([bits(t, "a")[0]] * 2, "one"))


# Why: circuits that say what the language refuses, made by changing the finished description.


def accepted(circuit: Circuit, traces: Traces) -> bool:
    """Whether the row engine and the verifier of real proofs accept the traces; they must agree."""
    made = build_key(circuit, backend=toy.backend(), log_blowup=2, max_log_heights=dict.fromkeys(traces, 6))
    key = toy.with_quick(made)
    nothing = np.zeros(0, dtype=np.uint64)
    proof = prove(key, toy.QUICK, nothing, traces, toy.backend())
    try:
        verify(key, toy.QUICK, nothing, proof)
    except ProofRefused:
        assert check(circuit, traces)
        return False
    assert not check(circuit, traces)
    return True


def asking(t: TableBuilder) -> None:
    value, asks = t.main("value"), t.main("asks")
    t.boolean(asks)
    t.send(LOOKED_UP, [value], asks)


def test_a_lookup_with_a_free_count_would_check_nothing() -> None:
    circuit = Circuit("free", [Made(asking, "user"), Made(provider, "values")])
    user = np.zeros((2, HEIGHT), dtype=np.uint64)
    user[0] = 2**40
    user[1, :2] = 1, P - 1
    traces = {"user": user, "values": np.zeros((1, HEIGHT), dtype=np.uint64)}
    assert not accepted(circuit, traces)
    circuit.table("user").constraints.clear()
    assert accepted(circuit, traces)


def halves(count: int) -> Circuit:
    def receiving(t: TableBuilder) -> None:
        value, used = t.main("value"), t.main("used")
        t.boolean(used)
        t.receive(PLAIN, [value], used)

    return Circuit("halves", [Made(lambda t: t.send(PLAIN, [t.main("value")], count), "a"), Made(receiving, "b")])


def test_constants_that_wrap_would_balance_other_numbers_of_messages() -> None:
    with pytest.raises(AirError, match="a value in"):
        halves((P + 1) // 2)
    received = np.zeros((2, HEIGHT), dtype=np.uint64)
    received[:, : HEIGHT // 2] = [[5], [1]]
    traces = {"a": np.full((1, HEIGHT), 5, dtype=np.uint64), "b": received}
    circuit = halves(1)
    assert not accepted(circuit, traces)
    table = circuit.table("a")
    table.interactions[0] = dataclasses.replace(table.interactions[0], count=table.constant((P + 1) // 2))
    assert accepted(circuit, traces)


def exclusive_sender(t: TableBuilder) -> None:
    left, right = t.main("left"), t.main("right")
    t.exclusive([left, right], "one of them")
    t.send(PLAIN, [t.main("value")], left + right)


def test_flags_that_exclude_each_other_send_one_message() -> None:
    def receiving(t: TableBuilder) -> None:
        t.receive(PLAIN, [t.main("value")])

    circuit = Circuit("flags", [Made(exclusive_sender, "a"), Made(receiving, "b")])
    sent = np.zeros((3, HEIGHT), dtype=np.uint64)
    sent[:2, : HEIGHT // 2] = 1
    traces = {"a": sent, "b": np.zeros((1, HEIGHT), dtype=np.uint64)}
    assert not accepted(circuit, traces)
    table = circuit.table("a")
    table.constraints[:] = [constraint for constraint in table.constraints if constraint.name != "one of them"]
    assert accepted(circuit, traces)


# Wires


def wires(
    times: npt.ArrayLike, addresses: npt.ArrayLike = ROWS, read: npt.ArrayLike | None = None, more: Build | None = None
) -> Circuit:
    """Wires of which each row writes one; row i of the reader reads `read[i]`, or what its witness says."""

    def writing(t: TableBuilder) -> None:
        t.send(WIRE, [t.preprocessed("address", addresses), t.main("value")], t.preprocessed("times", times))

    def reading(t: TableBuilder) -> None:
        address = t.main("address") if read is None else t.preprocessed("address", read)
        t.receive(WIRE, [address, t.main("value")])

    tables = [Made(writing, "writer"), Made(reading, "reader")]
    return Circuit("wires", [*tables, *([] if more is None else [Made(more, "more")])])


def counted(read: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return np.bincount(read.astype(np.int64), minlength=HEIGHT).astype(np.uint64)


READ = (ROWS * ROWS) % np.uint64(23)


def test_a_reader_has_what_the_writer_wrote() -> None:
    circuit = wires(counted(READ), read=READ)
    values = ROWS * np.uint64(1000) + np.uint64(3)
    traces = {"writer": values[None, :].copy(), "reader": values[READ.astype(np.int64)][None, :].copy()}
    assert accepted(circuit, traces)
    traces["reader"][0, 7] += np.uint64(1)
    assert not accepted(circuit, traces)


def test_a_reader_that_chooses_its_wire_has_what_was_written_there() -> None:
    circuit = wires(counted(READ))
    values = ROWS * np.uint64(1000) + np.uint64(3)
    reader = np.stack([READ, values[READ.astype(np.int64)]])
    traces = {"writer": values[None, :].copy(), "reader": reader[:, ::-1].copy()}
    assert accepted(circuit, traces)
    traces["reader"][1, :2] = traces["reader"][1, 1::-1].copy()
    assert not accepted(circuit, traces)


def test_two_writers_would_let_readers_choose() -> None:
    twice = ROWS // np.uint64(2)
    with pytest.raises(AirError, match="wire 0 has two writers"):
        wires(np.ones(HEIGHT), addresses=twice)
    circuit = wires(np.ones(HEIGHT, dtype=np.uint64))
    table = circuit.table("writer")
    table.preprocessed_values[0] = twice
    values = ROWS + np.uint64(100)
    reader = np.stack([np.repeat(twice[::2], 2), values])
    traces = {"writer": values[None, :].copy(), "reader": reader}
    assert accepted(circuit, traces)
    reader[1, 0::2], reader[1, 1::2] = values[1::2].copy(), values[0::2].copy()
    assert accepted(circuit, traces)


def again(t: TableBuilder) -> None:
    t.send(WIRE, [t.preprocessed("address", ROWS + np.uint64(63)), t.main("value")], t.preprocessed("times", ROWS < 1))


def test_what_the_key_must_fix_is_refused_otherwise() -> None:
    assert wires(ROWS < 3)
    for build, message in (
        (lambda: wires(np.ones(HEIGHT), more=again), "wire 63 has two writers"),
        (lambda: wires(counted(READ) + (ROWS == 5), read=READ), "wire 5 is read 0 times, its multiplicity is 1"),
        (lambda: wires(counted(READ)[::-1].copy(), read=READ), r"wire 0 is read \d+ times"),
        (lambda: wires(np.full(HEIGHT, 2**34)), "2\\^40 or more"),
        (lambda: wires(np.where(ROWS == 3, P - 1, 0).astype(np.uint64)), "2\\^40 or more"),
        (lambda: Circuit("w", [Made(again, "w")]), "wire bus wire has one side only"),
    ):
        with pytest.raises(AirError, match=message):
            build()


@pytest.mark.parametrize(
    ("writing", "message"),
    [
        (lambda t: t.send(WIRE, [t.main("address"), 1], t.preprocessed("p", ROWS)), "address is not fixed by the key"),
        (lambda t: t.send(WIRE, [t.preprocessed("p", ROWS), 1], t.main("times")), "not fixed by the key"),
        (lambda t: t.send(WIRE, [t.periodic("p", range(64)), t.main("value")], 1), "not fixed by the key"),
    ],
)
def test_a_writer_is_fixed_by_the_key(writing: Build, message: str) -> None:
    def reading(t: TableBuilder) -> None:
        t.receive(WIRE, [t.main("address"), t.main("value")])

    with pytest.raises(AirError, match=message):
        Circuit("wires", [Made(writing, "writer"), Made(reading, "reader")])


def test_a_reader_counts_once() -> None:
    def reading(t: TableBuilder) -> None:
        t.receive(WIRE, [t.main("address"), t.main("value")], 2)

    with pytest.raises(AirError, match="a value in"):
        Circuit("wires", [Made(again, "writer"), Made(reading, "reader")])
