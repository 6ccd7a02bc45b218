"""What stands before and around main: constructors, destructors, the stack and its guard, and what is refused."""

from __future__ import annotations

import struct

import pytest

from guest.compile import BuildError
from proving.machine.program import Program
from proving.machine.traps import EnvironmentCall, GuardAccess
from proving.machine.witness import witness
from tests.guest.kit.compiled import Compiler, needs_compiler, run, words
from tests.proving.machine.capacities import capacities

pytestmark = needs_compiler

#: Each call takes a kilobyte of stack; the input's first word says how many there are.
RECURSION = """
#include <hallmark.h>
__attribute__((noinline)) static uint32_t deep(uint32_t left, volatile uint32_t *above) {
    volatile uint32_t frame[256];
    for (int i = 0; i < 256; i++) frame[i] = left + *above * 0;
    if (left == 0) return frame[255] * 0;
    return deep(left - 1, frame) + 1 + frame[1] * 0;
}
int main(void) {
    uint32_t zero = 0;
    hallmark_read_word();
    return (int)deep(hallmark_read_word(), &zero);
}
"""


def test_constructors_run_before_main_in_their_order(compiler: Compiler) -> None:
    elf = compiler.text("""
        static volatile unsigned order;
        __attribute__((constructor(102))) static void second(void) { order = 10 * order + 2; }
        __attribute__((constructor)) static void third(void) { order = 10 * order + 3; }
        __attribute__((constructor(101))) static void first(void) { order = 10 * order + 1; }
        int main(void) { return (int)order; }
    """)
    assert words(run(elf)[0])[0] == 123


def test_static_objects_are_constructed(compiler: Compiler) -> None:
    elf = compiler.text(
        """
        struct Answer { int value; Answer() : value(42) {} };
        static Answer answer;
        int main() { return answer.value; }
        """,
        ".cpp",
    )
    assert words(run(elf)[0])[0] == 42


def test_destructors_run_after_main_and_keep_its_value(compiler: Compiler) -> None:
    elf = compiler.text("""
        #include <hallmark.h>
        __attribute__((destructor)) static void end(void) { hallmark_print("the end"); }
        int main(void) { return 7; }
    """)
    seen, printed = run(elf)
    assert words(seen) == [7, 0, 0, 0, 0, 0, 0, 0]
    assert "the end" in printed


def test_a_stack_of_a_megabyte_can_be_used_and_one_more_frame_traps(compiler: Compiler) -> None:
    elf = compiler.text(RECURSION)
    content = [struct.pack("<I", depth) for depth in range(960, 1025)]
    assert words(run(elf, content[0])[0])[0] == 960
    with pytest.raises(GuardAccess) as caught:
        run(elf, content[-1])
    assert 0xF_0000 < caught.value.address < 0x10_0000
    assert caught.value.place.startswith("deep")
    with pytest.raises(GuardAccess) as cut:
        list(witness(Program.from_elf(elf), content[-1], capacities(16)))
    assert (cut.value.pc, cut.value.cycle) == (caught.value.pc, caught.value.cycle)


@pytest.mark.parametrize("suffix", [".c", ".cpp"])
def test_a_frame_that_could_step_over_the_guard_does_not_compile(compiler: Compiler, suffix: str) -> None:
    source = 'int main() {{ int a[{words}]; a[0] = 3; __asm__ volatile("" :: "r"(a) : "memory"); return a[0]; }}'
    assert words(run(compiler.text(source.format(words=1 << 17), suffix))[0])[0] == 3
    with pytest.raises(BuildError, match=r"stack frame size .* exceeds limit"):
        compiler.text(source.format(words=1 << 19), suffix)


def test_a_null_pointer_traps(compiler: Compiler) -> None:
    elf = compiler.text("""
        struct list { struct list *next; int value[8]; };
        int main(void) { struct list *volatile none = 0; return none->value[3]; }
    """)
    with pytest.raises(GuardAccess, match="null pointer") as caught:
        run(elf)
    assert caught.value.address == 16
    assert caught.value.place.startswith("main")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("_Thread_local int x = 4; int main(void) { return x; }", "thread-local variables"),
        ("_Thread_local int x; int main(void) { return x; }", "thread-local variables"),
        ('__attribute__((section(".mine"), used)) int x = 4; int main(void) { return x; }', r"\.mine"),
        (
            'static void f(void) {} __attribute__((section(".ctors"), used)) static void (*p)(void) = f;'
            "int main(void) { return 0; }",
            r"constructors in \.ctors",
        ),
        ('__attribute__((section(".init"), used)) void f(void) {} int main(void) { return 0; }', r"code in \.init"),
    ],
)
def test_what_would_be_dropped_is_an_error_of_the_linker(compiler: Compiler, source: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        compiler.text(source)


def test_a_trap_in_a_constructor_is_a_trap_of_the_program(compiler: Compiler) -> None:
    elf = compiler.text("""
        __attribute__((constructor)) static void early(void) { __asm__ volatile("ebreak"); }
        int main(void) { return 0; }
    """)
    with pytest.raises(EnvironmentCall) as caught:
        run(elf)
    assert caught.value.place.startswith("early")
