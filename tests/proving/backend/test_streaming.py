"""Where polynomials are kept in place of extended columns, everything computed from them is the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from proving import keys
from proving.backend import streamed
from proving.backend.cpu import cpu_backend
from proving.backend.interface import Backend
from proving.backend.native import NativeBackend
from proving.backend.streamed import Streamed
from proving.backend.streaming import StreamingBackend
from proving.machine.main_vm.expand import prepare
from proving.recursion import witness
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.prover import prove
from tests.proving.elements import random_elements
from tests.proving.machine.main_vm import segments
from tests.proving.recursion import every_table
from tests.proving.stark import toy

KEPT = NativeBackend()
SHIFT = 7
Words = npt.NDArray[np.uint64]


@pytest.fixture(params=[1, 40_000, 1 << 26])
def small_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns one by one, a few, or all of them at a time."""
    monkeypatch.setattr(streamed, "PIECE_BYTES", request.param)


def streaming() -> StreamingBackend:
    return StreamingBackend(0)


@pytest.mark.usefixtures("each_isa", "small_pieces")
@pytest.mark.parametrize(
    ("columns", "log_rows", "log_blowup"), [(1, 3, 2), (13, 6, 2), (40, 8, 1), (5, 7, 3), (3, 5, 0)]
)
def test_an_extension_is_its_cosets(columns: int, log_rows: int, log_blowup: int) -> None:
    trace = random_elements(1, columns, 1 << log_rows)
    expected = KEPT.lde(trace, log_blowup, SHIFT)
    found = streaming().lde(trace, log_blowup, SHIFT)
    assert isinstance(found, Streamed) and found.shape == expected.shape
    np.testing.assert_array_equal(found.whole(), expected)
    cosets = [found.coset(number) for number in range(found.cosets)]
    np.testing.assert_array_equal(np.concatenate(cosets, axis=1), expected)
    indices = np.random.default_rng(2).integers(0, expected.shape[1], 20)
    np.testing.assert_array_equal(found.rows(indices), expected[:, indices].T)


@pytest.mark.usefixtures("each_isa", "small_pieces")
@pytest.mark.parametrize("kept", [set[int](), {0}, {1, 3}, {2, 4}])
def test_trees_over_streamed_and_kept_columns_are_the_same(kept: set[int]) -> None:
    heights = [(7, 6), (30, 6), (12, 6), (3, 5), (25, 4)]
    traces = [random_elements(k, columns, 1 << log_rows) for k, (columns, log_rows) in enumerate(heights)]
    whole = [KEPT.lde(trace, 2, SHIFT) for trace in traces]
    mixed = [
        extended if number in kept else Streamed.of_trace(trace, 2, SHIFT)
        for number, (trace, extended) in enumerate(zip(traces, whole, strict=True))
    ]
    expected, found = KEPT.commit(whole, 2), streaming().commit(mixed, 2)
    for level, same in zip(expected.levels, found.levels, strict=True):
        np.testing.assert_array_equal(level, same)
    twice = [mixed[0], mixed[0], mixed[2], mixed[2]]
    np.testing.assert_array_equal(
        streaming().commit(twice, 2).cap, KEPT.commit([whole[0], whole[0], whole[2], whole[2]], 2).cap
    )
    indices = np.random.default_rng(3).integers(0, 1 << 8, 30)
    one, other = expected.open(indices), found.open(indices)
    np.testing.assert_array_equal(one.path, other.path)
    for rows, same in zip(one.rows, other.rows, strict=True):
        np.testing.assert_array_equal(rows, same)


@pytest.mark.usefixtures("each_isa")
def test_openings_and_combinations_are_the_same() -> None:
    trace, point, weights = random_elements(4, 9, 64), random_elements(5, 3), random_elements(6, 9, 3)
    whole, found = KEPT.lde(trace, 2, SHIFT), streaming().lde(trace, 2, SHIFT)
    expected = KEPT.open_at(whole, 2, SHIFT, point)
    np.testing.assert_array_equal(streaming().open_at(found, 2, SHIFT, point), expected)
    combined = KEPT.linear_combination(whole, weights)
    np.testing.assert_array_equal(streaming().linear_combination(found, weights), combined)


def both(key: Key, publics: Words, traces: object, *, kept_below: int) -> None:
    made = prove(key, toy.QUICK, publics, traces, StreamingBackend(kept_below))  # type: ignore[arg-type]
    assert made == prove(key, toy.QUICK, publics, traces, KEPT)  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("kept_below", [0, 1 << 12, 1 << 40])
def test_a_proof_has_the_same_bytes(kept_below: int) -> None:
    publics, traces = toy.traces()
    both(toy.key(), publics, traces, kept_below=kept_below)


def test_a_segments_proof_has_the_same_bytes() -> None:
    expansion, publics = prepare(segments.everything())
    both(toy.with_quick(keys.proving_key(keys.MAIN_VM)), publics, expansion, kept_below=0)


def test_a_recursion_proof_has_the_same_bytes() -> None:
    compiled, _, publics = every_table.made()
    heights = compiled.log_heights
    key = toy.with_quick(build_key(compiled.circuit, backend=KEPT, log_blowup=3, max_log_heights=heights))
    expansion = witness.prepare(compiled.program, publics, every_table.hints(publics))
    both(key, publics, expansion, kept_below=0)


def test_what_proves_follows_from_the_budget() -> None:
    chosen = cpu_backend(1000)
    assert chosen.within(1000) is chosen
    lean = chosen.within(1001)
    assert isinstance(lean, StreamingBackend) and lean.within(1 << 60) is lean
    free = cpu_backend()
    assert free.within(1) is free and isinstance(free.within(1 << 60), StreamingBackend)
    alone: Backend = NativeBackend()
    assert alone.within(1 << 60) is alone
