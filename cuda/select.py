"""The compute backend by the name that an operator gives it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cuda.errors import DeviceError, NoDevice
from proving.backend.cpu import cpu_backend
from runtime.errors import ConfigurationError
from runtime.logging import get_logger

if TYPE_CHECKING:
    from proving.backend.interface import Backend

#: The driver's control file: where it is missing, no CUDA library is looked for.
CONTROL = Path("/dev/nvidiactl")

_NAME = re.compile(r"auto|cpu|emulated|cuda(?::(\d{1,3}))?")


def select_backend(name: str, budget: int | None = None, memory: int = 0) -> Backend:
    """Return the backend for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``emulated``.

    ``auto`` takes the first CUDA device when there is a usable one, and says why when it is not. PyCUDA is imported
    only where the driver's control file is.

    Parameters
    ----------
    budget
        Bytes of device memory to stay below.
    memory
        Bytes that a proof on the CPU may take; 0 for three quarters of what is free.

    Raises
    ------
    ConfigurationError
        There is no such name.
    DeviceError
        The device was asked for by name and cannot be used.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise ConfigurationError(f"The device {name!r} is unknown; use auto, cpu, cuda:N or emulated.")
    if name == "cpu":
        return cpu_backend(memory)
    from cuda.backend import CudaBackend, open_backend

    if name == "emulated":
        from cuda.emulated import EmulatedDevice

        return CudaBackend(EmulatedDevice(), budget)
    present = CONTROL.exists()
    if name == "auto":
        if not present:
            return cpu_backend(memory)
        try:
            return open_backend(0, budget)
        except DeviceError as error:
            get_logger("backend").warning("no usable CUDA device, using the CPU", reason=error.line())
            return cpu_backend(memory)
    if not present:
        raise NoDevice(f"{name} was asked for and this machine has no NVIDIA driver ({CONTROL} is missing).")
    return open_backend(int(matched.group(1) or 0), budget)
