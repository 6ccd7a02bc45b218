"""Requests that a cheating prover would make otherwise than the machine does, or keep from their chain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import RequestType
from proving.circuits.served import SERVED
from proving.machine.chains import advanced, requested
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import Traces
from proving.machine.records import KECCAK_CALL_WIDTH, REQUEST_HEAD, REQUEST_WIDTH
from tests.forgeries.main_vm.attacks import Claim, cell
from tests.proving.machine.main_vm import segments

FAMILY, TABLE = "request", "call"
#: Words of the record: the type, both pointers, the time of the request before, the lowest word of the result.
TYPE, FIRST, OTHERS, BEFORE, RESULT = 2, 3, 5, 7, REQUEST_HEAD + 2 * 32
#: Rows of a request, those whose entry lanes hold the digest before a block or behind the last one, and these lanes.
ROWS, DIGESTS, ENTRY = 32, (4, 13, 22, 31), slice(11, 15)
#: Types with two buffers; those of Keccak-f are in `test_keccak_attacks`.
KINDS = [served.kind for served in SERVED.values() if served is not KECCAK_F]
NONE = np.zeros((0, KECCAK_CALL_WIDTH), dtype=np.uint32)

each_type = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.lower())


def claim(*kinds: RequestType) -> Claim:
    return Claim.of(*segments.requesting(kinds or (RequestType.ARITH256,)))


def chained(made: Claim) -> None:
    """Let the end state say what the records say was requested."""
    requests = made.records.requests
    requests[1] = advanced(requests[0], requested(made.rows(FAMILY), NONE))


def answered(made: Claim) -> bool:
    """Whether every request has the answer of its type."""
    asked = requested(made.rows(FAMILY), NONE)
    return all(np.array_equal(SERVED[name].answer(inputs), outputs) for name, (inputs, outputs) in asked.items())


@pytest.mark.parametrize("kinds", [[kind] for kind in KINDS] + [KINDS], ids=str)
def test_an_unchanged_claim_passes(kinds: list[RequestType]) -> None:
    made = claim(*kinds)
    assert made.rows(FAMILY).shape == (6, REQUEST_WIDTH)
    assert answered(made)
    before = made.records.requests.copy()
    chained(made)
    assert np.array_equal(made.records.requests, before)
    assert made.violations() == set()


def last_result(made: Claim) -> None:
    """Another word in the last request's result, and in the memory that it leaves."""
    rows = made.rows(FAMILY)
    rows[-1, RESULT] ^= 1
    blocks = made.rows("block")
    address = int(rows[-1, FIRST])
    (block,) = np.flatnonzero((blocks[:, 0] == 0) & (blocks[:, 1] == address >> 6))
    blocks[block, 18 + (address >> 2) % 16] ^= 1


@each_type
def test_another_result_is_refused_where_the_chain_is_kept(kind: RequestType) -> None:
    made = claim(kind)
    last_result(made)
    found = made.violations()
    assert "chain" in found or "poseidon2" in found


@each_type
def test_another_result_stands_on_another_chain(kind: RequestType) -> None:
    """`main_vm` does not know what is right: the chain says what it took, and its type's circuit refuses that."""
    made = claim(kind)
    honest = made.records.requests[1].copy()
    last_result(made)
    chained(made)
    assert not np.array_equal(made.records.requests[1], honest)
    found = made.violations()
    # Only the tree above the changed block, which the records do not follow, is left.
    assert not found & {"chain", "poseidon2", "memory", "range", "state"}
    assert not any(name.startswith(TABLE) for name in found)
    assert not answered(made)


@each_type
def test_a_request_is_kept_from_its_chain(kind: RequestType) -> None:
    """The chain of the end state lacks the last request, whose digests stay where they are."""
    made = claim(kind)
    rows = made.rows(FAMILY)
    made.records.requests[1] = advanced(made.records.requests[0], requested(rows[:-1], NONE))
    assert "chain" in made.violations()

    def kept(traces: Traces) -> None:
        first, register = ROWS * (len(rows) - 1), circuit().table(TABLE).main_names.index("lane[0]")
        lanes = traces[TABLE][register : register + 16, first : first + ROWS]
        for row in range(DIGESTS[0] + 1, ROWS):
            new = 2 if (row - DIGESTS[0]) % 3 == 2 else 1
            lanes[:-new, row] = lanes[new:, row - 1]
            if row in DIGESTS:
                lanes[ENTRY, row] = lanes[ENTRY, DIGESTS[0]]

    assert made.violations(kept) == {"poseidon2"}


