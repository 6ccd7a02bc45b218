from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cuda import select
from cuda.backend import CudaBackend
from cuda.errors import NoDevice
from proving.backend.native import NativeBackend
from runtime.errors import ConfigurationError

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(select, "CONTROL", tmp_path / "nvidiactl")


@pytest.mark.usefixtures("no_driver")
def test_names_and_backends() -> None:
    assert isinstance(select.select_backend("cpu"), NativeBackend)
    assert isinstance(select.select_backend("auto"), NativeBackend)
    emulated = select.select_backend("emulated", budget=1 << 20)
    assert isinstance(emulated, CudaBackend)
    assert (emulated.name, emulated.pool.budget) == ("emulated", 1 << 20)
    for name in ("cuda", "cuda:0", "cuda:7"):
        with pytest.raises(NoDevice, match="no NVIDIA driver"):
            select.select_backend(name)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:0 ", "cuda:1234", "CPU"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown"):
        select.select_backend(name)


def test_nothing_imports_pycuda_without_a_driver() -> None:
    script = (
        "import sys, pathlib, cuda.select as s, cuda.devices as d\n"
        "s.CONTROL = d.CONTROL = pathlib.Path('/nonexistent')\n"
        "s.select_backend('auto'); s.select_backend('cpu'); print(d.report().problem)\n"
        "assert not [name for name in sys.modules if name.startswith('pycuda')]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no NVIDIA driver" in done.stdout
