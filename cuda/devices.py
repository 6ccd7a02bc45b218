"""What `hallmark devices` shows: driver, devices, memory, and a self-test against published answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cuda import bn254, build
from cuda.backend import CudaBackend
from cuda.driver import CudaDevice, import_driver
from cuda.errors import DeviceError, NoDevice, SelfTestFailed
from cuda.nvml import Figures, open_nvml
from cuda.operations import permute_poseidon, permute_poseidon2
from cuda.select import CONTROL
from proving.backend.interface import PRIME, HostArray
from proving.backend.native import NativeBackend
from runtime.errors import HallmarkError

# fmt: off
#: Inputs of Poseidon2 and the first elements of what comes out.
#: Source: Plonky3/Plonky3, goldilocks/src/poseidon2.rs, tests of the default instances.
POSEIDON2_ANSWERS: tuple[tuple[tuple[int, ...], int], ...] = (
    (tuple(range(8)), 0x020CF04A1B214D14),
    (tuple(range(12)), 0xF292AB67C0F14B03),
    (
        (
            0x4D3F967FAB9D4979, 0x57E1FBA55677697E, 0x57429A86E75A3774, 0x31D379F3A592B5EB,
            0x497232E1B648E3F1, 0x325A7DB57173C39E, 0xA802252D78BEE916, 0x8920F55E154ADEF8,
            0xA1225BC9C7913658, 0xD687BE5097FFD038, 0x89F514EF0C913E48, 0x21FD4A9CF548CD84,
            0x570A1586ADA436FF, 0x46BFBF38CCD740AE, 0x23651B3F3AB26484, 0xE90F3B02127FA552,
        ),
        0xF0F7717837C7032A,
    ),
)
# fmt: on
#: First element of Poseidon on 0, 1, ..., 11. Source: 0xPolygonZero/plonky2, plonky2/src/hash/poseidon_goldilocks.rs.
POSEIDON_ANSWER = 0xD64E1E3EFC5B8E9E
#: Poseidon2 over BN254's scalar field on 0, 1, 2. Source: HorizenLabs/poseidon2, the instance over bn256.
POSEIDON2_BN254_ANSWER = (
    0x0BB61D24DACA55EEBCB1929A82650F328134334DA98EA4F847F760054F4A3033,
    0x303B6F7C86D043BFCBCC80214F26A30277A15D3F74CA654992DEFE7FF8D03570,
    0x1ED25194542B12EEF8617361C3BA7C52E660B145994427CC86296242CF766EC8,
)


@dataclass(frozen=True)
class DeviceReport:
    """One device.

    Attributes
    ----------
    code
        ``sm_NN`` when kernels were compiled ahead for it, ``ptx`` when the driver translates them.
    problem
        Why it cannot be used, as one line; empty when the self-test passed.
    figures
        What the driver measured of it before the self-test; nothing without NVML.
    """

    number: int
    name: str
    capability: str
    memory_total: int
    memory_free: int
    code: str
    problem: str
    figures: Figures | None


@dataclass(frozen=True)
class Report:
    """All devices of this machine.

    Attributes
    ----------
    driver
        The CUDA version that the driver supports; empty without a driver.
    kernels
        Compiler and architectures of the compiled kernels, or why there are none.
    problem
        Why no device is listed; empty when there is one.
    """

    driver: str
    kernels: str
    problem: str
    devices: tuple[DeviceReport, ...]


def report() -> Report:
    """Look at every device and test each; nothing is raised for what is wrong with one."""
    try:
        compiled = build.load()
        compiled.check()
        kernels = f"{compiled.manifest['compiler']} for {', '.join(compiled.architectures)} and PTX"
    except DeviceError as error:
        kernels = error.line()
    if not CONTROL.exists():
        return Report("", kernels, f"This machine has no NVIDIA driver ({CONTROL} is missing).", ())
    try:
        driver = import_driver()
    except NoDevice as error:
        return Report("", kernels, error.line(), ())
    version = driver.get_driver_version()
    devices = tuple(_examine(driver, number) for number in range(driver.Device.count()))
    return Report(
        f"CUDA {version // 1000}.{version % 1000 // 10}",
        kernels,
        "" if devices else "The driver lists no device.",
        devices,
    )


def _examine(driver: Any, number: int) -> DeviceReport:
    device = driver.Device(number)
    major, minor = device.compute_capability()
    code, free, problem = "", 0, ""
    nvml = open_nvml()
    figures = None if nvml is None else nvml.read(device.pci_bus_id())
    try:
        opened = CudaDevice(number)
        try:
            code, free = opened.target, opened.free_memory
            self_test(CudaBackend(opened))
        finally:
            opened.close()
    except HallmarkError as error:
        problem = error.line()
    total = int(device.total_memory())
    return DeviceReport(number, device.name(), f"{major}.{minor}", total, free, code, problem, figures)


def bus_of(number: int) -> str:
    """Return the place on the bus of a device, as the driver numbers them for this process.

    Raises
    ------
    NoDevice
        There is no driver, or no such device.
    """
    driver = import_driver()
    if not 0 <= number < driver.Device.count():
        raise NoDevice(f"The driver lists no device {number}.")
    return str(driver.Device(number).pci_bus_id())


def self_test(backend: CudaBackend) -> None:
    """Compute published answers and a small commitment on the device.

    Raises
    ------
    SelfTestFailed
        Something came out otherwise.
    """
    for given, answer in POSEIDON2_ANSWERS:
        width = len(given)
        states = backend.upload(np.array([given], dtype=np.uint64))
        permuted = backend.download(permute_poseidon2(backend.memory, states, width))
        _compare(backend, f"Poseidon2 of width {width}", permuted[0, :1], np.array([answer], dtype=np.uint64))
    states = backend.upload(np.arange(12, dtype=np.uint64)[np.newaxis])
    permuted = backend.download(permute_poseidon(backend.memory, states))
    _compare(backend, "Poseidon", permuted[0, :1], np.array([POSEIDON_ANSWER], dtype=np.uint64))
    permuted = backend.download(bn254.permute(backend.memory, backend.upload(bn254.scalars(range(3)))))
    _compare(backend, "Poseidon2 over BN254", permuted, bn254.scalars(POSEIDON2_BN254_ANSWER))
    native = NativeBackend()
    trace = np.random.default_rng(1).integers(0, PRIME, size=(5, 1 << 13), dtype=np.uint64)
    expected = native.lde(trace, 1, 7)
    extended = backend.lde(backend.upload(trace), 1, 7)
    checks: list[tuple[str, Callable[[], HostArray], HostArray]] = [
        ("a low-degree extension", lambda: backend.download(extended), expected),
        ("a Merkle cap", lambda: backend.commit([extended], 2).cap, native.commit([expected], 2).cap),
        (
            "an opening",
            lambda: backend.open_at(extended, 1, 7, trace[:3, 0]),
            native.open_at(expected, 1, 7, np.ascontiguousarray(trace[:3, 0])),
        ),
    ]
    for what, compute, wanted in checks:
        _compare(backend, what, compute(), wanted)


def _compare(backend: CudaBackend, what: str, found: HostArray, expected: HostArray) -> None:
    if not np.array_equal(found, expected):
        raise SelfTestFailed(f"{backend.name} computes {what} wrongly.")


def main() -> int:
    """Print the report as JSON; fail when there is no device that passes the self-test."""
    found = report()
    print(json.dumps(asdict(found), indent=1))
    return 0 if any(not device.problem for device in found.devices) else 1


if __name__ == "__main__":
    raise SystemExit(main())
