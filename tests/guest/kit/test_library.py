"""The kit's functions, called by small programs on the machine."""

from __future__ import annotations

import re
import struct

import pytest

from proving.machine.traps import GuestPanic, IllegalInstruction, MisalignedAccess
from proving.machine.written import hash_written
from tests.guest.kit.compiled import Compiler, needs_compiler, run, words

pytestmark = needs_compiler

CHECK = """
#include <assert.h>
#include <hallmark.h>
#include <stdlib.h>
#include <string.h>
"""


def test_typed_reads_need_no_alignment(compiler: Compiler) -> None:
    elf = compiler.text("""
        #include <hallmark.h>
        int main(void) {
            static unsigned char rest[64];
            hallmark_write_u32(hallmark_input_left());
            hallmark_write_u8(hallmark_read_u8());
            hallmark_write_u32(hallmark_read_u32());
            hallmark_write_u16((uint16_t)hallmark_read_i16());
            hallmark_write_u64(hallmark_read_u64());
            uint32_t left = hallmark_input_left();
            hallmark_read_bytes(rest + 1, 7);
            hallmark_read_bytes(rest + 8, left - 7);
            hallmark_write_bytes(rest + 1, left);
            hallmark_finish();
        }
    """)
    for length in range(23, 40):
        content = bytes(range(1, length + 1))
        seen, _ = run(elf, content)
        assert seen.written == struct.pack("<I", length) + content
    with pytest.raises(GuestPanic, match="the input ends before"):
        run(elf, b"1234567")


def test_output_of_every_length_is_hashed(compiler: Compiler) -> None:
    elf = compiler.text("""
        #include <hallmark.h>
        int main(void) {
            while (hallmark_input_left()) hallmark_write_u8(hallmark_read_u8());
            hallmark_finish();
        }
    """)
    for length in [*range(10), *range(40, 54), 92, 93, 1000]:
        content = bytes((7 * i + 1) % 256 for i in range(length))
        seen, _ = run(elf, content)
        assert seen.written == content
        assert seen.execution.output == hash_written(content)


def test_lengths_and_zeros_at_the_end_are_told_apart() -> None:
    assert len({hash_written(b"a" + bytes(count)) for count in range(60)}) == 60


def test_a_program_that_wrote_nothing_has_no_long_output(compiler: Compiler) -> None:
    assert run(compiler.text("int main(void) { return 42; }"))[0].written is None


def test_heap_blocks_are_apart_aligned_and_reused(compiler: Compiler) -> None:
    elf = compiler.text(
        CHECK
        + """
        static unsigned char *block[600];
        static unsigned size[600];
        int main(void) {
            unsigned seed = 1;
            for (unsigned round = 0; round < 4000; round++) {
                seed = seed * 1664525u + 1013904223u;
                unsigned i = (seed >> 8) % 600, wanted = (seed >> 20) % (round % 50 ? 300 : 9000);
                if (block[i]) {
                    for (unsigned j = 0; j < size[i]; j++) assert(block[i][j] == (unsigned char)i);
                    if (seed >> 31) {
                        block[i] = realloc(block[i], wanted);
                        for (unsigned j = 0; j < size[i] && j < wanted; j++) assert(block[i][j] == (unsigned char)i);
                    } else {
                        free(block[i]);
                        block[i] = calloc(wanted, 1);
                        for (unsigned j = 0; j < wanted; j++) assert(block[i][j] == 0);
                    }
                } else {
                    block[i] = malloc(wanted);
                }
                assert(block[i] && (uintptr_t)block[i] % 16 == 0);
                size[i] = wanted;
                memset(block[i], (int)i, wanted);
            }
            return 42;
        }
        """
    )
    seen, _ = run(elf)
    assert words(seen)[0] == 42
    # 600 live blocks of 300 bytes: memory is used again and again.
    assert seen.execution.memory_bytes < 3 << 20


def test_a_full_heap_is_told(compiler: Compiler) -> None:
    seen, _ = run(
        compiler.text(
            CHECK
            + """
            int main(void) {
                unsigned count = 0;
                assert(malloc(0xffffffff) == NULL && malloc(0x40000000) == NULL && calloc(0x10000, 0x10000) == NULL);
                assert(aligned_alloc(0x80000000, 1) == NULL && aligned_alloc(48, 1) == NULL);
                while (malloc(16 << 20)) count++;
                assert(malloc(1) != NULL);
                return (int)count;
            }
            """
        )
    )
    # A block of 16 MiB and its header take 32 MiB of the 1 GiB of addresses, and the end is kept free.
    assert words(seen)[0] == 31


