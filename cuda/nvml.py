"""What the driver measures of a device: use, memory, temperature, power, and whether it is slowed down.

NVML numbers devices otherwise than CUDA does, so that a device is found by its place on the bus. Where the library or
the driver is missing there are no figures, and what a device does not measure is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from cuda.errors import NoDevice
from runtime.logging import get_logger

T = TypeVar("T")

#: Reasons for lower clocks that an operator mends: cooling and supply of power. Source: NVML's `nvml.h`,
#: `nvmlClocksEventReason*`: HwSlowdown, SwThermalSlowdown, HwThermalSlowdown, HwPowerBrakeSlowdown.
THROTTLED = 0x08 | 0x20 | 0x40 | 0x80
#: The sensor of the chip itself, `NVML_TEMPERATURE_GPU`.
_CHIP = 0


@dataclass(frozen=True)
class Figures:
    """A device at one moment; ``None`` stands for what it does not measure.

    Attributes
    ----------
    use
        Share of the last moments in which a kernel ran, 0 to 1.
    memory_used, memory_total
        Bytes, of all processes.
    temperature
        Degrees Celsius.
    power
        Watts.
    throttled
        Whether heat or power slow it down.
    """

    use: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None
    throttled: bool | None


class Nvml:
    """The library, started.

    Raises
    ------
    NoDevice
        It is not installed, or finds no driver.
    """

    def __init__(self) -> None:
        try:
            import pynvml
        except ImportError as error:
            raise NoDevice(
                f"NVML cannot be imported: {error}.", remedy="Install it: `.venv/bin/pip install -e '.[cuda]'`."
            ) from error
        self._library: Any = pynvml
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise NoDevice(f"NVML does not start: {error}.") from error

    def read(self, bus: str) -> Figures:
        """Return the figures of the device at a place on the bus, as CUDA names it (``0000:3b:00.0``)."""
        library = self._library
        device = self._asked(lambda: library.nvmlDeviceGetHandleByPciBusId(bus.encode()))
        if device is None:
            return Figures(None, None, None, None, None, None)
        use = self._asked(lambda: library.nvmlDeviceGetUtilizationRates(device).gpu)
        memory = self._asked(lambda: library.nvmlDeviceGetMemoryInfo(device))
        temperature = self._asked(lambda: library.nvmlDeviceGetTemperature(device, _CHIP))
        milliwatts = self._asked(lambda: library.nvmlDeviceGetPowerUsage(device))
        reasons = self._asked(lambda: library.nvmlDeviceGetCurrentClocksEventReasons(device))
        return Figures(
            use=None if use is None else use / 100,
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=None if temperature is None else float(temperature),
            power=None if milliwatts is None else milliwatts / 1000,
            throttled=None if reasons is None else bool(reasons & THROTTLED),
        )

    def _asked(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except self._library.NVMLError:
            return None


_LOCK = threading.Lock()


def open_nvml() -> Nvml | None:
    """Return the library, started once for the process; nothing, told once in the log, where there is none."""
    with _LOCK:
        return _opened()


@cache
def _opened() -> Nvml | None:
    try:
        return Nvml()
    except NoDevice as error:
        get_logger("nvml").info("no figures of devices", reason=error.message, remedy=error.remedy)
        return None
