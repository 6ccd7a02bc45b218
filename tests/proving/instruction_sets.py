"""The instruction sets that the kernels are tested on: this CPU's own, and those emulated on any CPU."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import pytest

from proving import native

NATIVE = Path(native.__file__).parent
EVERY = (*native.ISAS, *native.EMULATED)


def build_emulated() -> None:
    """Build the library of emulated kernels where it is missing or out of date."""
    build("emulated")


@functools.cache
def build(target: str) -> None:
    """Build a target of the native kernels' Makefile, once per process."""
    command = ["make", "--no-print-directory", "-s", "-j2", "-C", str(NATIVE), target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def require(name: str) -> None:
    """Skip the test where this CPU lacks the instruction set; emulated ones run everywhere."""
    if name in native.EMULATED:
        build_emulated()
    elif name not in native.available_isas():
        pytest.skip(f"this CPU has no {name}")
