"""Three tiny circuits with their traces: a Fibonacci sequence, a range lookup, and a memory on a permutation bus."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proving.stark.air import Bus, Circuit, Table, TableBuilder
from proving.stark.air.graph import P

U64 = npt.NDArray[np.uint64]
Traces = dict[str, U64]

RANGE = Bus(0, 1, kind="lookup", name="range")
MEMORY = Bus(1, 3, name="memory")


class Fibonacci(Table):
    """b is the sequence, one term a row; the first two terms and the last one are public."""

    name = "fibonacci"

    def build(self, t: TableBuilder) -> None:
        a, b = t.main("a"), t.main("b")
        t.zero("starts with the first input", t.first * (a - t.public(0)))
        t.zero("starts with the second input", t.first * (b - t.public(1)))
        t.when(t.transition).equal("a takes b", a.next, b)
        t.when(t.transition).equal("b takes the sum", b.next, a + b)
        t.zero("ends with the output", t.last * (b - t.public(2)))


def fibonacci(rows: int = 64) -> tuple[Circuit, Traces, list[int]]:
    """A Fibonacci circuit of degree 2 with a satisfying trace and its public inputs."""
    terms = [3, 5]
    while len(terms) < rows + 1:
        terms.append((terms[-1] + terms[-2]) % P)
    trace = np.array([terms[:rows], terms[1 : rows + 1]], dtype=np.uint64)
    return Circuit("fibonacci", [Fibonacci()], publics=3, max_degree=3), {"fibonacci": trace}, [3, 5, terms[rows]]


class Words(Table):
    """Sixteen-bit words cut into bytes, on the rows where `real` is 1, and a periodic multiple of each."""

    name = "words"

    def build(self, t: TableBuilder) -> None:
        real, low, high, word, weighted = (t.main(n) for n in ("real", "low", "high", "word", "weighted"))
        weight = t.periodic("weight", [1, 2, 3, 4])
        t.boolean(real)
        t.equal("word is made of its bytes", word, low + 256 * high)
        t.equal("weighted word", weighted, weight * word)
        t.send(RANGE, [low], real, "low byte")
        t.send(RANGE, [high], real, "high byte")
        t.when(1 - real).zero("padding is zero", word)
        t.free(real, when=1, reason="which rows are padding is the prover's choice")
        t.free(word, when=1, reason="an input")
        t.free(low, when=1 - real, reason="padding: only the sum of the two bytes is fixed")


class ByteRange(Table):
    """All bytes, once each."""

    name = "byte_range"

    def build(self, t: TableBuilder) -> None:
        value = t.preprocessed("value", np.arange(256, dtype=np.uint64))
        t.receive(RANGE, [value], t.main("multiplicity"), "byte")


def range_lookup(rows: int = 64, real_rows: int = 50, seed: int = 1) -> tuple[Circuit, Traces, list[int]]:
    """A lookup of bytes in a table of another height."""
    rng = np.random.default_rng(seed)
    real = (np.arange(rows) < real_rows).astype(np.uint64)
    low, high = (rng.integers(0, 256, rows, dtype=np.uint64) * real for _ in range(2))
    word = low + np.uint64(256) * high
    weighted = word * (np.arange(rows, dtype=np.uint64) % np.uint64(4) + np.uint64(1))
    counts = np.bincount(np.r_[low[:real_rows], high[:real_rows]].astype(np.int64), minlength=256).astype(np.uint64)
    traces = {"words": np.stack([real, low, high, word, weighted]), "byte_range": counts[None, :].copy()}
    return Circuit("range_lookup", [Words(), ByteRange()], max_degree=3), traces, []


class Access(Table):
    """One memory access a row: takes (address, old, previous time) and puts (address, new, time)."""

    name = "access"

    def build(self, t: TableBuilder) -> None:
        real, write, address, old, new, before, clock = (
            t.main(n) for n in ("real", "write", "address", "old", "new", "before", "clock")
        )
        t.boolean(real)
        t.boolean(write)
        t.when(1 - write).equal("a read keeps the value", new, old)
        t.zero("the clock starts at 1", t.first * (clock - 1))
        t.when(t.transition).equal("the clock runs", clock.next, clock + 1)
        t.receive(MEMORY, [address, old, before], real, "old value")
        t.send(MEMORY, [address, new, clock], real, "new value")
        inverse = t.main("inverse")
        t.zero("a written value is never 7 or 11", write * (new - 7) * (new - 11) * inverse - write)
        t.free(inverse, when=1 - write, reason="nothing is inverted")
        t.chosen(write, when=1, reason="whether something is written is the prover's choice")
        t.chosen(new, when=write, reason="what is written is the prover's choice")
        for column in (write, address, old, new, before):
            t.free(column, when=1 - real, reason="padding accesses nothing")


class Cells(Table):
    """The memory before and after."""

    name = "cells"

    def build(self, t: TableBuilder) -> None:
        address = t.preprocessed("address", np.arange(64, dtype=np.uint64))
        value, time = t.main("value"), t.main("time")
        t.send(MEMORY, [address, 0, 0], 1, "initial")
        t.receive(MEMORY, [address, value, time], 1, "final")


def memory(rows: int = 128, seed: int = 2) -> tuple[Circuit, Traces, list[int]]:
    """A memory argument over two tables, constraints of degree 4, in a circuit of maximum degree 5."""
    rng = np.random.default_rng(seed)
    cells = [(0, 0)] * 64
    columns: list[list[int]] = [[] for _ in range(8)]
    for row in range(rows):
        real, write, address = int(row < rows - 9), int(rng.integers(2)), int(rng.integers(64))
        old, before = cells[address]
        new = int(rng.integers(2**32)) + 12 if write else old
        clock = row + 1
        if real:
            cells[address] = (new, clock)
        inverse = pow((new - 7) * (new - 11), P - 2, P) if write else 0
        for column, value in zip(columns, (real, write, address, old, new, before, clock, inverse), strict=True):
            column.append(value)
    traces = {"access": np.array(columns, dtype=np.uint64), "cells": np.array(cells, dtype=np.uint64).T.copy()}
    return Circuit("memory", [Access(), Cells()], max_degree=5), traces, []


ALL = {"fibonacci": fibonacci, "range_lookup": range_lookup, "memory": memory}


CHAIN = Bus(7, 3, name="chain")


class Everything(Table):
    """Every kind of leaf and operation at once, without a purpose: x is free, y and z follow from it."""

    name = "everything"

    def build(self, t: TableBuilder) -> None:
        x, y, z, w = (t.main(n) for n in ("x", "y", "z", "w"))
        fixed = t.preprocessed("fixed", np.arange(64, dtype=np.uint64) * np.uint64(3))
        slow, fast = t.periodic("slow", range(5, 69)), t.periodic("fast", [9, 4])
        t.zero("y", y - (3 - x) * fast - slow * (x + t.public(1)) + fixed * 5)
        t.zero("z", -(x * x) * x + z)
        t.zero("next", t.transition * (w.next - w - x * fixed * t.public(0) + (2 - w) - (2 - w)))
        t.zero("first", t.first * w)
        t.zero("last", t.last * (t.public(2) - w))
        t.send(CHAIN, [x, 7 - y, t.public(0)], 1, "a")
        t.send(CHAIN, [z * z, w.next, t.first], 1, "b")
        t.send(CHAIN, [t.last, fixed, 3], 1, "c")
        t.receive(CHAIN, [x, 7 - y, t.public(0)], 1, "d")
        t.receive(CHAIN, [z * z, w.next, t.first], 1, "e")
        t.receive(CHAIN, [t.last, fixed, 3], 1, "f")
        t.send(CHAIN, [1, 2, fast], 1, "g")
        t.receive(CHAIN, [1, 2, fast], t.constant(1), "h")


def kitchen_sink(seed: int = 5) -> tuple[Circuit, Traces, list[int]]:
    """A circuit that uses every node kind of the language."""
    rng = np.random.default_rng(seed)
    publics = [17, 23, 0]
    columns: list[list[int]] = [[], [], [], []]
    w = 0
    for row in range(64):
        x, fixed, fast, slow = int(rng.integers(P, dtype=np.uint64)), 3 * row, (9, 4)[row % 2], 5 + row
        y = (3 - x) * fast + slow * (x + publics[1]) - fixed * 5
        for column, value in zip(columns, (x, y, x * x * x, w), strict=True):
            column.append(value % P)
        publics[2] = w
        w = (w + x * fixed * publics[0]) % P
    return Circuit("everything", [Everything()], publics=3), {"everything": np.array(columns, dtype=np.uint64)}, publics


class Without(Table):
    """A table with some of its constraints or interactions left out."""

    def __init__(self, table: Table, *names: str) -> None:
        self.name = table.name
        self._table = table
        self._names = names

    def build(self, t: TableBuilder) -> None:
        self._table.build(t)
        before = len(t.constraints) + len(t.interactions)
        t.constraints[:] = [c for c in t.constraints if c.name not in self._names]
        t.interactions[:] = [i for i in t.interactions if i.name not in self._names]
        assert before - len(t.constraints) - len(t.interactions) == len(self._names)
