"""Segments that claim something false are refused, and by the rule that is meant for it."""

from __future__ import annotations

import numpy as np
import pytest

from proving.backend.interface import PRIME
from proving.hash import compress
from proving.machine.main_vm.expand import Traces
from tests.forgeries.main_vm.attacks import Claim, cell
from tests.forgeries.main_vm.boundaries import changed_requests, cut
from tests.forgeries.main_vm.test_rules import rules
from tests.proving.machine import assembler as asm
from tests.proving.machine.programs import WINDOW

RESULT = 10


def compute(name: str, a: int, b: int) -> list[int]:
    """Code that leaves one instruction's result in x10."""
    return [*asm.li(1, a), *asm.li(2, b), asm.r_type(name, RESULT, 1, 2), asm.HALT]


FAMILY = {
    **dict.fromkeys(("add", "sub", "sltu"), "add"),
    "slt": "control",
    **dict.fromkeys(("and", "or", "xor"), "bitwise"),
    **dict.fromkeys(("sll", "srl", "sra"), "shift"),
    **dict.fromkeys(("mul", "mulh", "mulhu", "mulhsu"), "mul"),
    **dict.fromkeys(("div", "divu", "rem", "remu"), "div"),
}
TABLE = {"shift": "bitwise", "mul": "mul_div", "div": "mul_div"}


def claim_result(name: str, a: int, b: int, change: int) -> set[str]:
    claim = Claim.of(compute(name, a, b))
    family = FAMILY[name]
    row = len(claim.rows(family)) - 1
    wrong = int(claim.rows(family)[row, 5]) + change
    claim.change(family, row, out=wrong)
    claim.set_register(RESULT, wrong)
    return claim.violations()


def test_an_unchanged_claim_passes() -> None:
    claim = Claim.of(compute("add", 1, 2))
    claim.set_register(RESULT, 3)
    assert claim.violations() == set()


@pytest.mark.parametrize("name", sorted(FAMILY))
@pytest.mark.parametrize(("a", "b"), [(0x80000000, 0xFFFFFFFF), (7, 0), (5, 3)])
@pytest.mark.parametrize("change", [1, -1, 2**31])
def test_a_wrong_result(name: str, a: int, b: int, change: int) -> None:
    found = claim_result(name, a, b, change)
    assert found
    assert all(violation.startswith(f"{TABLE.get(FAMILY[name], FAMILY[name])}: ") for violation in found)


def test_a_wrong_carry() -> None:
    claim = Claim.of(compute("add", 0xFFFFFFFF, 1))
    row = len(claim.rows("add")) - 1

    def uncarried(traces: Traces) -> None:
        cell(traces, "add", row, x=2**32, out=2**32, x_high=2**16)

    assert {"range", "memory"} <= claim.violations(uncarried)


def test_a_product_plus_p() -> None:
    """5 * 3 = 15 = (2^32 - 1) 2^32 + 16 mod p."""
    claim = Claim.of(compute("mulhu", 5, 3))
    claim.change("mul", 0, out=2**32 - 1)
    claim.set_register(RESULT, 2**32 - 1)

    def wrapped(traces: Traces) -> None:
        cell(traces, "mul_div", 0, r_low=2**16 - 1, r_high=2**16 - 1, q_low=16, inverse=0)
        traces["range"][1, 15] -= np.uint64(1)
        traces["range"][1, 16] += np.uint64(1)
        traces["range"][1, 0] -= np.uint64(2)
        traces["range"][1, 2**16 - 1] += np.uint64(2)

    assert claim.violations(wrapped) == {"mul_div: the upper half is not the excluded value"}


def test_a_register_other_than_x0_is_claimed_for_x0() -> None:
    claim = Claim.of([asm.i_type("addi", 0, 0, 1), asm.HALT])

    def written(traces: Traces) -> None:
        cell(traces, "decode", 0, writes=1, rd_inverse=0, rd=0)
        cell(traces, "add_immediate", 0, rd=0, pd=5)

    assert "decode: a register other than x0 is written" in claim.violations(written)


