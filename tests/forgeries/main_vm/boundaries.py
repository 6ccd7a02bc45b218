"""Segments whose boundary lies: complete traces, consistent but for one rule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from proving.hash import compress
from proving.machine.main_vm.expand import assemble, compression_inputs
from proving.machine.records import Records
from proving.stark.air.fuzzer import Rule
from proving.stark.air.graph import P
from proving.stark.air.removal import Forgery
from tests.proving.machine.main_vm import segments
from tests.proving.machine.programs import counting_loop

ASKED, START, BEFORE, AFTER, END, ANSWERED = range(6)


def _forgery(name: str, records: Records, edits: dict[tuple[int, int], int]) -> Forgery:
    """The segment's traces with other inputs of the boundary's compressions, their digests recomputed."""
    parts = compression_inputs(records)
    for (row, lane), value in edits.items():
        parts["boundary"][row, lane] = value % P
    traces, publics = assemble(records, parts)
    halted = int(parts["boundary"][END, 11])
    clk = int(records.boundary[3])
    traces["boundary"][21, END] = pow(clk - 1 + halted, P - 2, P)
    return Forgery(name, traces, publics)


def cut(size_class: int = 12) -> Records:
    """The first segment of a longer run, which does not halt."""
    return segments.records(counting_loop(3000), size_class=size_class)[0]


def forgeries() -> Iterator[tuple[Rule, Forgery]]:
    """Each with the only rule that it breaks."""
    records = segments.records([*segments.load_edges(), 0x0000006F])[0]
    inputs = compression_inputs(records)["boundary"]

    def case(name: str, edits: dict[tuple[int, int], int]) -> tuple[Rule, Forgery]:
        return Rule("boundary", "constraint", name), _forgery(name, records, edits)

    for i in range(4):
        yield case(f"R at the start {i}", {(START, i): int(inputs[START, i]) + 1})
        yield case(f"R at the end {i}", {(END, i): int(inputs[END, i]) + 1})
        yield case(f"Q at the start {i}", {(START, 4 + i): int(inputs[START, 4 + i]) + 1})
        yield case(f"Q at the end {i}", {(END, 4 + i): int(inputs[END, 4 + i]) + 1})
        rule, late = case(f"no request of type {i} was made at the start", {})
        late.traces["boundary"][20 + i, [ASKED, ANSWERED]] = 1
        yield rule, late
        yield case(f"state padding {i}", {(END, 12 + i): 1})
    yield case("state tag", {(START, 8): 0})
    yield case("state version", {(END, 9): 2})
    yield case("no segment starts halted", {(START, 11): 1})
    rule, twice = case("halted is a boolean", {(END, 11): 2})
    halt = int(np.flatnonzero(records.decode[:, 1] == 0x6F)[0])
    twice.traces["decode"][1, halt] = 2
    yield rule, twice
    yield Rule("boundary", "interaction", "halt"), _forgery("halts early", cut(), {(END, 11): 1})


def changed_requests() -> Forgery:
    """A segment that adds to a request chain without a request."""
    records = segments.records([*segments.load_edges(), 0x0000006F])[0]
    lanes = compression_inputs(records)["boundary"][ANSWERED].copy()
    lanes[1] = 7
    digest = compress(lanes[np.newaxis])[0]
    edits = {(END, 4 + i): int(digest[i]) for i in range(4)}
    return _forgery("changed requests", records, {(ANSWERED, 1): 7, **edits})
