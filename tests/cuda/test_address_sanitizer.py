"""The kernels' tests once more, with every access outside of an allocation reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cuda import emulated

ROOT = Path(__file__).parent.parent.parent

#: Loads the faulty kernel that reads one word past its shared memory.
OUTSIDE = """
from tests.cuda.test_emulation import KERNELS, run
from cuda.emulated import EmulatedDevice
run(EmulatedDevice(units=[KERNELS]), "reaching", {index}, shared=64)
"""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    compiler = os.environ.get("CXX", "g++")
    found = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    library = found.stdout.strip()
    if not Path(library).is_absolute():
        message = f"{compiler} has no address sanitizer"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    emulated.build(sanitize=True)
    # Python does not free everything at its end, and libstdc++ must be there when exceptions are first thrown.
    return {
        **os.environ,
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        "HALLMARK_EMULATION": "address",
    }


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_the_kernels_stay_inside_their_memory(environment: dict[str, str]) -> None:
    names = (
        "backend",
        "operations",
        "constraints",
        "expansion",
        "circuit_expansion",
        "bn254",
        "bn254_transforms",
        "bn254_msm",
    )
    files = [f"tests/cuda/test_{name}.py" for name in names]
    done = run(["-m", "pytest", "-q", "-x", "-m", "not gpu", "-p", "no:cacheprovider", *files], environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.mark.parametrize(("index", "inside"), [(7, True), (8, False)])
def test_an_access_outside_is_reported(environment: dict[str, str], index: int, inside: bool) -> None:
    done = run(["-c", OUTSIDE.format(index=index)], environment)
    assert (done.returncode == 0) is inside, done.stderr[-4000:]
    assert ("heap-buffer-overflow" in done.stderr) is not inside
