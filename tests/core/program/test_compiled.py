"""The program compiled for this machine says what its ELF says, here and in `tests.guest.batches.apply`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import ProgramFault
from core.program import compiled
from core.program.hints import MadeHints, with_hints
from core.program.state_transition import Program
from guest.build import PROGRAMS
from proving.machine.executor import advice_of_input
from tests.guest.batches import ETHER, Value, address, content_of, machine_program, output_of, program, sign

TO = b"\x11" * 20
STATE = {address(i): Value(0, ETHER) for i in range(6)}
CONTENT = content_of(STATE, [sign(i) for i in range(6)], [TO])
SMALL = content_of(STATE, [sign(0, nonce=3)], [TO])


def test_it_was_built_and_is_that_of_the_committed_program() -> None:
    assert compiled.is_compiled(program().sha256)
    assert not compiled.is_compiled(Program((PROGRAMS / "keccak.elf").read_bytes(), 1 << 24).sha256)


def test_a_library_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update without `make native` its hints would be refused; the ELF says the same, later."""
    elf = program().elf
    monkeypatch.setattr(compiled, "_library", lambda: SimpleNamespace(stf_program=lambda: b"00" * 32))
    stale = Program(elf, 1 << 32)
    assert not stale.compiled and program().compiled
    assert stale.judge(SMALL) == stale.run(SMALL)


def test_it_makes_the_same_hints() -> None:
    assert program().with_hints(CONTENT) == with_hints(machine_program(), CONTENT)


def test_a_judgement_makes_the_hints_that_are_asked_for_next(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = program()
    assert mine.judge(CONTENT, with_hints=True) == mine.judge(CONTENT)
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "run", lambda advice: pytest.fail("they are made already"))
        made = mine.with_hints(CONTENT)
    assert made == with_hints(machine_program(), CONTENT) == mine.with_hints(CONTENT)


def test_hints_that_nobody_asks_for_are_dropped_and_large_ones_not_kept() -> None:
    made = MadeHints()
    for place in range(9):
        made.keep(bytes([place]), b"hinted")
    assert [made.take(bytes([place])) is not None for place in range(9)] == [False] * 5 + [True] * 4
    made.keep(b"large", bytes((4 << 20) + 1))
    assert made.take(b"large") is None


def test_invalid_inputs_have_the_same_reason() -> None:
    for content in (b"", CONTENT[:-4], CONTENT + bytes(4), CONTENT[:80] + b"\1" + CONTENT[81:], with_bit(CONTENT)):
        assert compiled.run(advice_of_input(content)).output == output_of(content)
        with pytest.raises(ProgramFault, match="input invalid"):
            program().judge(content)


def with_bit(content: bytes) -> bytes:
    """The first word of the tree section, changed."""
    at = 96 + 4 * int.from_bytes(content[72:76], "little")
    return content[:at] + b"\7" + content[at + 1 :]


def test_what_traps_in_the_machine_is_a_fault() -> None:
    with pytest.raises(ProgramFault, match="trapped"):
        compiled.run(np.zeros(0, dtype=np.uint32))
    cut = advice_of_input(CONTENT)[:-1]
    with pytest.raises(ProgramFault, match="trapped"):
        compiled.run(np.ascontiguousarray(cut))
    assert program().judge(CONTENT).output == output_of(CONTENT)


def test_runs_do_not_see_each_other_within_a_thread_or_across() -> None:
    expected = [program().run(content) for content in (CONTENT, SMALL)]
    with ThreadPoolExecutor(4) as pool:
        judged = list(pool.map(lambda place: program().judge((CONTENT, SMALL)[place % 2]), range(64)))
    for place, found in enumerate(judged):
        assert found.results == expected[place % 2].results
        assert found.output == expected[place % 2].output
        assert found.diffs == expected[place % 2].diffs
