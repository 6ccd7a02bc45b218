"""The state-transition program's C code compiled for this machine, with address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from guest.build import FOLDER, STATE_TRANSITION

ROOT = FOLDER.parent
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compile_host(target: Path) -> None:
    """Compile the program and its host runtime into an executable."""
    flags = ("-O1", "-g", "-Wall", "-Wextra", "-Werror", "-DHALLMARK_HOST", *SANITIZERS)
    includes = ("-I", str(FOLDER / "runtime"), "-I", str(FOLDER / "stf"), "-I", str(ROOT / "proving/native/src"))
    with tempfile.TemporaryDirectory() as scratch:
        objects = []
        for file in STATE_TRANSITION.files:
            objects.append(str(Path(scratch) / (Path(file).stem + ".o")))
            command = ["gcc", "-std=c11", "-Dmain=guest_main", *flags, *includes, "-c", str(FOLDER / file)]
            subprocess.run([*command, "-o", objects[-1]], check=True)
        host = str(Path(__file__).parent / "host.cpp")
        subprocess.run(["g++", "-std=c++20", *flags, *includes, host, *objects, "-o", str(target)], check=True)


class Host:
    """The running executable. A request that makes it abort raises."""

    def __init__(self, executable: Path) -> None:
        # GCC 13's copies of the stack, which it makes to find uses after a return, do not keep alignments.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0"}
        self._process = subprocess.Popen(
            [str(executable)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def _ask(self, kind: int, content: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(kind.to_bytes(4, "little") + len(content).to_bytes(4, "little") + content)
        self._process.stdin.flush()

    def _answer(self, size: int) -> bytes:
        assert self._process.stdout is not None and self._process.stderr is not None
        answer = self._process.stdout.read(size)
        if len(answer) != size:
            pytest.fail("the program aborted: " + self._process.stderr.read().decode(errors="replace")[:4000])
        return answer

    def run_advice(self, advice: bytes) -> tuple[bytes, bytes]:
        """Run on raw advice words and return output and journal."""
        self._ask(0, advice)
        output = self._answer(32)
        return output, self._answer(int.from_bytes(self._answer(4), "little"))

    def run(self, content: bytes) -> tuple[bytes, bytes]:
        """Run on an input file and return output and journal."""
        return self.run_advice(len(content).to_bytes(4, "little") + content + bytes(-len(content) % 4))

    def recover(self, signatures: Sequence[tuple[int, int, int, int]]) -> list[tuple[int, int] | None]:
        """Recover public keys from (r, s, hash, parity)."""
        self._ask(1, b"".join(_item(*signature) for signature in signatures))
        return [self._key() for _ in signatures]

    def recover_as_told(self, signature: tuple[int, int, int, int], hints: bytes) -> tuple[int, int] | None:
        """Recover one public key with hints; None where they are refused."""
        self._ask(3, _item(*signature) + hints)
        return self._key()

    def digits(self, a: int, b: int) -> list[list[int]]:
        """Return the signed digits of both halves of two scalars, the lowest first."""
        self._ask(4, a.to_bytes(32, "big") + b.to_bytes(32, "big"))
        rows = struct.unpack("<528h", self._answer(4 * 2 * 132))
        return [list(rows[132 * j : 132 * (j + 1)]) for j in range(4)]

    def _key(self) -> tuple[int, int] | None:
        answer = self._answer(65)
        return (int.from_bytes(answer[1:33], "big"), int.from_bytes(answer[33:], "big")) if answer[0] else None

    def calculate(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[list[int], bool]]:
        """For pairs (a, b) of 256-bit numbers: a + b, a - b, -a - b and a b + b in the field, and whether a + b = p."""
        self._ask(2, b"".join(value.to_bytes(32, "little") for pair in pairs for value in pair))
        answers = [self._answer(129) for _ in pairs]
        return [
            ([int.from_bytes(answer[at : at + 32], "little") for at in range(0, 128, 32)], bool(answer[128]))
            for answer in answers
        ]

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)


def _item(r: int, s: int, message: int, parity: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in (r, s, message)) + bytes([parity])
