"""Requests of Keccak-f that a cheating prover would make otherwise than the machine does, or keep from their chain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proving.circuits.keccak_f import KECCAK_F
from proving.machine.chains import advanced, requested
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import Traces
from proving.machine.records import REQUEST_HEAD
from tests.forgeries.main_vm.attacks import Claim, cell
from tests.proving.machine.main_vm import segments

FAMILY, TABLE = "keccak_call", "call"
#: Words of the record: the time, the pointer, the time of the request before, the lowest word.
CLK, POINTER, BEFORE, WORD = 0, 3, 7, REQUEST_HEAD
ROWS = 32
NAMES = circuit().table(TABLE).main_names


def claim() -> Claim:
    return Claim.of(*segments.permuting())


def asked(made: Claim) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return dict(requested(made.rows("request"), made.rows(FAMILY)))


def chained(made: Claim) -> None:
    """Let the end state say what the records say was requested."""
    made.records.requests[1] = advanced(made.records.requests[0], asked(made))


def answered(made: Claim) -> bool:
    inputs, outputs = asked(made)[KECCAK_F.name]
    return np.array_equal(KECCAK_F.answer(inputs), outputs)


def call_rows(made: Claim, number: int) -> slice:
    """Rows of a call of Keccak-f in the table, behind the other requests."""
    first = ROWS * (len(made.rows("poseidon2_call")) + len(made.rows("request")) + number)
    return slice(first, first + ROWS)


def test_an_unchanged_claim_passes() -> None:
    made = claim()
    assert len(made.rows(FAMILY)) == 6
    assert answered(made)
    before = made.records.requests.copy()
    chained(made)
    assert np.array_equal(made.records.requests, before)
    assert made.violations() == set()


def last_result(made: Claim, word: int) -> None:
    """Another word in the last answer, and in the memory that it leaves."""
    rows = made.rows(FAMILY)
    rows[-1, WORD + 2 * word] ^= 1
    blocks = made.rows("block")
    address = int(rows[-1, POINTER]) + 4 * word
    (block,) = np.flatnonzero((blocks[:, 0] == 0) & (blocks[:, 1] == address >> 6))
    blocks[block, 18 + (address >> 2) % 16] ^= 1


@pytest.mark.parametrize("word", [0, 17, 33, 49])
def test_another_result_is_refused_or_stands_on_another_chain(word: int) -> None:
    """`main_vm` does not know what is right: the chain says what it took, and Keccak's circuit refuses that."""
    made = claim()
    honest = made.records.requests[1].copy()
    last_result(made, word)
    assert made.violations() & {"chain", "poseidon2"}
    chained(made)
    assert not np.array_equal(made.records.requests[1], honest)
    found = made.violations()
    # Only the tree above the changed block, which the records do not follow, is left.
    assert not found & {"chain", "poseidon2", "memory", "range", "state"}
    assert not any(name.startswith(TABLE) for name in found)
    assert not answered(made)


@pytest.mark.parametrize("call", [0, 1])
def test_a_word_that_memory_does_not_hold(call: int) -> None:
    made = claim()
    made.rows(FAMILY)[call, WORD] ^= 1
    chained(made)
    assert "memory" in made.violations()


def test_a_state_that_is_not_aligned_to_256_bytes() -> None:
    """A state in the last 200 bytes of memory would wrap if 128 were enough."""
    made = claim()
    made.rows(FAMILY)[:2, POINTER] += 128
    chained(made)
    assert {f"{TABLE}: the other pointer is aligned", "memory"} <= made.violations()


def test_an_answer_in_another_place() -> None:
    made = claim()
    made.rows(FAMILY)[1, POINTER] += 256
    chained(made)
    assert {f"{TABLE}: pointer is the same for the answer", "memory"} <= made.violations()


def test_an_answer_at_another_time() -> None:
    made = claim()
    made.rows(FAMILY)[1, CLK] += 1
    chained(made)
    assert {f"{TABLE}: clk is the same for the answer", "chain"} <= made.violations()


def empty(made: Claim, number: int) -> Callable[[Traces], None]:
    def edit(traces: Traces) -> None:
        traces[TABLE][:, call_rows(made, number)] = 0

    return edit


def test_a_request_without_its_answer() -> None:
    made = claim()
    found = made.violations(empty(made, 5))
    assert {f"{TABLE}: an answer stands behind what is asked", "chain"} <= found


def test_an_answer_without_what_is_asked() -> None:
    made = claim()
    found = made.violations(empty(made, 4))
    assert {"chain", "state"} <= found


def test_an_answer_that_goes_on_from_another_request() -> None:
    """The answer of the last request is exchanged for that of the first, whose digest it has to follow."""
    made = claim()

    def swap(traces: Traces) -> None:
        one, other = (traces[TABLE][:, call_rows(made, number)].copy() for number in (1, 5))
        traces[TABLE][:, call_rows(made, 1)], traces[TABLE][:, call_rows(made, 5)] = other, one

    assert f"{TABLE}: clk is the same for the answer" in made.violations(swap)


def test_an_answer_is_claimed_to_be_another_kind_of_call() -> None:
    """A second reading in place of the answer: memory stays as it was."""
    made = claim()

    def read_again(traces: Traces) -> None:
        flags = [NAMES.index(name) for name in ("answering", "keccak_f")]
        traces[TABLE][flags, call_rows(made, 5)] = [[0], [1]]

    found = made.violations(read_again)
    assert {f"{TABLE}: an answer stands behind what is asked", "state", "chain"} <= found


@pytest.mark.parametrize("kept", [4, 2])
def test_a_request_is_left_out(kept: int) -> None:
    made = claim()
    made.keep(FAMILY, np.arange(6) // 2 != kept // 2)
    chained(made)
    assert {"state", "memory"} <= made.violations()


def test_a_request_that_was_not_made_is_added() -> None:
    made = claim()
    made.append(FAMILY, made.rows(FAMILY)[-2:])
    chained(made)
    assert "state" in made.violations()


def test_requests_stand_on_their_chain_in_another_order() -> None:
    """The last two exchanged; each says that the other, or the third last, was before it."""
    made = claim()
    rows = made.rows(FAMILY)
    rows[:] = rows[[0, 1, 4, 5, 2, 3]]
    rows[2:, BEFORE] = np.repeat(rows[1:-1:2, CLK], 2)
    chained(made)
    assert made.violations() == {"range"}


def test_the_chain_lacks_the_last_request() -> None:
    made = claim()
    made.records.requests[1] = advanced(
        made.records.requests[0], requested(made.rows("request"), made.rows(FAMILY)[:-2])
    )
    assert "chain" in made.violations()


@pytest.mark.parametrize("row", [4, 22, 28])
def test_a_result_of_more_than_32_bits(row: int) -> None:
    made = claim()

    def wide(traces: Traces) -> None:
        first = call_rows(made, 5).start
        cell(traces, TABLE, first + row, **{"word[0]": 2**32, "upper[0]": 2**16})

    assert {"range", "memory"} <= made.violations(wide)


def test_a_word_behind_the_state() -> None:
    """It would change the chain, and nothing in the machine's memory would say what it is."""
    made = claim()

    def longer(traces: Traces) -> None:
        for number in (4, 5):
            cell(traces, TABLE, call_rows(made, number).start + 29, **{"word[0]": 5, "old[0]": 5})

    assert f"{TABLE}: there is no word[0]" in made.violations(longer)
