from __future__ import annotations

import random

import pytest

from core.formats.witness_input import WitnessInputError, decode
from core.program.hints import with_hints
from core.program.state_transition import Status
from tests.guest.batches import ETHER, Value, address, content_of, machine_program, output_of, program, reason_of, sign
from tests.guest.native import Host
from tests.guest.test_invalid_transactions import TYPED, high_s, number, with_field

TO = b"\x11" * 20
STATE = {address(i): Value(0, ETHER) for i in range(3)}
RAWS = [sign(0), with_field(TYPED, 10, number(5)), sign(1, gasPrice=10**9), high_s(sign(2)), sign(2)]
CONTENT = content_of(STATE, RAWS, [TO])
HINTED = with_hints(machine_program(), CONTENT)
START = len(CONTENT)
HINT = 6


def set_word(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + value.to_bytes(4, "little") + content[at + 4 :]


def test_hints_change_the_cycles_and_nothing_else() -> None:
    plain, hinted = program().run(CONTENT), program().run(HINTED)
    assert plain.output == hinted.output
    assert plain.results == hinted.results and plain.diffs == hinted.diffs
    executed = [Status.EXECUTED, Status.BAD_SIGNATURE, Status.EXECUTED, Status.BAD_SIGNATURE, Status.EXECUTED]
    assert [result.status for result in hinted.results] == executed
    assert hinted.cycles < plain.cycles * 4 // 5


def test_a_transfer_with_hints_takes_few_cycles() -> None:
    state = {address(i): Value(0, ETHER) for i in range(9)}
    content = content_of(state, [sign(i) for i in range(9)], [TO])
    assert program().run(with_hints(machine_program(), content)).cycles < 9 * 150_000


def test_asking_for_hints_does_not_change_the_output() -> None:
    assert output_of(set_word(CONTENT, 84, 1)) == output_of(CONTENT)


def test_hints_are_not_made_twice() -> None:
    with pytest.raises(WitnessInputError, match="already"):
        with_hints(machine_program(), HINTED)
    assert reason_of(output_of(set_word(HINTED, 84, 1))) == HINT


def test_a_batch_without_signatures_has_no_hints() -> None:
    content = content_of(STATE, [b"\xc0"])
    assert with_hints(machine_program(), content) == content


@pytest.mark.parametrize("words", [-1, 1])
def test_hints_are_used_up_exactly(words: int) -> None:
    size = len(HINTED) // 4 - START // 4 + words
    content = HINTED[: 4 * words] if words < 0 else HINTED + bytes(4 * words)
    assert reason_of(output_of(set_word(content, 80, size))) == HINT


def test_hints_of_another_order_are_refused() -> None:
    """Those of the first signature for the third."""
    swapped = content_of(STATE, [RAWS[2], RAWS[0]], [TO])
    section = decode(HINTED).hints
    content = set_word(swapped + section, 80, len(section) // 4)
    assert reason_of(output_of(content)) == HINT


def test_a_kind_that_does_not_exist_is_refused() -> None:
    assert reason_of(output_of(set_word(HINTED, START, 2))) == HINT


@pytest.mark.parametrize("of", [24, pytest.param(4, marks=pytest.mark.long)])
def test_every_changed_hint_is_refused(host: Host, of: int) -> None:
    """One bit in one of some hint words: no changed word leads to another output than the refusal."""
    source = random.Random(3)
    truth = output_of(CONTENT)
    refused = 0
    words = range(START, len(HINTED), 4)
    changed = source.sample(words, len(words) // of)
    for at in changed:
        word = int.from_bytes(HINTED[at : at + 4], "little") ^ 1 << source.randrange(32)
        output, _ = host.run(set_word(HINTED, at, word))
        assert reason_of(output) == HINT or output == truth
        refused += reason_of(output) == HINT
    assert refused == len(changed)


def test_a_point_or_slope_of_the_other_sign_is_refused(host: Host) -> None:
    """Sums are held mirrored at every other step, so each slope has one sign that is right; so has y."""
    p = 2**256 - 2**32 - 977
    for index in (0, *range(2, 120)):
        at = START + 4 + 32 * index
        value = p - int.from_bytes(HINTED[at : at + 32], "little")
        output, _ = host.run(HINTED[:at] + value.to_bytes(32, "little") + HINTED[at + 32 :])
        assert reason_of(output) == HINT, index


def test_a_hint_plus_the_modulus_is_the_same_hint() -> None:
    """Slopes are residues: what matters is their class, so a second form of a small one changes nothing."""
    p = 2**256 - 2**32 - 977
    output = output_of(HINTED)
    for at in range(START + 4, START + 4 + 32 * 20, 32):
        value = int.from_bytes(HINTED[at : at + 32], "little") + p
        if value < 2**256:
            assert output_of(HINTED[:at] + value.to_bytes(32, "little") + HINTED[at + 32 :]) == output
    assert reason_of(output) == 0
