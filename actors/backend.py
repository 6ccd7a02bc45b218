"""Chooses the compute backend of a circuit prover; CUDA is imported only when it is asked for or present."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from runtime.errors import ConfigurationError
from runtime.logging import get_logger
from runtime.settings import Settings


def device_name(settings: Settings) -> str:
    """Return ``cpu`` or ``cuda:N`` without touching any driver.

    ``auto`` takes a device when its control file exists, because a context must only be made in the thread that uses
    it.
    """
    if settings.device == "cpu":
        return "cpu"
    if settings.device.startswith("cuda"):
        return settings.device if ":" in settings.device else f"{settings.device}:0"
    present = Path("/dev/nvidia0").exists() and importlib.util.find_spec("pycuda") is not None
    return "cuda:0" if present else "cpu"


def open_backend(settings: Settings) -> Any:
    """Return the backend for this process's device.

    Raises
    ------
    ConfigurationError
        CUDA was asked for by name and cannot be had.
    """
    name = device_name(settings)
    if name.startswith("cuda"):
        try:
            opened = importlib.import_module("cuda.backend").open_backend(int(name.partition(":")[2]))
        except Exception as error:
            if settings.device != "auto":
                raise ConfigurationError(f"The device {name} cannot be used: {error}") from error
            get_logger("backend").warning("no usable CUDA device, using the CPU", reason=str(error))
        else:
            return opened
    return importlib.import_module("proving.backend.native").NativeBackend()
