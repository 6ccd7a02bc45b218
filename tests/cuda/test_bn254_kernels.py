"""The SNARK's prover on a device: the same bytes as with the native library, and the same refusals."""

from __future__ import annotations

import numpy as np
import pytest

from cuda.backend import CudaBackend
from proving.backend.bn254 import Bn254Kernels
from proving.backend.native import NativeBackend
from proving.snark.bn254 import curve
from proving.snark.bn254.field import FR
from proving.snark.bn254.kernels import NATIVE, kernels_of
from proving.snark.prover import prove
from tests.proving.snark.circuits import every_gate


@pytest.fixture(params=["native", "device"])
def kernels(request: pytest.FixtureRequest, backend: CudaBackend) -> Bn254Kernels:
    return NATIVE if request.param == "native" else backend.bn254


def test_a_backend_names_its_kernels(backend: CudaBackend) -> None:
    assert kernels_of(None) is NATIVE and kernels_of(NativeBackend()) is NATIVE
    assert kernels_of(backend) is backend.bn254


def test_transforms_and_their_inverses(kernels: Bn254Kernels) -> None:
    given = FR.encode(range(1, 9))
    for shift in (1, 5):
        values = kernels.values(given, 4, shift)
        np.testing.assert_array_equal(values, NATIVE.values(given, 4, shift))
        np.testing.assert_array_equal(kernels.coefficients(values, shift)[:8], given)
    assert not kernels.values(given[:0], 2).any()


def test_points_stay_until_others_come(backend: CudaBackend) -> None:
    [generator] = curve.encode([(1, 2)])
    first, second = (curve.multiply_base(generator, FR.encode(range(start, start + 4))) for start in (1, 7))
    scalars = FR.encode([3, 0, FR.modulus - 1, 5])
    for points in (first, first, second, first):
        expected = curve.multiply_sum(points, scalars)
        np.testing.assert_array_equal(backend.bn254.multiply_sum(points, scalars), expected)
    crossing = backend.traffic.phases[""]
    before = crossing.arrays_in
    backend.bn254.multiply_sum(first, scalars)
    assert crossing.arrays_in - before == scalars.nbytes
    assert not backend.bn254.multiply_sum(first, scalars[:0]).any()
    used = backend.pool.used
    backend.give_back()
    assert backend.pool.used < used


def test_a_proof_has_the_same_bytes(backend: CudaBackend) -> None:
    case = every_gate()
    proof = prove(case.proving_key, case.public_inputs, case.inputs, backend.bn254)
    assert proof == prove(case.proving_key, case.public_inputs, case.inputs)
    launched = getattr(backend.device, "launches", {"bn254_ntt": 1, "bn254_add_entries": 1})
    assert launched["bn254_ntt"] and launched["bn254_add_entries"]


def test_what_cannot_be_computed_is_refused(kernels: Bn254Kernels) -> None:
    given = FR.encode([1, 2, 3])
    for size, shift, message in (
        (1, 1, "do not fit"),
        (29, 1, "not between"),
        (2, 0, "not zero"),
        (2, FR.modulus, "not zero"),
    ):
        with pytest.raises(ValueError, match=message):
            kernels.values(given, size, shift)
    with pytest.raises(ValueError, match="not a power of two"):
        kernels.coefficients(given)
    with pytest.raises(ValueError, match="need as many points"):
        kernels.multiply_sum(curve.encode([(1, 2)]), given)