def test_a_load_from_a_register_by_its_key() -> None:
    """The key of x1 in memory is 2^40 + 4: no load may reach it."""
    claim = Claim.of([*asm.li(1, 77), asm.load("lw", RESULT, 0, 4), asm.HALT])
    assert claim.violations(lambda traces: cell(traces, "memory_word", 0, carry=-256)) == {
        "memory", "memory_word: carry is boolean"
    }  # fmt: skip


@pytest.mark.parametrize("carry", [1, -1])
def test_an_address_outside_of_memory(carry: int) -> None:
    """No page has it, so that no word there could be read."""
    words = [*asm.li(1, 2**32 - 4), asm.load("lw", RESULT, 1, 8 if carry < 0 else 0), asm.HALT]
    claim = Claim.of(words)
    assert claim.violations() == set()
    honest = int(carry < 0)
    assert claim.violations(lambda traces: cell(traces, "memory_word", 0, carry=honest + carry)) == {"memory"}


def test_a_register_at_an_address_that_wraps() -> None:
    """With its carry denied, a sum of 2^32 + 4 would be the key of x1 if two address spaces lay 2^32 apart."""
    words = [*asm.li(1, 77), *asm.li(2, 2**32 - 4), asm.load("lw", RESULT, 2, 8), asm.HALT]
    claim = Claim.of(words)
    time = 4 * int(claim.rows("memory_word")[0, 0]) + 2
    registers = claim.rows("block")[claim.rows("block")[:, 0] == 1]
    claim.change("memory_word", 0, out=77, mem_old=77, mem_new=77, pm=int(registers[0, 50 + 1]))
    claim.set_register(RESULT, 77)
    claim.set_register(1, 77, time)
    blocks = claim.rows("block")
    blocks[blocks[:, 0] == 0, 50 + 1] = 0
    assert claim.violations(lambda traces: cell(traces, "memory_word", 0, carry=0)) == {"memory"}


def test_an_address_that_is_no_multiple_of_four() -> None:
    claim = Claim.of([*asm.li(1, WINDOW + 4), asm.load("lw", RESULT, 1), asm.HALT])
    claim.set_register(1, WINDOW + 5)
    claim.change("memory_word", 0, v1=WINDOW + 5)
    assert claim.violations() == {"memory"}
    claim = Claim.of([*asm.li(1, WINDOW + 4), asm.load("lh", RESULT, 1), asm.HALT])
    assert "memory" in claim.violations(lambda traces: cell(traces, "memory_sub", 0, v1=WINDOW + 5))


def test_a_skipped_instruction() -> None:
    claim = Claim.of([asm.i_type("addi", 5, 0, 1), asm.i_type("addi", 5, 0, 2), asm.HALT])
    kept = claim.rows("add_immediate")[:, 1] != 0x1004
    claim.keep("add_immediate", kept)
    claim.keep("decode", claim.rows("decode")[:, 0] != 0x1004)
    claim.set_boundary(clk_end=2)
    claim.set_register(5, 1, 7)
    assert "state" in claim.violations()


def test_a_wrong_next_pc() -> None:
    claim = Claim.of([asm.branch("beq", 0, 0, 8), asm.NOP, asm.NOP, asm.HALT])
    found = claim.violations(lambda traces: cell(traces, "add", 0, next_pc=0x1004))
    assert {"add: a branch's next pc", "state"} <= found


def stale_load() -> Claim:
    """A word is stored and loaded; the load claims to see the word before."""
    words = [*asm.li(1, WINDOW), asm.store("sw", 0, 1), asm.load("lw", RESULT, 1), asm.HALT]
    claim = Claim.of(words)
    before = int(claim.rows("memory_word")[0, 9])
    claim.change("memory_word", 1, out=before, mem_old=before, mem_new=before, pm=0)
    claim.set_register(RESULT, before)
    return claim