@pytest.mark.parametrize("alignment", [1, 16, 64, 128, 4096])
def test_aligned_blocks(compiler: Compiler, alignment: int) -> None:
    seen, _ = run(
        compiler.text(
            CHECK
            + f"""
            int main(void) {{
                for (unsigned i = 0; i < 20; i++) {{
                    unsigned char *block = aligned_alloc({alignment}, 100), *other = malloc(20);
                    assert((uintptr_t)block % {alignment} == 0);
                    memset(block, 1, 100);
                    memset(other, 2, 20);
                    assert(block[99] == 1 && other[0] == 2);
                    if (i % 2) free(block);
                    free(other);
                }}
                return 42;
            }}
            """
        )
    )
    assert words(seen)[0] == 42


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("char *a = malloc(9); kept = a; free(a); free(kept);", "freed before"),
        ("static unsigned a[8]; kept = (char *)(a + 4); free(kept);", "not allocated"),
        ("abort();", "abort was called"),
        ('hallmark_panic("no luck");', "no luck"),
        ('assert(strlen("ab") == 3);', r"program\d+\.c:7: assertion failed: strlen\(\"ab\"\) == 3"),
    ],
)
def test_a_program_that_gives_up_says_why_and_where(compiler: Compiler, body: str, reason: str) -> None:
    with pytest.raises(GuestPanic, match=reason) as caught:
        run(compiler.text(f"{CHECK}char *volatile kept; int main(void) {{\n{body}\nreturn 0; }}"))
    assert caught.value.code == "guest_panic"
    assert ".c:" in caught.value.place


def test_assertions_can_be_switched_off(compiler: Compiler) -> None:
    elf = compiler.text(f"{CHECK}int main(void) {{ assert(0); return 5; }}", ".c", "-DNDEBUG")
    assert words(run(elf)[0])[0] == 5


def test_traps_name_function_and_line(compiler: Compiler) -> None:
    source = """#include <stdint.h>
__attribute__((noinline)) uint32_t read_at(volatile uint32_t *where) {
    return *where;
}
int main(void) { return (int)read_at((uint32_t *)0x200001); }
"""
    with pytest.raises(MisalignedAccess) as caught:
        run(compiler.text(source))
    assert re.fullmatch(r"read_at\S* \(program\d+\.c:3\)", caught.value.place)
    assert caught.value.place in caught.value.message
    with pytest.raises(IllegalInstruction, match="in main"):
        run(compiler.text("int main(void) { __builtin_trap(); }"))


def test_strings_as_c_has_them(compiler: Compiler) -> None:
    elf = compiler.text(
        CHECK
        + """
        static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
        int main(void) {
            char text[32];
            int numbers[] = {5, -3, 9, 0, 5, 2, -8};
            const int wanted = 9, missing = 4;
            assert(strlen("") == 0 && strlen("abc") == 3 && strnlen("abcdef", 4) == 4 && strnlen("ab", 4) == 2);
            assert(strcmp("a", "a") == 0 && strcmp("a", "b") < 0 && strcmp("b", "") > 0 && strcmp("\\xff", "a") > 0);
            assert(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0);
            assert(strcmp(strcat(strcpy(text, "ab"), "cd"), "abcd") == 0);
            memset(text, 'x', sizeof text);
            assert(memcmp(strncpy(text, "ab", 4), "ab\\0\\0x", 5) == 0);
            assert(*strchr("hallo", 'l') == 'l' && strchr("a", 'b') == NULL && *strchr("a", 0) == 0);
            assert(strcmp(strrchr("a/b/c", '/'), "/c") == 0 && strcmp(strstr("abcabd", "abd"), "abd") == 0);
            assert(strstr("abc", "x") == NULL && strcmp(strstr("abc", ""), "abc") == 0);
            assert(memchr("abc", 'c', 2) == NULL && memchr("abc", 'c', 3) != NULL);
            memmove(strcpy(text, "0123456789") + 2, text, 5);
            assert(strcmp(text, "0101234789") == 0);
            qsort(numbers, 7, sizeof *numbers, by_value);
            for (int i = 1; i < 7; i++) assert(numbers[i - 1] <= numbers[i]);
            assert(*(int *)bsearch(&wanted, numbers, 7, sizeof *numbers, by_value) == 9);
            assert(bsearch(&missing, numbers, 7, sizeof *numbers, by_value) == NULL);
            assert(abs(-3) == 3 && labs(4) == 4 && llabs(-5000000000ll) == 5000000000ll);
            return 42;
        }
        """
    )
    assert words(run(elf)[0])[0] == 42


