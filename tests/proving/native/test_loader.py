from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from proving import native
from proving.field import goldilocks
from tests.proving import instruction_sets
from tests.proving.elements import random_elements

CHECKOUT = Path(__file__).parents[3]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_environment_chooses_the_instruction_set_and_the_threads() -> None:
    code = "from proving import native; native.library(); print(native.isa(), native.threads())"
    instruction_sets.build_emulated()
    for name in native.runnable_isas():
        assert run(code, HALLMARK_CPU=name, HALLMARK_THREADS="3").stdout.split() == [name, "3"]


@pytest.mark.parametrize("variable", ["HALLMARK_CPU", "HALLMARK_THREADS"])
def test_wrong_settings_are_named(variable: str) -> None:
    result = run("from proving import native; native.library(); native.isa()", **{variable: "abacus"})
    assert result.returncode != 0
    assert f"{variable} is 'abacus'" in result.stderr


def test_unknown_functions_and_instruction_sets_are_refused() -> None:
    with pytest.raises(native.NativeLibraryError, match="hm_nothing"):
        native.function("hm_nothing", None, [])()
    with pytest.raises(native.NativeLibraryError, match="abacus"), native.forced_isa("abacus"):
        pass


def test_every_instruction_set_has_kernels_of_its_own() -> None:
    instruction_sets.build_emulated()
    kernel = native.function("hm_compress16", None, [native.POINTER, native.POINTER, native.SIZE])
    addresses = set()
    for name in native.runnable_isas():
        with native.forced_isa(name):
            addresses.add(kernel.address())
    assert len(addresses) == len(native.available_isas()) + len(native.EMULATED)


def test_kernels_run_from_several_python_threads_at_once() -> None:
    values = random_elements(1, 1 << 17)
    expected = goldilocks.multiply(values, values)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: goldilocks.multiply(values, values), range(12)))
    assert all(np.array_equal(result, expected) for result in results)


def test_a_forked_child_computes() -> None:
    code = (
        "import os, sys, numpy as np\n"
        "from proving.field import goldilocks as g\n"
        "x = np.arange(1 << 17, dtype=np.uint64)\n"
        "y = g.multiply(x, x)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if np.array_equal(g.multiply(x, x), y) else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert run(code, HALLMARK_THREADS="2").returncode == 0
