"""The compute backend of this process's device; CUDA is imported only when it is asked for or present."""

from __future__ import annotations

import importlib.util

from cuda.errors import DeviceError, DeviceOutOfMemory
from cuda.select import CONTROL, select_backend
from proving.backend.interface import Backend
from runtime.errors import ConfigurationError
from runtime.settings import Settings


def device_name(settings: Settings) -> str:
    """Return ``cpu``, ``emulated`` or ``cuda:N`` without touching any driver.

    ``auto`` takes a device when its control file exists, because a context must only be made in the thread that uses
    it.
    """
    if settings.device.startswith("cuda"):
        return settings.device if ":" in settings.device else f"{settings.device}:0"
    if settings.device != "auto":
        return settings.device
    present = CONTROL.exists() and importlib.util.find_spec("pycuda") is not None
    return "cuda:0" if present else "cpu"


def open_backend(settings: Settings) -> Backend:
    """Return the backend for this process's device.

    Raises
    ------
    ConfigurationError
        A device was asked for by name and cannot be had.
    """
    try:
        return select_backend(settings.device, settings.device_memory or None, settings.memory)
    except (DeviceError, DeviceOutOfMemory) as error:
        raise ConfigurationError(
            f"The device {settings.device} cannot be used: {error.message}", remedy=error.remedy
        ) from error
