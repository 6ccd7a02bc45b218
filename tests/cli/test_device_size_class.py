"""Where neither class nor budget is asked for, a CUDA device's memory decides how large segments are."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import device
from cli.segments import Wanted
from cuda.backend import CudaBackend
from cuda.emulated import EmulatedDevice
from proving.backend.native import NativeBackend
from proving.stages import budget
from runtime.settings import Settings

GIB = 1 << 30


def wanted(size_class: int = 0, memory: int = 0) -> Wanted:
    return Wanted.of(Settings.of(memory=memory), memory_limit=GIB, size_class=size_class)


def test_a_device_that_holds_class_20_is_given_such_segments() -> None:
    needed = budget.kept_peak_bytes(20)
    made = wanted().on(needed)
    assert (made.largest, made.memory) == (20, needed)
    assert wanted().largest == budget.LARGEST


def test_a_device_that_holds_no_more_than_a_cpu_changes_nothing() -> None:
    before = wanted()
    for memory in (0, budget.kept_peak_bytes(20) - 1):
        assert before.on(memory) == before


def test_what_was_asked_for_stays() -> None:
    for before in (wanted(size_class=17), wanted(memory=4 * GIB)):
        assert before.on(80 * GIB) == before


@pytest.mark.parametrize(("name", "expected"), [("cuda:0", 3 * GIB), ("auto", 3 * GIB), ("emulated", 0)])
def test_a_command_knows_its_devices_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, expected: int
) -> None:
    settings = Settings.of(state_dir=tmp_path, device=name, device_turns=tmp_path / "turns")
    monkeypatch.setattr(device, "open_backend", lambda _: CudaBackend(EmulatedDevice(), 3 * GIB))
    with device.opened(settings, "prove") as compute:
        assert compute.memory == expected


def test_a_cpu_has_no_memory_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings.of(state_dir=tmp_path, device="cpu")
    monkeypatch.setattr(device, "open_backend", lambda _: NativeBackend())
    with device.opened(settings, "prove") as compute:
        assert compute.memory == 0