def test_a_stale_value() -> None:
    assert stale_load().violations() == {"memory"}


def test_an_access_to_the_future() -> None:
    """The first load takes the word that is stored after it."""
    words = [*asm.li(1, WINDOW), *asm.li(2, 9), asm.load("lw", RESULT, 1), asm.store("sw", 2, 1), asm.HALT]
    claim = Claim.of(words)
    load, store = claim.rows("memory_word")[:, 0]
    before = int(claim.rows("memory_word")[0, 9])
    claim.change("memory_word", 0, out=9, mem_old=9, mem_new=9, pm=4 * int(store) + 2)
    claim.change("memory_word", 1, mem_old=before, pm=0)
    claim.set_register(RESULT, 9)
    blocks = claim.rows("block")
    row = int(np.flatnonzero((blocks[:, 0] == 0) & (blocks[:, 1] == WINDOW // 64))[0])
    blocks[row, 50] = 4 * int(load) + 2
    found = claim.violations()
    assert "range" in found
    assert "memory" not in found


def idle_load() -> Claim:
    """A word is loaded, changed, and long after loaded again."""
    words = [*asm.li(1, WINDOW), *asm.li(2, 9), asm.load("lw", RESULT, 1), asm.store("sw", 2, 1), *asm.wait(70_000)]
    return Claim.of([*words, asm.load("lw", RESULT, 1), asm.HALT])


def idle_row(claim: Claim) -> int:
    return int(np.flatnonzero((claim.rows("idle")[:, 0] == 0) & (claim.rows("idle")[:, 1] == WINDOW))[0])


def test_a_word_that_lay_idle() -> None:
    assert idle_load().violations() == set()


def test_an_access_too_long_after_the_last() -> None:
    claim = idle_load()
    row = idle_row(claim)
    previous = int(claim.rows("idle")[row, 3])
    claim.keep("idle", np.arange(len(claim.rows("idle"))) != row)
    claim.change("memory_word", len(claim.rows("memory_word")) - 1, pm=previous)
    assert claim.violations() == {"range"}


def test_a_word_that_changes_while_it_lies_idle() -> None:
    claim = idle_load()
    claim.change("idle", idle_row(claim), word=7)
    assert claim.violations() == {"memory"}


def test_a_word_carried_back_in_time() -> None:
    """The load at the end would see what was there before the store."""
    claim = idle_load()
    row, before = idle_row(claim), int(claim.rows("memory_word")[0, 9])
    first, store, last = (4 * int(clk) + 2 for clk in claim.rows("memory_word")[:, 0])
    # From the first load to the last one, and from there back to the store.
    claim.change("idle", row, word=before, previous=first, later=last - 1)
    claim.change("memory_word", 2, out=before, mem_old=before, mem_new=before)
    claim.append("idle", np.array([[0, WINDOW, before, last, store - 1]], dtype=np.uint32))
    claim.change("memory_word", 1, pm=store - 1)
    claim.set_register(RESULT, before)
    blocks = claim.rows("block")
    block = int(np.flatnonzero((blocks[:, 0] == 0) & (blocks[:, 1] == WINDOW // 64))[0])
    blocks[block, 50] = store
    back = len(claim.rows("idle")) - 1

    def carried(traces: Traces) -> None:
        cell(traces, "idle", back, low=store - 1 - last - 1, high=0)

    found = claim.violations(carried)
    assert "range" in found
    assert "memory" not in found


def test_what_is_written_to_x0_is_not_read() -> None:
    claim = Claim.of([asm.i_type("addi", 0, 0, 5), asm.r_type("add", RESULT, 0, 0), asm.HALT])
    claim.change("add", 0, v1=5, out=5)
    claim.set_register(RESULT, 5)
    assert "memory" in claim.violations()


def test_a_block_touched_twice() -> None:
    claim = Claim.of([*asm.li(1, WINDOW), asm.load("lw", RESULT, 1), asm.HALT])
    blocks = claim.rows("block")
    claim.append("block", blocks[blocks[:, 0] == 0])
    assert {"page", "memory"} <= claim.violations()


def test_an_untouched_child_that_changes() -> None:
    claim = Claim.of([asm.HALT])
    keys = claim.records.node_key
    root = int(np.flatnonzero((keys[:, 0] == 0) & (keys[:, 1] == 13))[0])
    claim.records.node_new[root, 2] = (1, 2, 3, 4)
    claim.records.digests[1, 2] = compress(claim.records.node_new[root].reshape(1, 16))[0]
    found = claim.violations()
    assert found
    assert all(violation.startswith("page: element[") for violation in found)


def test_a_wrong_root() -> None:
    claim = Claim.of([asm.HALT])
    claim.records.digests[1, 2, 0] ^= np.uint64(1)
    assert claim.violations() == {"page"}


def test_another_code_word() -> None:
    """Addition of 2 where the code says 1."""
    claim = Claim.of([asm.i_type("addi", RESULT, 0, 1), asm.HALT])
    claim.change("decode", 0, word=asm.i_type("addi", RESULT, 0, 2))
    claim.change("add_immediate", 0, out=2)
    claim.set_register(RESULT, 2)
    assert claim.violations() == {"memory"}


def test_changed_code() -> None:
    """A code block that differs at the end from the start."""
    claim = Claim.of([asm.i_type("addi", RESULT, 0, 1), asm.HALT])
    blocks = claim.rows("block")
    row = int(np.flatnonzero(blocks[:, 0] == 2)[0])
    blocks[row, 18 + 1] = asm.NOP
    assert {"memory", "page"} <= claim.violations()


def test_a_segment_that_halts_early() -> None:
    claim = Claim.copy(cut())
    claim.set_boundary(halted=1)
    assert claim.violations() == {"decode"}


def test_an_empty_segment() -> None:
    claim = Claim.of([asm.HALT])
    claim.set_boundary(halted=0)
    claim.keep("decode", np.zeros(1, dtype=np.bool_))
    blocks = claim.rows("block")
    blocks[blocks[:, 0] == 2, 34:] = 0
    assert claim.violations() == {"boundary: the segment makes progress"}


def test_changed_requests() -> None:
    found = {rule.name for rule in rules(changed_requests())}
    assert any(name.startswith("chain of ") for name in found)


def test_advice_of_more_than_32_bits() -> None:
    claim = Claim.of([asm.advice(RESULT), asm.HALT], [5])

    def wide(traces: Traces) -> None:
        cell(traces, "add_immediate", 0, out=5 + 2**32, out_high=2**16)

    assert {"range", "memory"} <= claim.violations(wide)


def test_a_division_by_zero_denied() -> None:
    """7 / 0 = 3 claimed through the flag that the divisor is not zero."""
    claim = Claim.of(compute("divu", 7, 0))
    claim.change("div", 0, out=3)
    claim.set_register(RESULT, 3)

    def denied(traces: Traces) -> None:
        cell(traces, "mul_div", 0, by_zero=0, q_low=3, q_high=0, result_inverse=pow(3, -1, PRIME))

    found = claim.violations(denied)
    assert "mul_div: a divisor has an inverse unless it is zero" in found


def test_an_overflowing_division_as_a_plain_one() -> None:
    """-2^31 / -1 claimed to be 2^31 - 1 with remainder 1."""
    claim = Claim.of(compute("div", 0x80000000, 0xFFFFFFFF))
    claim.change("div", 0, out=2**31 - 1)
    claim.set_register(RESULT, 2**31 - 1)

    def plain(traces: Traces) -> None:
        inverse = pow(2**31 - 1, -1, PRIME)
        cell(traces, "mul_div", 0, q_low=2**16 - 1, q_high=2**15 - 1, r_low=1, s_low=0, result_inverse=inverse)

    assert "mul_div: the remainder is below the divisor" in claim.violations(plain)
