"""Figures of devices by a stand-in for NVML whose calls are held against the real library."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from actors import device_metrics
from cli.devices import measured
from cuda import nvml
from cuda.nvml import Figures, open_nvml

BUS = "0000:3b:00.0"
FIGURES = Figures(0.87, 3 << 30, 80 << 30, 71.0, 412.5, True)


class Refused(Exception):
    """What NVML raises."""


class StandIn(ModuleType):
    """Answers for one device, and keeps what it was asked."""

    NVMLError = Refused

    def __init__(self, *refuses: str, driver: bool = True) -> None:
        super().__init__("pynvml")
        self.refuses, self.driver = refuses, driver
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlInit": None,
            "nvmlDeviceGetHandleByPciBusId": "device",
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=87, memory=40),
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 << 30, free=77 << 30, used=3 << 30),
            "nvmlDeviceGetTemperature": 71,
            "nvmlDeviceGetPowerUsage": 412_500,
            "nvmlDeviceGetCurrentClocksEventReasons": 0x01 | 0x20,
        }
        if name not in answers:
            raise AttributeError(name)

        def call(*given: Any) -> Any:
            self.asked.append((name, given))
            if name in self.refuses or not self.driver:
                raise Refused("Not Supported")
            return answers[name]

        return call


def install(monkeypatch: pytest.MonkeyPatch, library: ModuleType | None) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.setattr(device_metrics, "bus_of", lambda number: BUS)
    nvml._opened.cache_clear()


def exported() -> str:
    registry = CollectorRegistry()
    registry.register(device_metrics.DeviceCollector("cuda:1"))
    return generate_latest(registry).decode()


def test_all_is_read_in_its_unit_by_the_place_on_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    library = StandIn()
    install(monkeypatch, library)
    opened = open_nvml()
    assert opened is not None and opened.read(BUS) == FIGURES
    assert library.asked[:2] == [("nvmlInit", ()), ("nvmlDeviceGetHandleByPciBusId", (BUS.encode(),))]
    assert all(given[0] == "device" for _, given in library.asked[2:])
    assert ("nvmlDeviceGetTemperature", ("device", 0)) in library.asked


def test_every_call_is_one_of_the_real_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pytest.importorskip("pynvml")
    library = StandIn()
    install(monkeypatch, library)
    opened = open_nvml()
    assert opened is not None
    opened.read(BUS)
    assert all(callable(getattr(real, name)) for name, _ in library.asked)
    names = ("HwSlowdown", "SwThermalSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown")
    assert sum(getattr(real, f"nvmlClocksEventReason{name}") for name in names) == nvml.THROTTLED
    assert issubclass(real.NVMLError, Exception) and real.NVML_TEMPERATURE_GPU == 0


def test_the_gauges_are_exported_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, StandIn())
    lines = exported().splitlines()
    for line in (
        'hallmark_device_use_ratio{device="cuda:1"} 0.87',
        'hallmark_device_memory_used_bytes{device="cuda:1"} 3.221225472e+09',
        'hallmark_device_memory_bytes{device="cuda:1"} 8.589934592e+10',
        'hallmark_device_temperature_celsius{device="cuda:1"} 71.0',
        'hallmark_device_power_watts{device="cuda:1"} 412.5',
        'hallmark_device_throttled{device="cuda:1"} 1.0',
    ):
        assert line in lines, line


def test_what_a_device_does_not_measure_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, StandIn("nvmlDeviceGetPowerUsage", "nvmlDeviceGetUtilizationRates"))
    text = exported()
    assert "hallmark_device_power_watts" not in text and "hallmark_device_use_ratio" not in text
    assert "hallmark_device_temperature_celsius" in text
    assert measured(Figures(None, None, None, 71.0, None, False)) == "71 °C"
    assert measured(FIGURES) == "87% in use, 71 °C, 412 W, slowed down by heat or power"


@pytest.mark.parametrize("library", [None, StandIn(driver=False)], ids=["no library", "no driver"])
def test_without_library_or_driver_there_is_nothing_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch, library: ModuleType | None
) -> None:
    install(monkeypatch, library)
    said: list[str] = []
    monkeypatch.setattr(nvml, "get_logger", lambda name: SimpleNamespace(info=lambda text, **_: said.append(text)))
    assert (exported(), exported()) == ("", "")
    assert said == ["no figures of devices"]
