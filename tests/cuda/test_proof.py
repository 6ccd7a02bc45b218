"""The prover on the emulated device makes the CPU's bytes, and moves no more between host and device than it must."""

from __future__ import annotations

import pytest

from cuda.backend import CudaBackend
from proving.backend.native import NativeBackend
from proving.backend.program import Bytecode
from proving.stark.prover import PHASES, prove
from proving.stark.shape import Phase
from proving.stark.verifier import verify
from tests.proving.stark import toy

WORD = 8


@pytest.mark.parametrize(("log_blowup", "log_squares", "log_height"), [(2, 7, 8), (1, 6, 9), (3, 8, 8), (2, 9, 8)])
def test_the_proof_equals_the_native_one(
    backend: CudaBackend, log_blowup: int, log_squares: int, log_height: int
) -> None:
    key, publics, expected = toy.proof(log_blowup, log_squares, log_height)
    made = prove(key, toy.QUICK, publics, toy.traces(log_height, log_squares)[1], backend)
    assert made == expected
    verify(key, toy.QUICK, publics, made)


def test_the_shipped_profile_gives_the_same_proof(backend: CudaBackend) -> None:
    publics, traces = toy.traces()
    expected = prove(toy.key(), "proven100", publics, traces, NativeBackend())
    assert prove(toy.key(), "proven100", publics, traces, backend) == expected


def test_bytes_moved_in_each_phase(backend: CudaBackend) -> None:
    key = toy.key()
    publics, traces = toy.traces()
    prove(key, toy.QUICK, publics, traces, backend)
    backend.traffic.phases.clear()
    prove(key, toy.QUICK, publics, traces, backend, progress=backend.traffic.begin)
    phases = backend.traffic.phases
    assert tuple(name for name in phases if name) == PHASES

    layout = key.layout
    shape = layout.shape(tuple(traces[table.name].shape[1].bit_length() - 1 for table in layout.tables))
    heights = [1 << log_height for log_height in shape.log_heights]
    main = [table.main for table in layout.tables]

    # Traces go in once and come back never; no other whole column crosses, in either direction, until the final values.
    traces_in = WORD * sum(c * rows for c, rows in zip(main, heights, strict=True))
    assert (phases["main"].arrays_in, phases["main"].arrays_out) == (traces_in, 0)
    assert (phases["bus"].arrays_in, phases["bus"].arrays_out) == (0, 0)
    assert (phases["quotient"].arrays_in, phases["quotient"].arrays_out) == (0, 0)
    assert (phases["openings"].arrays_in, phases["openings"].arrays_out) == (0, 0)
    assert phases["fri"].arrays_in == 0
    folded = sum(shape.folds)
    assert phases["fri"].arrays_out == 3 * WORD << (shape.log_domain - folded)
    assert (phases["queries"].arrays_in, phases["queries"].arrays_out) == (0, 0)
    caps = {phase: 4 * WORD << (tree.log_rows - 2 * tree.depth) for phase, tree in shape.trees.items()}
    layer_caps = [4 * WORD << (layer.log_rows - 2 * layer.depth) for layer in shape.layers]
    assert phases["main"].small_out == caps[Phase.MAIN]
    # Of each bus table the sum, and whether there was a pole.
    assert phases["bus"].small_out == caps[Phase.BUS] + WORD * 4 * len(shape.bus_tables)
    assert phases["quotient"].small_out == caps[Phase.QUOTIENT]
    assert phases["openings"].small_out == 3 * WORD * shape.opened + WORD  # and the nonce
    # The uniform values of every table's programs and the domain's, then the addresses of columns and of digests.
    tables = key.program.tables
    blowup = 1 << shape.log_blowup
    quotient = sum(pools(table.quotient) + 3 * table.constraint_count + 2 + 2 * blowup for table in tables)
    fractions = sum(pools(table.bus) for table in tables)
    hashed = {phase: sum(matrix.columns for matrix in tree.matrices) for phase, tree in shape.trees.items()}
    lifted = 2 * len(tables) + 1
    assert phases["main"].small_in == WORD * hashed[Phase.MAIN]
    assert phases["bus"].small_in == WORD * (hashed[Phase.BUS] + fractions + 5 * len(shape.bus_tables))
    assert phases["quotient"].small_in == WORD * (quotient + lifted + 2 * hashed[Phase.QUOTIENT])
    assert phases["openings"].small_in == WORD  # where the nonce goes
    # Weights of every column, points with their values and vectors, parts of sums, factors of folds, layers' addresses.
    points = {(group.log_rows, group.next) for group in shape.openings}
    domains = {log_rows for log_rows, _ in points}
    weights = 3 * sum(group.columns for group in shape.openings)
    summed = 5 * (len(shape.openings) - len(points)) + (2 * len(domains) + 1 if len(domains) > 1 else 0)
    folding = sum(3 * fold + (3 << fold) for fold in shape.folds)
    assert phases["fri"].small_in == WORD * (weights + 8 * len(points) + summed + folding + 1)
    assert phases["fri"].small_out == sum(layer_caps) + WORD
    # Indices and addresses for every tree; rows and paths.
    queries = key.parameters(toy.QUICK).queries
    widths = [*hashed.values(), *(3 << fold for fold in shape.folds)]
    depths = [tree.depth for tree in (*shape.trees.values(), *shape.layers)]
    assert phases["queries"].small_in == WORD * sum(queries + width for width in widths)
    opened = sum(width + 12 * depth for width, depth in zip(widths, depths, strict=True))
    assert phases["queries"].small_out == WORD * queries * opened


def pools(code: Bytecode) -> int:
    return int(code.base_pool.size + 3 * code.extension_pool.size)


def test_a_proof_gives_its_memory_back(backend: CudaBackend) -> None:
    publics, traces = toy.traces()
    prove(toy.key(), toy.QUICK, publics, traces, backend)
    backend.give_back()
    # The key keeps its preprocessed columns; everything else is gone.
    kept = backend.pool.used
    assert backend.pool.held == kept < backend.pool.peak
    prove(toy.key(), toy.QUICK, publics, traces, backend)
    backend.give_back()
    assert backend.pool.held == kept
