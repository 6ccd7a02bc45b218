from __future__ import annotations

from collections.abc import Iterator

import pytest

from cuda.backend import CudaBackend, open_backend
from cuda.emulated import EmulatedDevice
from proving.backend.native import NativeBackend


@pytest.fixture(params=["emulated", pytest.param("cuda", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> Iterator[CudaBackend]:
    """The backend under test: thread emulation, and a real device where the tests marked gpu run."""
    made = CudaBackend(EmulatedDevice(), keep=False) if request.param == "emulated" else open_backend(0)
    yield made
    made.device.close()


@pytest.fixture
def emulated() -> EmulatedDevice:
    return EmulatedDevice()


@pytest.fixture(scope="session")
def native() -> NativeBackend:
    return NativeBackend()
