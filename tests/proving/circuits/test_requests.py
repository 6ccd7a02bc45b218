from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.circuits.arith256 import ARITH256
from proving.circuits.basic import BasicCircuit, RequestsRefused
from proving.circuits.gadgets import poseidon2
from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import CYCLES, Layout, RequestType, absorb, blocks, empty_chain, pack
from proving.circuits.served import SERVED
from proving.hash import RATE, compress
from proving.machine.main_vm import call, report
from proving.machine.state import empty_requests
from proving.stark.air.compile import compile_circuit

WORD = st.integers(0, 2**32 - 1)


def unpack(packed: np.ndarray, count: int) -> list[int]:
    elements = [int(value) for value in packed.reshape(-1)]
    found: list[int] = []
    for u, w in zip(elements[::2], elements[1::2], strict=True):
        found += [u & 0xFFFFFFFF, u >> 32 | (w >> 32) << 16, w & 0xFFFFFFFF]
    assert not any(found[count:])
    return found[:count]


@given(st.lists(WORD, min_size=1, max_size=60))
def test_words_can_be_read_back_from_their_elements(words: list[int]) -> None:
    packed = pack(np.array([words], dtype=np.uint32))
    assert packed.shape[2] == RATE and packed.max() < 2**48
    assert unpack(packed[0], len(words)) == words


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"), [(32, 8, 3), (50, 50, 6), (24, 8, 3), (28, 8, 3), (36, 18, 3), (37, 1, 4)]
)
def test_inputs_and_outputs_take_whole_blocks(inputs: int, outputs: int, expected: int) -> None:
    layout = Layout(inputs, outputs)
    made = blocks(np.ones((5, inputs), dtype=np.uint32), np.ones((5, outputs), dtype=np.uint32))
    assert layout.blocks == expected and made.shape == (5 * expected, RATE)
    assert not made.reshape(5, expected, RATE)[:, layout.input_blocks - 1, -2:].all() or inputs == 36


def test_the_chain_is_one_compression_after_the_other() -> None:
    given_blocks = np.arange(7 * RATE, dtype=np.uint64).reshape(7, RATE)
    digest = empty_chain(RequestType.SHA256)
    found = absorb(digest, given_blocks)
    assert np.array_equal(found[0], digest)
    for block, behind in zip(given_blocks, found[1:], strict=True):
        digest = compress(np.concatenate([digest, block]))
        assert np.array_equal(behind, digest)


def test_every_type_starts_from_a_digest_of_its_own() -> None:
    assert len({tuple(empty_chain(kind)) for kind in RequestType}) == len(RequestType)
    assert np.array_equal(empty_requests(), [empty_chain(kind) for kind in RequestType])


def test_requests_of_another_form_are_refused() -> None:
    start = empty_chain(ARITH256.kind)
    for inputs in (np.zeros((3, 31), np.uint32), np.zeros((3, 32), np.uint64), np.zeros(32, np.uint32)):
        with pytest.raises(RequestsRefused, match="expected uint32"):
            ARITH256.expand(start, inputs)
    with pytest.raises(RequestsRefused, match="more than"):
        ARITH256.expand(start, np.zeros((ARITH256.capacities[-1] + 1, 32), np.uint32))


def test_the_smallest_shape_that_holds_the_requests_is_taken() -> None:
    capacities = ARITH256.capacities
    assert capacities == sorted(capacities)
    for shape, capacity in zip(ARITH256.shapes, capacities, strict=True):
        assert ARITH256.shape(capacity) == shape
        assert ARITH256.shape(capacity + 1) != shape if capacity < capacities[-1] else True


@pytest.mark.parametrize("served", SERVED.values(), ids=lambda served: served.name)
def test_a_request_costs_the_cycles_that_have_as_many_cells(served: BasicCircuit) -> None:
    """Cells of `main_vm` and of the type's own circuit, over those of a cycle of the state-transition program."""
    own = {t.name: t.main_columns + 3 * t.bus_columns for t in compile_circuit(served.circuit).tables}
    shape = served.shapes[-1]
    cells = report.cells_of(own, shape) / served.capacities[-1]
    rows = {"call": call.ROWS * served.layout.blocks // call.BLOCKS, "poseidon2": poseidon2.ROWS * served.layout.blocks}
    cells += sum(report.widths()[table] * count for table, count in rows.items())
    assert abs(cells / 64 / CYCLES[served.kind] - 1) < 0.1


def test_every_served_type_fits_the_table_of_calls() -> None:
    two_buffers = [served.layout for served in SERVED.values() if served is not KECCAK_F]
    assert {layout.blocks for layout in two_buffers} == {call.BLOCKS}
    assert all(layout.output_words == 8 for layout in two_buffers)
    assert KECCAK_F.layout.blocks == 2 * call.BLOCKS and KECCAK_F.layout.input_blocks == call.BLOCKS
