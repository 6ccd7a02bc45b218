"""Turns of rows that lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from proving.backend import native_expansion
from proving.circuits.basic import BasicCircuit
from proving.circuits.requests import absorb, blocks, empty_chain, pack
from proving.stark.air import check
from tests.forgeries.circuits.rows import Bench, Changes

CUT_OFF = "a turn that is cut off is no request"


def cases(
    bench: Callable[[int], Bench], middle: int, count: int, kept: Iterable[str] = (), answer: int | None = None
) -> Iterator[tuple[str, int, Changes]]:
    """Name of a rule of `Steps`, a row, and changes that this rule alone notices.

    Parameters
    ----------
    middle : a row in the middle of a request
    count : rows of a turn
    answer : the row of a turn that gives the answer, if it is not the last one
    """
    for i in range(count):
        behind = f"step[{(i + 1) % count}]"
        yield f"step {i} comes in its turn", middle, {(f"step[{i}]", 1): 1}
        step = -1 if i == 0 else 1
        yield f"the first row: step {i}", 0, {(f"step[{i}]", 0): step, (behind, 1): step}
        if i in (0, count - 1 if answer is None else answer):
            yield f"step[{i}] is boolean", middle, {(f"step[{i}]", 0): 2, (behind, 1): 2}
    yield CUT_OFF, bench(0).function.height - 1, {("real", 0): 1}
    yield "real is boolean", middle, {("real", 0): 1, ("real", 1): 1}
    yield "real is the same on all rows", middle, {("real", 1): -1}
    for name in ("position", *kept):
        yield f"{name} is the same on all rows", middle, {(name, 1): 1}


def noticed_without_output(circuit: BasicCircuit, count: int) -> set[str]:
    """Rules that notice a request which the table's end cuts off; its inputs stand on the chain, without an output."""
    width = circuit.layout.input_words
    words = np.random.default_rng(7).integers(0, 2**32, (circuit.capacities[0], width), dtype=np.uint32)
    start = empty_chain(circuit.kind)
    traces, _ = circuit.expand(start, words)
    absorbed = np.concatenate([blocks(words, circuit.answer(words)), pack(np.zeros((1, width), dtype=np.uint32))[0]])
    digests = absorb(start, absorbed)
    names = circuit.circuit.table(circuit.name).main_names
    cut = slice(count * len(words), None)
    traces[circuit.name][names.index("real"), cut] = 1
    traces[circuit.name][names.index("position"), cut] = len(words) * circuit.layout.blocks
    traces["chain"] = np.zeros((traces["chain"].shape[0], 2 * traces["chain"].shape[1]), dtype=np.uint64)
    native_expansion.fill_chain(traces["chain"], absorbed, digests)
    return {violation.name for violation in check(circuit.circuit, traces, np.concatenate([start, digests[-1]]))}