def test_printf_is_formatted_by_the_host(compiler: Compiler) -> None:
    elf = compiler.text(
        """
        #include <hallmark.h>
        int main(void) {
            hallmark_printf("%d %u %x %#X %o|%5d|%-5d|%05d|%+d\\n", -1, 4000000000u, 255, 255, 8, 42, 42, 42, 42);
            hallmark_printf("%lld %llu %hhd %hu %zu\\n", -5000000000ll, 1ull << 63, 300, 70000, (size_t)7);
            hallmark_printf("%s|%10s|%-4s|%.2s|%c|%%|%p\\n", "text", "right", "l", "cut", 'c', (void *)0x100);
            hallmark_printf("%f %.2f %e %g\\n", 1.5, 2.345, 1e10, 0.25);
            hallmark_printf("%d %lld %d %f %d %lld\\n", 1, 2ll, 3, 4.0, 5, 6ll);
            hallmark_printf("%*d|%.*f|%q\\n", 4, 7, 1, 0.25);
            hallmark_printf("\\033[2J");
            hallmark_print("plain\\n");
            return 0;
        }
    """,
        ".c",
        "-Wno-format",
    )
    assert run(elf)[1].splitlines() == [
        "-1 4000000000 ff 0XFF 10|   42|42   |00042|+42",
        "-5000000000 9223372036854775808 44 4464 7",
        "text|     right|l   |cu|c|%|0x100",
        "1.500000 2.35 1.000000e+10 0.25" if f"{2.345:.2f}" == "2.35" else "1.500000 2.34 1.000000e+10 0.25",
        "1 2 3 4.000000 5 6",
        "   7|0.2|%q",
        "\ufffd[2Jplain",
    ]


def test_markers_count_what_lies_between(compiler: Compiler) -> None:
    elf = compiler.text("""
        #include <hallmark.h>
        int main(void) {
            for (int i = 0; i < 3; i++) {
                hallmark_cycles_begin("outer");
                hallmark_cycles_begin("inner");
                for (volatile int j = 0; j < 100; j++) continue;
                hallmark_cycles_end("inner");
                hallmark_cycles_end("outer");
            }
            hallmark_cycles_end("never begun");
            hallmark_cycles_begin("never ended");
            return 0;
        }
    """)
    for profile in (False, True):
        markers = run(elf, profile=profile)[0].markers
        inner, outer = markers.closed["inner"], markers.closed["outer"]
        assert inner.times == outer.times == 3
        assert 300 < inner.cycles < outer.cycles < inner.cycles + 50
        assert [name for name, _ in markers.open] == ["never ended"] and markers.unmatched == {"never begun"}


def test_cpp_has_new_delete_and_static_objects(compiler: Compiler) -> None:
    elf = compiler.text(
        """
        #include <hallmark.h>
        #include <new>
        struct Counted {
            static int alive;
            virtual int value() const { return 1; }
            Counted() { alive++; }
            virtual ~Counted() { alive--; }
        };
        struct alignas(64) Wide : Counted { int value() const override { return 2; } };
        int Counted::alive = 0;
        int at_first_use(int n) { static Counted once; return once.value() + n; }
        int main() {
            Counted *one = new Counted, *many = new Counted[5], *wide = new Wide;
            alignas(Counted) unsigned char room[sizeof(Counted)];
            Counted *placed = new (room) Counted;
            const uint32_t output[8] = {
                static_cast<uint32_t>(Counted::alive), static_cast<uint32_t>(wide->value() + placed->value()),
                static_cast<uint32_t>(reinterpret_cast<uintptr_t>(wide) % 64), static_cast<uint32_t>(at_first_use(4)),
                new (std::nothrow) char[0x50000000] == nullptr};
            delete one;
            delete[] many;
            delete wide;
            placed->~Counted();
            if (Counted::alive != 1) hallmark_panic("some are left");
            hallmark_exit(output);
        }
        """,
        ".cpp",
    )
    assert words(run(elf)[0])[:5] == [8, 3, 0, 5, 1]


def test_static_objects_are_destroyed_in_the_opposite_order(compiler: Compiler) -> None:
    elf = compiler.text(
        """
        #include <hallmark.h>
        struct Noisy {
            char name;
            explicit Noisy(char c) : name(c) { hallmark_printf("+%c", name); }
            ~Noisy() { hallmark_printf("-%c", name); }
        };
        Noisy first('a'), second('b');
        int main() {
            static Noisy third('c');
            hallmark_print(" main ");
            if (hallmark_input_left()) hallmark_finish();
            return 7;
        }
        """,
        ".cpp",
    )
    seen, printed = run(elf)
    assert printed == "+a+b+c main -c-b-a"
    assert words(seen)[0] == 7
    # A program that says how it ends ends there.
    assert run(elf, b"x")[1] == "+a+b+c main "


def test_new_panics_when_the_heap_is_full(compiler: Compiler) -> None:
    with pytest.raises(GuestPanic, match="the heap is full"):
        run(compiler.text("int main() { return new char[0x50000000] != nullptr; }", ".cpp"))


def test_floating_point_runs_on_the_machine(compiler: Compiler) -> None:
    elf = compiler.text("""
        #include <hallmark.h>
        int main(void) {
            double x = 2.0, root = 1.0;
            for (int i = 0; i < 6; i++) root = (root + x / root) / 2;
            float third = 1.0f / (float)hallmark_read_u32();
            uint32_t output[8] = {(uint32_t)(root * 1e9), (uint32_t)(int32_t)(third * -1e6f), root > 1.4};
            hallmark_exit(output);
        }
    """)
    assert words(run(elf, struct.pack("<I", 3))[0])[:3] == [1414213562, (-333333) % 2**32, 1]
