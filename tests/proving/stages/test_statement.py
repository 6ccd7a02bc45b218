from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.circuits.served import SERVED
from proving.field.goldilocks import PRIME
from proving.machine.state import State
from proving.stages import budget
from proving.stages.statement import MalformedStatement, Statement
from runtime.errors import InvalidInput, OutOfMemory


def statement(segments: int = 2) -> Statement:
    final = State(
        pc=64,
        halted=True,
        registers=np.arange(32, dtype=np.uint32),
        memory_root=np.arange(4, dtype=np.uint64),
        code_root=np.arange(4, 8, dtype=np.uint64),
    )
    ends = np.arange(4 * segments, dtype=np.uint64).reshape(-1, 4)
    return Statement(np.arange(4, dtype=np.uint64), ends, final)


def test_round_trip() -> None:
    encoded = statement().encode()
    decoded = Statement.decode(encoded)
    assert decoded.encode() == encoded
    assert decoded.final.output() == statement().final.output()


@given(st.binary(max_size=700))
def test_arbitrary_bytes_are_refused_or_round_trip(data: bytes) -> None:
    try:
        decoded = Statement.decode(data)
    except MalformedStatement:
        return
    assert decoded.encode() == data


@pytest.mark.parametrize("change", [b"\0", b"\0" * 32])
def test_trailing_bytes_are_refused(change: bytes) -> None:
    with pytest.raises(MalformedStatement):
        Statement.decode(statement().encode() + change)


def test_element_not_below_the_prime_is_refused() -> None:
    encoded = bytearray(statement().encode())
    encoded[:8] = PRIME.to_bytes(8, "little")
    with pytest.raises(MalformedStatement, match="below p"):
        Statement.decode(bytes(encoded))


def test_nonzero_x0_is_refused() -> None:
    encoded = bytearray(statement().encode())
    place = encoded.index(bytes(4) + (1).to_bytes(4, "little") + (2).to_bytes(4, "little"))
    encoded[place] = 1
    with pytest.raises(MalformedStatement, match="x0"):
        Statement.decode(bytes(encoded))


def test_requests_are_cut_by_what_a_segment_takes_whose_extensions_are_kept() -> None:
    """Smaller parts would be more leaves, for memory that a proof only does without where it is short."""
    most = budget.kept_peak_bytes(budget.LARGEST)
    for name, served in SERVED.items():
        held = budget.requests_within(name, most)
        number = served.capacities.index(held)
        assert budget.requests_bytes(name, number) <= most
        assert held == served.capacities[-1] or budget.requests_bytes(name, number + 1) > most
    assert budget.requests_within("blake2s", most) == SERVED["blake2s"].capacities[-1]


def test_size_class_follows_the_budget() -> None:
    # What joins proofs holds the largest class that is chosen without being asked for.
    assert budget.peak_bytes(budget.LARGEST) < budget.ROUNDS_BYTES < budget.peak_bytes(20)
    assert budget.size_class(budget.ROUNDS_BYTES) == budget.size_class(budget.peak_bytes(20)) == budget.LARGEST
    assert budget.size_class(budget.peak_bytes(20), asked=20) == 20
    with pytest.raises(OutOfMemory, match="GiB"):
        budget.size_class(1 << 20)
    for memory in (budget.ROUNDS_BYTES - 1, budget.peak_bytes(12)):
        with pytest.raises(OutOfMemory, match="Joining"):
            budget.size_class(memory, asked=12)
    assert budget.size_class(budget.ROUNDS_BYTES, asked=12) == 12
    with pytest.raises(OutOfMemory):
        budget.size_class(budget.peak_bytes(20) - 1, asked=20)
    with pytest.raises(InvalidInput):
        budget.size_class(0, asked=30)


def test_running_final_state_is_refused() -> None:
    running = dataclasses.replace(statement().final, halted=False)
    with pytest.raises(MalformedStatement, match="halted"):
        Statement.decode(dataclasses.replace(statement(), final=running).encode())
