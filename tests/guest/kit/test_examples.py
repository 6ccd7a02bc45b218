"""Every example is built with the kit and run; what it outputs is computed here a second time."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections import Counter

import pytest
from eth_hash.auto import keccak

from guest.build import unknown_instructions
from proving.machine.executor import execute
from proving.machine.program import Program
from proving.machine.traps import GuestPanic
from proving.machine.written import hash_written
from tests.guest.kit.compiled import EXAMPLES, Compiler, needs_compiler, run, words

pytestmark = needs_compiler

TEXT = b"The cat and the dog, and the bird!\nA dog barks; the cat does not."


def test_no_example_is_left_out() -> None:
    """An example that is added is tested here, or is one of the committed programs (`tests/guest/test_build.py`)."""
    names = {path.name for path in EXAMPLES.iterdir()}
    committed = {"keccak256.c", "permutation.c", "sort.c"}
    assert names == {"words.c", "shapes.cpp", "primes.zig", "power.c", "digest.c"} | committed


@pytest.mark.parametrize("name", ["words.c", "shapes.cpp", "primes.zig", "power.c", "digest.c"])
def test_examples_hold_no_instruction_that_traps(compiler: Compiler, name: str) -> None:
    # The kit's panic is the one that is meant to.
    assert {word for _, word in unknown_instructions(compiler.file(EXAMPLES / name))} <= {0x00100073}


def test_words_in_c(compiler: Compiler) -> None:
    seen, printed = run(compiler.file(EXAMPLES / "words.c"), TEXT)
    counted = Counter(re.findall(rb"[A-Za-z]+", TEXT))
    expected = b"".join(struct.pack("<I", counted[word]) + word + b"\n" for word in sorted(counted))
    assert seen.written == expected
    assert seen.execution.output == hash_written(expected)
    assert printed == f"{counted.total()} words, {len(counted)} of them different\n"
    assert set(seen.markers.closed) == {"count", "sort"}


def test_shapes_in_cpp(compiler: Compiler) -> None:
    elf = compiler.file(EXAMPLES / "shapes.cpp")
    shapes = [(25, 40), (15,), (7, 9), (100,), (1, 1), (3,)]
    content = b"".join((b"r" if len(s) == 2 else b"c") + struct.pack(f"<{len(s)}I", *s) for s in shapes)
    area = sum(s[0] / 10 * (s[1] / 10) if len(s) == 2 else math.pi * (s[0] / 10) * (s[0] / 10) for s in shapes)
    seen, printed = run(elf, content)
    assert words(seen)[:3] == [int(area * 1000 + 0.5), 0, len(shapes)]
    assert printed == f"{len(shapes)} shapes, {area:.3f} in all\n"
    with pytest.raises(GuestPanic, match=r"a shape is 'r' or 'c'.*shapes\.cpp:\d+"):
        run(elf, b"x")


def test_primes_in_zig(compiler: Compiler) -> None:
    elf = compiler.file(EXAMPLES / "primes.zig")
    seen, _ = run(elf, struct.pack("<I", 1000))
    primes = [n for n in range(2, 1000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    assert seen.written == struct.pack(f"<{len(primes)}I", *primes)
    with pytest.raises(GuestPanic, match="the input ends"):
        run(elf, b"\1")


@pytest.mark.parametrize(
    ("base", "exponent", "modulus"),
    [
        (3, 2**256 - 2**32 - 979, 2**256 - 2**32 - 977),
        (2**256 - 1, 2**256 - 1, 0),
        (5, 0, 1),
        (0, 0, 7),
        (6, 77, 2**255),
    ],
)
def test_powers_by_requests(compiler: Compiler, base: int, exponent: int, modulus: int) -> None:
    content = b"".join(number.to_bytes(32, "little") for number in (base, exponent, modulus))
    seen, _ = run(compiler.file(EXAMPLES / "power.c"), content)
    assert seen.execution.output == pow(base, exponent, modulus or 2**256).to_bytes(32, "little")


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 135, 136, 137, 272, 1001])
def test_hashes_by_requests(compiler: Compiler, size: int) -> None:
    message = bytes(i * i % 251 for i in range(size))
    for which, name in ((b"s", "sha256"), (b"b", "blake2s")):
        seen, _ = run(compiler.file(EXAMPLES / "digest.c"), which + message)
        assert seen.execution.output == hashlib.new(name, message).digest(), name
    seen, _ = run(compiler.file(EXAMPLES / "digest.c"), b"k" + message)
    assert seen.execution.output == keccak(message)


@pytest.mark.parametrize("name", ["words.c", "primes.zig"])
def test_listening_changes_nothing(compiler: Compiler, name: str) -> None:
    elf = compiler.file(EXAMPLES / name)
    content = TEXT if name == "words.c" else struct.pack("<I", 300)
    plain = execute(Program.from_elf(elf), content)
    for profile in (False, True):
        seen, _ = run(elf, content, profile=profile)
        assert (seen.execution.output, seen.execution.cycles) == (plain.output, plain.cycles)
        assert seen.execution.memory_bytes == plain.memory_bytes


def test_the_kit_is_all_that_programs_need(compiler: Compiler) -> None:
    """The linker is called without a library, so that a function that the kit lacks would be missing here."""
    seen, _ = run(
        compiler.text("""
            #include <hallmark.h>
            int main(void) {
                uint64_t a = hallmark_read_u32();
                a = a * 0x123456789abcdefull + 7;
                return (int)(a / 1000003ull + a % 97);
            }
        """),
        b"abcd",
    )
    a = (int.from_bytes(b"abcd", "little") * 0x123456789ABCDEF + 7) % 2**64
    assert words(seen)[0] == (a // 1000003 + a % 97) % 2**32
