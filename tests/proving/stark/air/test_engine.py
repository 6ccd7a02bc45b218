"""The row engine names what is wrong, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from proving.stark.air import AirError, check, require
from tests.proving.stark.air.circuits import ALL, fibonacci, memory, range_lookup


@pytest.mark.parametrize("name", sorted(ALL))
def test_honest_traces_pass(name: str) -> None:
    circuit, traces, publics = ALL[name]()
    assert check(circuit, traces, publics) == []
    require(circuit, traces, publics)


def test_a_broken_row_is_named() -> None:
    circuit, traces, publics = fibonacci()
    traces["fibonacci"][1, 17] += np.uint64(1)
    found = {(v.table, v.name, v.row) for v in check(circuit, traces, publics)}
    assert found == {("fibonacci", "b takes the sum", 16), ("fibonacci", "a takes b", 17)}


def test_the_last_row_does_not_flow_into_the_first() -> None:
    circuit, traces, publics = fibonacci(128)
    assert check(circuit, traces, publics) == []
    assert {v.name for v in check(circuit, traces, [3, 6, publics[2]])} == {"starts with the second input"}
    assert {v.name for v in check(circuit, traces, [3, 5, 0])} == {"ends with the output"}


def test_a_value_outside_the_lookup_table_is_named_with_its_message() -> None:
    circuit, traces, publics = range_lookup()
    words = traces["words"]
    words[1, 4] += np.uint64(256)
    words[2, 4] -= np.uint64(1)
    found = check(circuit, traces, publics)
    assert all(v.bus == "range" for v in found)
    assert any(v.message == (int(words[1, 4]),) and v.table == "words" and v.count == 1 for v in found)


def test_a_wrong_previous_time_unbalances_the_memory() -> None:
    circuit, traces, publics = memory()
    traces["access"][5, 10] += np.uint64(1)
    found = check(circuit, traces, publics)
    assert sorted(v.count for v in found) == [-1, 1]
    assert {v.bus for v in found} == {"memory"}
    with pytest.raises(AirError, match="bus memory"):
        require(circuit, traces, publics)


def test_arrays_of_another_shape_are_refused() -> None:
    circuit, traces, publics = range_lookup()
    with pytest.raises(AirError, match="tables"):
        check(circuit, {"words": traces["words"]}, publics)
    with pytest.raises(AirError, match="public inputs"):
        check(circuit, traces, [1])
    with pytest.raises(AirError, match="preprocessed columns have 256"):
        check(circuit, traces | {"byte_range": traces["byte_range"][:, :128].copy()}, publics)
    with pytest.raises(AirError, match="power of two"):
        check(circuit, traces | {"words": traces["words"][:, :50].copy()}, publics)
    with pytest.raises(AirError, match="below the modulus"):
        check(circuit, traces | {"words": traces["words"] + np.uint64(2**64 - 2**32)}, publics)