def test_a_request_is_left_out() -> None:
    made = claim()
    made.keep(FAMILY, np.arange(6) != 5)
    chained(made)
    assert {"state", "memory"} <= made.violations()


def test_a_request_that_was_not_made_is_added() -> None:
    made = claim()
    made.append(FAMILY, made.rows(FAMILY)[-1:])
    chained(made)
    assert "state" in made.violations()


def test_requests_stand_on_their_chain_in_another_order() -> None:
    """The last two exchanged; each says that the other, or the third last, was before it."""
    made = claim()
    rows = made.rows(FAMILY)
    order = [0, 1, 2, 3, 5, 4]
    times = rows[:, 0].copy()
    rows[:] = rows[order]
    rows[1:, BEFORE] = rows[:-1, 0]
    assert rows[4, 0] == times[5]
    chained(made)
    assert made.violations() == {"range"}


def test_a_chain_that_goes_on_from_another_than_the_start() -> None:
    made = claim()
    made.records.requests[0, 0] = made.records.requests[0, 1]
    assert made.violations()


@each_type
def test_a_request_stands_on_the_chain_of_another_type(kind: RequestType) -> None:
    """The answer is that of the type that the program asked, or of the one on whose chain it is put."""
    for other in KINDS:
        if other == kind:
            continue
        for right in (False, True):
            made = claim(kind)
            rows = made.rows(FAMILY)
            rows[-1, TYPE], rows[-1, BEFORE] = other, 0
            if right:
                asked = requested(rows[-1:], NONE)
                ((inputs, _),) = (found for found in asked.values() if len(found[0]))
                (served,) = (served for served in SERVED.values() if served.kind == other)
                rows[-1, RESULT::2] = served.answer(inputs)[0]
            chained(made)
            assert "decode" in made.violations()


@pytest.mark.parametrize(("kind", "unread"), [(RequestType.SHA256, 24), (RequestType.BLAKE2S, 28)])
def test_a_word_that_the_type_does_not_have(kind: RequestType, unread: int) -> None:
    """It would change the chain, and nothing in the machine's memory would say what it is."""
    made = claim(kind)

    def longer(traces: Traces) -> None:
        last = ROWS * (len(made.rows(FAMILY)) - 1)
        cell(traces, TABLE, last + 4 + unread // 2, **{"word[0]": 5, "old[0]": 5})

    assert f"{TABLE}: there is no word[0]" in made.violations(longer)


def reads_after_the_write(made: Claim) -> None:
    """In the third request both buffers overlap: the other is claimed to hold what the request leaves there."""
    rows = made.rows(FAMILY)
    for i in range(8):
        rows[2, REQUEST_HEAD + 2 * (8 + i)] = rows[2, RESULT + 2 * i]


def misaligned(made: Claim) -> None:
    made.rows(FAMILY)[0, FIRST] += 4


def other_buffer(made: Claim) -> None:
    made.rows(FAMILY)[0, OTHERS] += 128


def other_input(made: Claim) -> None:
    made.rows(FAMILY)[0, REQUEST_HEAD] ^= 1


def repeated_time(made: Claim) -> None:
    made.rows(FAMILY)[1, 0] = made.rows(FAMILY)[0, 0]


@pytest.mark.parametrize("change", [reads_after_the_write, misaligned, other_buffer, other_input, repeated_time])
@each_type
def test_requests_of_what_the_machine_does_not_hold(kind: RequestType, change: Callable[[Claim], None]) -> None:
    made = claim(kind)
    change(made)
    chained(made)
    assert "memory" in made.violations()


def test_a_result_of_more_than_32_bits() -> None:
    made = claim()

    def wide(traces: Traces) -> None:
        cell(traces, TABLE, 22, **{"word[0]": 2**32, "upper[0]": 2**16})

    assert {"range", "memory"} <= made.violations(wide)
