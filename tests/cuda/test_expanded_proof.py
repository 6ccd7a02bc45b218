"""Proofs made on a device from records, requests and wires: the CPU's bytes, and no trace that it expands crosses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from cuda.backend import CudaBackend
from cuda.traffic import Crossing
from proving import keys
from proving.backend.expansion import Expansion, RecursionExpansion, RequestExpansion, SegmentExpansion
from proving.backend.native import NativeBackend
from proving.circuits.arith256 import ARITH256
from proving.circuits.requests import empty_chain
from proving.machine.main_vm.expand import prepare
from proving.recursion import witness
from proving.stark.generate import build_key
from proving.stark.key import Key
from proving.stark.prover import prove
from proving.stark.shape import Phase
from tests.proving.circuits.proofs import small_key
from tests.proving.machine.main_vm import segments
from tests.proving.recursion import every_table
from tests.proving.stark import toy

WORD = 8
Publics = npt.NDArray[np.uint64]


def bytes_of(expansion: Expansion) -> int:
    """What an expansion takes on the bus: words of 32 bits in pairs."""
    halves: list[npt.NDArray[np.uint32]]
    whole: list[npt.NDArray[np.uint64]]
    match expansion:
        case SegmentExpansion():
            halves = [*(family.records for family in expansion.families), expansion.counts, expansion.calls]
            halves += [expansion.pages, expansion.decode, expansion.blocks, expansion.nodes]
            whole = [expansion.inputs, expansion.constants, expansion.boundary]
        case RequestExpansion():
            halves, whole = [expansion.inputs], [expansion.absorbed, expansion.digests]
        case RecursionExpansion():
            halves, whole = [], [expansion.hashed, *expansion.tables.values()]
        case _:
            raise AssertionError
    return sum(array.nbytes for array in whole) + sum(WORD * (array.size + 1 >> 1) for array in halves)


def cells(expansion: Expansion) -> int:
    """Bytes of the traces."""
    return sum(WORD * columns * rows for columns, rows in expansion.shapes.values())


def proven(backend: CudaBackend, key: Key, expansion: Expansion, publics: Publics) -> tuple[Crossing, int, int]:
    """Prove on both; what crossed for the main columns, how many there are, and the words of their cap."""
    traces = NativeBackend().expand(expansion)
    expected = prove(key, toy.QUICK, publics, traces, NativeBackend())
    key.prepared(backend)
    backend.traffic.phases.clear()
    crossing, shapes = bytes_of(expansion), dict(expansion.shapes)
    made = prove(key, toy.QUICK, publics, expansion, backend, progress=backend.traffic.begin, consume=True)
    assert made == expected

    main = backend.traffic.phases["main"]
    heights = tuple(shapes[table.name][1].bit_length() - 1 for table in key.layout.tables)
    tree = key.layout.shape(heights).trees[Phase.MAIN]
    assert (main.arrays_in, main.arrays_out) == (crossing, 0)
    others = [crossed for phase, crossed in backend.traffic.phases.items() if phase not in ("", "main")]
    assert sum(crossed.arrays_in for crossed in others) == 0
    return main, sum(matrix.columns for matrix in tree.matrices), 4 << tree.log_rows - 2 * tree.depth


def test_a_segment_of_main_vm_equals_the_native_one_and_sends_its_records(backend: CudaBackend) -> None:
    key = toy.with_quick(keys.proving_key(keys.MAIN_VM))
    expansion, publics = prepare(segments.records(segments.immediates())[0])
    assert bytes_of(expansion) < cells(expansion) / 10
    main, columns, cap = proven(backend, key, expansion, publics)
    assert not expansion.families
    # Addresses of columns, and what the kernels of the segment share; the cap, and what was refused.
    assert (main.small_in, main.small_out) == (WORD * (columns + 11), WORD * (cap + 2))


def test_requests_equal_the_native_proof_and_send_their_inputs_and_chain(backend: CudaBackend) -> None:
    key = toy.with_quick(small_key(ARITH256))
    random = np.random.default_rng(8)
    words = random.integers(0, 2**32, (ARITH256.capacities[0], ARITH256.layout.input_words), dtype=np.uint32)
    expansion, publics = ARITH256.prepare(empty_chain(ARITH256.kind), words)
    assert bytes_of(expansion) < cells(expansion) / 40
    main, columns, cap = proven(backend, key, expansion, publics)
    assert (main.small_in, main.small_out) == (WORD * columns, WORD * cap)


def test_recursion_equals_the_native_proof_and_sends_what_is_compressed(backend: CudaBackend) -> None:
    compiled, _, publics = every_table.made()
    heights = compiled.log_heights
    key = toy.with_quick(build_key(compiled.circuit, backend=NativeBackend(), log_blowup=3, max_log_heights=heights))
    expansion = witness.prepare(compiled.program, publics, every_table.hints(publics))
    hashed = expansion.hashed.nbytes / (WORD * np.prod(expansion.shapes["hash"]))
    assert hashed == pytest.approx(24 / 165)
    main, columns, cap = proven(backend, key, expansion, publics)
    assert not expansion.tables and not expansion.hashed.size
    assert (main.small_in, main.small_out) == (WORD * columns, WORD * cap)
