"""What `tools/gpu_run.sh` installs is enough: tests and benchmark load no other package than those locked for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

#: Refuses every module that no locked package has, then runs what its argument says.
ONLY_LOCKED = """
import importlib.abc, importlib.metadata, re, sys
from pathlib import Path

def named(name):
    return re.sub(r"[-_.]+", "-", name).lower()

def modules(distribution):
    for file in distribution.files or ():
        if file.suffix in (".py", ".so"):
            yield ".".join([*file.parts[:-1], file.name.split(".")[0]]).removesuffix(".__init__")

locked = {named(name) for name in re.findall(r"^([\\w.-]+)==", Path("requirements-gpu.lock").read_text(), re.M)}
found, refused = set(), set()
for distribution in importlib.metadata.distributions():
    name = named(distribution.metadata["Name"])
    (found if name in locked or name == "hallmark" else refused).update(modules(distribution))
refused -= found

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in refused:
            raise ModuleNotFoundError(f"requirements-gpu.lock has no package with the module {name}", name=name)
        return None

sys.meta_path.insert(0, Refuse())
"""
COLLECT = """
import pytest
sys.exit(pytest.main(["-c", "tools/gpu_pytest.ini", "--rootdir", ".", "--collect-only", "-qq", "tests/cuda"]))
"""
#: All that the build and the benchmark import, at their heads and where the inputs are made.
BENCHMARK = """
from benchmarks import gpu, segment
from cli import kernels
from proving import keys
from proving.machine.main_vm.shapes import MIN_SIZE_CLASS
keys.proving_key(keys.MAIN_VM)
sys.exit(not segment.checkpoints(MIN_SIZE_CLASS, 1))
"""


def run(what: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", ONLY_LOCKED + what]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("what", [COLLECT, BENCHMARK], ids=["tests", "benchmark"])
def test_the_locked_packages_are_enough(what: str) -> None:
    done = run(what)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_package_that_is_not_locked_is_noticed() -> None:
    done = run("import aiohttp")
    assert done.returncode and "no package with the module aiohttp" in done.stderr
