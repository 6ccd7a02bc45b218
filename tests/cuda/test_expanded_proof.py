"""A segment of `main_vm` proven on a device from its records: the CPU's bytes, and no trace crosses the bus."""

from __future__ import annotations

from cuda.backend import CudaBackend
from proving import keys
from proving.backend.expansion import Expansion
from proving.backend.native import NativeBackend
from proving.machine.main_vm.expand import expand, prepare
from proving.stark.prover import prove
from proving.stark.shape import Phase
from tests.proving.machine.main_vm import segments
from tests.proving.stark import toy

WORD = 8


def bytes_of(expansion: Expansion) -> int:
    """What the records take on the bus: words of 32 bits in pairs."""
    halves = [*(family.records for family in expansion.families), expansion.counts, expansion.calls, expansion.pages]
    halves += [expansion.decode, expansion.blocks, expansion.nodes]
    whole = expansion.inputs.nbytes + expansion.constants.nbytes + expansion.boundary.nbytes
    return whole + sum(WORD * (array.size + 1 >> 1) for array in halves)


def test_a_segment_of_main_vm_equals_the_native_one_and_sends_its_records(backend: CudaBackend) -> None:
    key = toy.with_quick(keys.proving_key(keys.MAIN_VM))
    records = segments.records(segments.immediates())[0]
    traces, publics = expand(records)
    expected = prove(key, toy.QUICK, publics, traces, NativeBackend())
    key.prepared(backend)
    backend.traffic.phases.clear()
    expansion, given = prepare(records)
    crossing, shapes = bytes_of(expansion), dict(expansion.shapes)
    made = prove(key, toy.QUICK, given, expansion, backend, progress=backend.traffic.begin, consume=True)
    assert made == expected
    assert not expansion.families

    main = backend.traffic.phases["main"]
    shape = key.layout.shape(tuple(rows.bit_length() - 1 for _, rows in shapes.values()))
    columns = sum(matrix.columns for matrix in shape.trees[Phase.MAIN].matrices)
    assert (main.arrays_in, main.arrays_out) == (crossing, 0)
    assert crossing < sum(trace.nbytes for trace in traces.values()) / 10
    # Addresses of columns, and what the kernels of the segment share; the cap, and what was refused.
    assert main.small_in == WORD * (columns + 11)
    cap = shape.trees[Phase.MAIN]
    assert main.small_out == (4 * WORD << (cap.log_rows - 2 * cap.depth)) + 2 * WORD
    others = [crossed for phase, crossed in backend.traffic.phases.items() if phase not in ("", "main")]
    assert sum(crossed.arrays_in for crossed in others) == 0
