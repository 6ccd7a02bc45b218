"""The native library on 64-bit Arm: cross-compiled, and tested in an emulator.

``tools/install_arm64.sh`` brings compiler, emulator and an Arm Python; without them the test is left out, and says so.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

import pytest

from tests.proving.instruction_sets import NATIVE

ROOT = NATIVE.parents[1]
TOOLS = ROOT / ".hallmark" / "arm64"
#: By default: known answers of the hash, and a whole proof to the byte.
FEW = ("tests/proving/hash/test_permutations.py", "tests/proving/stark/test_frozen_proof.py")
#: Arithmetic and hashes of both fields, transforms, trees, openings, constraints, a whole proof, and the executor, of
#: which few programs run: the emulator keeps tables of every program's 4 GB of addresses.
TESTS = (
    "tests/proving/field",
    "tests/proving/hash",
    "tests/proving/backend",
    "tests/proving/stark/air/test_program.py",
    "tests/proving/stark/test_frozen_proof.py",
    "tests/proving/snark/bn254/test_field.py",
    "tests/proving/snark/bn254/test_poseidon2.py",
    "tests/proving/machine/test_traps.py::test_misaligned_accesses_trap",
    "tests/proving/machine/test_witness.py::test_records_of_random_programs_are_consistent",
    "tests/proving/machine/test_witness.py::test_records_of_poseidon2_calls_are_consistent",
)


def environment() -> dict[str, str]:
    """Variables under which what was unpacked is found before what the system has."""
    host = TOOLS / "host" / "usr"
    return {
        **os.environ,
        "PATH": f"{host / 'bin'}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(host / "lib" / "x86_64-linux-gnu"),
        # What was asked of this run is not asked of the tests within it.
        "PYTEST_ADDOPTS": "",
    }


def library(*flags: str) -> Path:
    """Build the library and return it; compiling for speed takes longer than the default's tests."""
    if platform.machine() == "aarch64":
        pytest.skip("this is a 64-bit Arm machine: all tests run on it")
    if not (TOOLS / "complete").exists():
        pytest.skip("left out: tools/install_arm64.sh has not brought what builds and emulates 64-bit Arm")
    folder, prefix = "-".join(["build/arm64", *(flag.lstrip("-") for flag in flags)]), "aarch64-linux-gnu-"
    tools = [f"{name}={prefix}{tool}" for name, tool in (("CXX", "g++"), ("LD", "ld"), ("OBJCOPY", "objcopy"))]
    options = [f"CXXFLAGS={' '.join(flags)}"] if flags else []
    command = ["make", "--no-print-directory", "-s", "-j2", "-C", str(NATIVE), f"BUILD={folder}", *options, *tools]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return NATIVE / folder / "libhallmark.so"


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("tests", [FEW, pytest.param(TESTS, marks=pytest.mark.long)], ids=["few", "all"])
def test_the_kernels_tests_pass_on_64_bit_arm(tests: tuple[str, ...]) -> None:
    built = library() if tests is TESTS else library("-O1")
    system = TOOLS / "system"
    python = system / "usr" / "bin" / (TOOLS / "complete").read_text().strip()
    command = ["qemu-aarch64-static", "-L", system, python, "-B", "-m", "tests.proving.native.arm64", built, *tests]
    variables = {**environment(), "PYTHONPATH": str(TOOLS / "packages")}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) > (100 if tests is TESTS else 5), done.stdout
