"""What the driver measures of this worker's device, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cuda.devices import bus_of
from cuda.nvml import open_nvml
from runtime.errors import HallmarkError


class DeviceCollector(Collector):
    """Exports the figures of one device, read when Prometheus asks.

    Parameters
    ----------
    device
        ``cuda:N``, as this process numbers them.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._bus: str | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield what the device measures; nothing without a library, a driver or the device."""
        nvml = open_nvml()
        if nvml is None:
            return
        try:
            self._bus = self._bus or bus_of(int(self._device.partition(":")[2]))
        except HallmarkError:
            # The worker itself says what is wrong with its device.
            return
        found = nvml.read(self._bus)
        yield from self._gauge("hallmark_device_use_ratio", "Share of the time in which a kernel ran.", found.use)
        yield from self._gauge("hallmark_device_memory_used_bytes", "Memory in use, by all.", found.memory_used)
        yield from self._gauge("hallmark_device_memory_bytes", "Memory in all.", found.memory_total)
        yield from self._gauge("hallmark_device_temperature_celsius", "Temperature.", found.temperature)
        yield from self._gauge("hallmark_device_power_watts", "Power that it takes.", found.power)
        yield from self._gauge("hallmark_device_throttled", "Whether heat or power slow it down.", found.throttled)

    def _gauge(self, name: str, text: str, value: float | None) -> Iterator[Metric]:
        if value is not None:
            gauge = GaugeMetricFamily(name, text, labels=["device"])
            gauge.add_metric([self._device], float(value))
            yield gauge

    def describe(self) -> Iterator[Metric]:
        """Describe nothing, so that registering asks no driver."""
        return iter(())


def export(device: str) -> None:
    """Export the figures of a worker's device, if it is one that the driver measures."""
    if device.startswith("cuda:"):
        REGISTRY.register(DeviceCollector(device))
