"""Programs whose instruction mixes differ, for the shapes of `main_vm` and the fill of its segments."""

from __future__ import annotations

import functools
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import PROGRAMS, transfer_input
from guest.compile import FOLDER, compile_program
from proving.machine.program import Program

Run = tuple[Program, bytes | NDArray[np.uint32]]

#: Sources of programs that are not committed, beside this file and among the guest kit's examples.
_SOURCES: Final = (Path(__file__).parent / "programs", FOLDER / "example")
_WORDS: Final = 3000


def runs() -> dict[str, Callable[[], Run]]:
    """By name, what gives a program and its advice."""
    return {
        "3 transfers": lambda: (_committed("stf"), transfer_input(3)),
        "100 transfers": lambda: (_committed("stf"), transfer_input(100)),
        "1000 transfers": lambda: (_committed("stf"), transfer_input(1000)),
        "hash tree": lambda: (_compiled("hash_tree.c"), _advice(1 << 16)),
        "keccak": lambda: (_committed("keccak"), bytes(range(256)) * 400),
        "sort": lambda: (_committed("sort"), random.Random(1).randbytes(80_000)),
        "core": lambda: (_compiled("core.c"), _advice(60)),
        "big number": lambda: (_compiled("big_number.c"), _advice(120)),
        "random access": lambda: (_compiled("random_access.c"), _advice(100_000)),
        "fibonacci": lambda: (_compiled("fibonacci.c"), _advice(300_000)),
        "words": lambda: (_compiled("words.c"), _text()),
        "primes": lambda: (_compiled("primes.zig"), (300_000).to_bytes(4, "little")),
        "nothing to sort": lambda: (_committed("sort"), b""),
    }


def _committed(name: str) -> Program:
    return Program.from_elf((PROGRAMS / f"{name}.elf").read_bytes())


@functools.cache
def _compiled(name: str) -> Program:
    source = next(folder / name for folder in _SOURCES if (folder / name).exists())
    with tempfile.TemporaryDirectory(prefix="hallmark-guest-") as scratch:
        target = Path(scratch) / "program.elf"
        compile_program([source], target, cache=Path(scratch))
        return Program.from_elf(target.read_bytes())


def _advice(*words: int) -> NDArray[np.uint32]:
    return np.array(words, dtype=np.uint32)


def _text() -> bytes:
    rng = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["".join(rng.choices(letters, k=rng.randrange(2, 9))) for _ in range(120)]
    return " ".join(rng.choices(vocabulary, k=_WORDS)).encode()
