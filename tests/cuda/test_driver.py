"""The code that talks to the driver, over a driver that answers from the emulation and does everything late."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cuda import build, devices, programs, select, sources
from cuda import driver as cuda_driver
from cuda.backend import CudaBackend, open_backend
from cuda.emulated import EmulatedDevice
from cuda.errors import (
    DeviceLost,
    DeviceOutOfMemory,
    DriverTooOld,
    KernelsCorrupt,
    KernelsMissing,
    NoDevice,
    SelfTestFailed,
)
from proving.backend.native import NativeBackend
from proving.stark.prover import prove
from tests.cuda import fake_driver
from tests.cuda.tables import LOG_HEIGHT, Given, tables
from tests.proving.elements import random_elements
from tests.proving.stark import toy

COMPILER = Path(__file__).parent / "fake_nvcc.sh"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[fake_driver.Machine]:
    package = ModuleType("pycuda")
    package.driver = fake_driver  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", fake_driver)
    monkeypatch.setattr(cuda_driver, "STAGING", 1 << 12)
    monkeypatch.setattr(cuda_driver, "GRINDING_WAVE", 1 << 9)
    monkeypatch.setattr(cuda_driver.CudaDevice, "grinding_wave", 1 << 9)
    monkeypatch.setattr(build, "folder", lambda: tmp_path / "kernels")
    monkeypatch.setattr(programs, "folder", lambda: tmp_path / "programs")
    control = tmp_path / "nvidiactl"
    control.touch()
    monkeypatch.setattr(select, "CONTROL", control)
    monkeypatch.setattr(devices, "CONTROL", control)
    place = build.folder()
    place.mkdir(parents=True)
    names = {kernel: unit.stem for unit in sources.units() for kernel in sources.kernels(unit)}
    files = {}
    for unit in set(names.values()):
        for target in (*build.ARCHITECTURES, "ptx"):
            (place / f"{unit}.{target}").write_bytes(f"{unit} for {target}".encode())
            files[f"{unit}.{target}"] = hashlib.sha256(f"{unit} for {target}".encode()).hexdigest()
    manifest = {
        "compiler": "a compiler",
        "options": [],
        "architectures": list(build.ARCHITECTURES),
        "kernels": names,
        "usage": {},
        "files": files,
    }
    (place / build.MANIFEST).write_text(json.dumps({**manifest, "checksum": build._checksum(manifest)}))
    made = fake_driver.reset()
    yield made
    assert made.stack == 0, "a context was left behind"
    assert made.strays == 0, "events died outside their context's thread"


@pytest.fixture
def backend(machine: fake_driver.Machine) -> Iterator[CudaBackend]:
    made = open_backend(0)
    yield made
    made.device.close()


def test_copies_larger_than_the_staging_buffers_arrive(backend: CudaBackend) -> None:
    for rows in (1, 511, 512, 513, 5000):
        values = random_elements(rows, 2, rows)
        array = backend.upload(values)
        given = values.copy()
        values[:] = 0
        np.testing.assert_array_equal(backend.download(array), given)


def test_memory_is_reused_only_after_its_last_owner_is_done(backend: CudaBackend) -> None:
    native = NativeBackend()
    for turn in range(12):
        values = random_elements(turn, 3, 1 << 9)
        folded = backend.fold(backend.upload(values), values[:, 0], 3, 7)
        np.testing.assert_array_equal(backend.download(folded), native.fold(values, values[:, 0], 3, 7))
        del folded


def test_a_proof_through_the_driver_equals_the_native_one(backend: CudaBackend) -> None:
    key, publics, expected = toy.proof()
    assert prove(key, toy.QUICK, publics, toy.traces()[1], backend) == expected


def test_a_lost_device_stays_lost_and_says_so(machine: fake_driver.Machine, backend: CudaBackend) -> None:
    values = backend.upload(random_elements(1, 3, 64))
    machine.fail_launches = True
    with pytest.raises(DeviceLost, match=r"unspecified launch failure"):
        backend.group(values, 1)
    machine.fail_launches = False
    with pytest.raises(DeviceLost, match=r"was lost earlier"):
        backend.group(values, 1)


@pytest.mark.parametrize("phase", ["main", "quotient", "openings", "fri", "queries"])
def test_a_device_lost_in_mid_proof_ends_the_proof_with_the_cause(
    machine: fake_driver.Machine, backend: CudaBackend, phase: str
) -> None:
    def lose(share: float, now: str) -> None:
        machine.fail_launches = now == phase

    with pytest.raises(DeviceLost, match="unspecified launch failure"):
        prove(toy.key(), toy.QUICK, toy.traces()[0], toy.traces()[1], backend, lose)


def test_memory_that_runs_out_is_refused_with_figures(machine: fake_driver.Machine) -> None:
    backend = open_backend(0, budget=1 << 20)
    try:
        backend.upload(np.zeros((1, 1 << 12), dtype=np.uint64))
        with pytest.raises(DeviceOutOfMemory, match=r"the budget is 1\.0 MiB"):
            backend.upload(np.zeros((1, 1 << 18), dtype=np.uint64))
        machine.memory = 1 << 17
        with pytest.raises(DeviceOutOfMemory, match=r"the device has no more"):
            backend.upload(np.zeros((1, 1 << 15), dtype=np.uint64))
    finally:
        backend.device.close()
    with pytest.raises(DeviceOutOfMemory, match="more than"):
        select.select_backend("cuda:0", budget=1 << 40)


def test_the_right_code_is_loaded_for_every_capability(machine: fake_driver.Machine) -> None:
    for capability, target in (
        ((8, 0), "sm_80"),
        ((8, 6), "sm_86"),
        ((8, 7), "sm_86"),
        ((8, 9), "sm_89"),
        ((10, 0), "sm_100"),
        ((10, 3), "sm_100"),
        ((12, 1), "sm_120"),
    ):
        assert cuda_driver.choose_target(capability, build.ARCHITECTURES) == target
    for capability in ((11, 0), (13, 0)):
        assert cuda_driver.choose_target(capability, build.ARCHITECTURES) == "ptx"
    with pytest.raises(NoDevice, match=r"7\.5"):
        cuda_driver.choose_target((7, 5), build.ARCHITECTURES)
    machine.capability = (7, 0)
    with pytest.raises(NoDevice, match=r"7\.0"):
        open_backend(0)


def test_ptx_is_used_for_an_unknown_capability_and_said(
    machine: fake_driver.Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.capability = (13, 0)
    found = devices.report()
    assert found.devices[0].code == "ptx"
    assert found.devices[0].problem == ""
    said = capsys.readouterr()
    assert "translates PTX" in said.out + said.err


def test_known_programs_are_loaded_when_they_are_needed(
    machine: fake_driver.Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKE_NVCC_LOG", str(tmp_path / "log"))
    table = tables("memory")["access"]
    programs.build([table], COMPILER, ["sm_90"])
    units = []
    for name, text in programs.texts([table]).items():
        units.append(tmp_path / f"{name}.cu")
        units[-1].write_text(text)
    needed = [sources.FOLDER / f"{name}.cu" for name in ("constraints", "field", "fri")]
    machine.emulated = EmulatedDevice(units=[*needed, *units], quick=True)
    given = Given(table, LOG_HEIGHT, 1)
    for capability, kernel in (((9, 0), units[0].stem), ((8, 0), "quotient_interpreted")):
        machine.capability = capability
        machine.emulated.launches.clear()
        backend = open_backend(0)
        np.testing.assert_array_equal(given.quotient(backend), given.quotient(NativeBackend()))
        backend.device.close()
        assert [name for name in machine.emulated.launches if "quotient" in name] == [kernel]
    machine.capability = (9, 0)
    (programs.folder() / f"{units[0].stem}.sm_90").write_bytes(b"changed")
    backend = open_backend(0)
    with pytest.raises(KernelsCorrupt, match="does not match"):
        given.quotient(backend)
    backend.device.close()


def test_what_is_missing_is_named(machine: fake_driver.Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoDevice, match="no device 3"):
        select.select_backend("cuda:3")
    machine.refuse_modules = True
    with pytest.raises(DriverTooOld, match=r"CUDA 12\.4.*unsupported toolchain"):
        open_backend(0)
    machine.refuse_modules = False
    machine.fail_init = True
    with pytest.raises(NoDevice, match="does not start"):
        open_backend(0)
    assert "does not start" in devices.report().problem
    assert select.select_backend("auto").name == "native"
    machine.fail_init = False
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(NoDevice, match="PyCUDA cannot be imported"):
        open_backend(0)


def test_damaged_kernels_are_refused(machine: fake_driver.Machine) -> None:
    damaged = build.folder() / "fri.sm_90"
    content = damaged.read_bytes()
    damaged.write_bytes(content + b" ")
    with pytest.raises(KernelsCorrupt, match="fri"):
        open_backend(0)
    damaged.unlink()
    with pytest.raises(KernelsCorrupt, match="fri"):
        open_backend(0)
    damaged.write_bytes(content)
    manifest = build.folder() / build.MANIFEST
    text = manifest.read_text()
    for broken in (text.replace("sm_80", "sm_81"), text[:-5], "[]"):
        manifest.write_text(broken)
        with pytest.raises(KernelsCorrupt, match="manifest"):
            open_backend(0)
    manifest.unlink()
    with pytest.raises(KernelsMissing):
        open_backend(0)
    assert "kernels_missing" in devices.report().kernels


def test_the_report_lists_every_device_and_tests_it(
    machine: fake_driver.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.devices = 2
    found = devices.report()
    assert found.driver == "CUDA 12.4"
    assert [(device.number, device.code, device.problem) for device in found.devices] == [
        (0, "sm_90", ""),
        (1, "sm_90", ""),
    ]
    monkeypatch.setattr(devices, "POSEIDON_ANSWER", 5)
    assert SelfTestFailed.code in devices.report().devices[0].problem


def test_auto_takes_the_device(machine: fake_driver.Machine) -> None:
    backend = select.select_backend("auto")
    assert isinstance(backend, CudaBackend)
    assert backend.name == "cuda:0 (Emulated GPU)"
    backend.device.close()


def test_work_that_belongs_together_runs_in_the_thread_of_the_context(machine: fake_driver.Machine) -> None:
    backend = open_backend(0)
    asked, told = ContextVar("asked", default=""), random_elements(1, 2, 64)
    asked.set("here")

    def work() -> tuple[str, str, object]:
        return threading.current_thread().name, asked.get(), backend.download(backend.upload(told))

    thread, found, moved = backend.together(work)
    assert (thread, found) == ("cuda:0", "here")
    np.testing.assert_array_equal(moved, told)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        backend.together(lambda: 1 // 0)
    backend.device.close()
