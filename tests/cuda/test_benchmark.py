from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import gpu, gpu_main_vm
from cuda import sources
from cuda.backend import CudaBackend
from cuda.emulated import EmulatedDevice
from cuda.select import CONTROL
from proving.machine.main_vm.shapes import MIN_SIZE_CLASS

#: Launched by other kernels' cases, or a test itself.
PARTS = {
    "add_offsets",
    "bn254_count_digits",
    "bn254_join_heads",
    "bn254_join_windows",
    "bn254_place_digits",
    "bn254_reduce_buckets",
    "bn254_split_scalars",
    "bn254_sum_partials",
    "bus_fractions",
    "expand_add",
    "expand_add_immediate",
    "expand_bitwise",
    "expand_chain",
    "expand_control",
    "expand_decode",
    "expand_div",
    "expand_idle",
    "expand_keccak_call",
    "expand_memory_sub",
    "expand_memory_word",
    "expand_mul",
    "expand_page",
    "expand_poseidon2",
    "expand_poseidon2_call",
    "expand_request",
    "expand_shift",
    "field_operations",
    "running_sum",
    "sum_partials",
}


def test_the_table_has_every_kernel_and_launches_it() -> None:
    device = EmulatedDevice()
    backend = CudaBackend(device)
    rows = gpu.table(backend, gpu.examine(backend, 11), 11, repeats=1)
    names = {kernel for unit in sources.units() for kernel in sources.kernels(unit)}
    assert {row.kernel for row in rows} == names - PARTS
    assert len(rows) == len(names - PARTS)
    assert set(device.launches) >= names - {"field_operations"}


def test_emulation_writes_no_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "figures.json"
    assert gpu.main(["--device", "emulated", "--log-size", "11", "--output", str(output)]) == 0
    assert not output.exists()
    assert "nothing was measured" in capsys.readouterr().out


def test_a_missing_device_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    if CONTROL.exists():
        pytest.skip("this machine has a device")
    assert gpu.main([]) == 1
    assert "device_missing" in capsys.readouterr().err
    assert gpu.main(["--device", "cpu"]) == 1


def test_occupancy_by_registers() -> None:
    facts = {"threads": 2048, "registers": 65536}
    assert gpu.occupancy(32, 256, facts) == 1.0
    assert gpu.occupancy(128, 256, facts) == 0.25
    assert gpu.occupancy(80, 128, facts) == 0.375
    assert gpu.occupancy(0, 128, facts) is None


@pytest.mark.long
def test_segments_of_main_vm_are_measured() -> None:
    found = gpu_main_vm.main_vm(CudaBackend(EmulatedDevice()), MIN_SIZE_CLASS, 2)
    assert (found["name"], found["unit"], found["better"]) == ("gpu.main_vm", "MHz", "higher")
    assert found["context"]["cycles"] > 1 << MIN_SIZE_CLASS - 1
    assert {"replay", "quotient", "verify"} <= set(found["context"]["phases"])


def test_figures_are_fractions_of_the_limit() -> None:
    backend = CudaBackend(EmulatedDevice())
    machine = gpu.Machine("a device", issue=1e12, adding=5e11, memory=1e12, facts={})
    ntt, poseidon2 = gpu.figures(backend, machine, [], 11)
    assert (ntt["name"], poseidon2["name"]) == ("gpu.ntt", "gpu.poseidon2_w12")
    assert 0 <= ntt["value"] < 1
    assert ntt["limit_fraction"] == pytest.approx(ntt["value"], abs=1e-3)
