"""What the SNARK's prover computes on a device: transforms and commitments, from and to host arrays.

The points of the last sum stay on the device, because a prover commits to all its polynomials with the same ones.
"""

from __future__ import annotations

import numpy as np

from cuda.arrays import DeviceArray, Memory
from cuda.bn254_msm import AFFINE_WORDS, Bases, multiply_sum
from cuda.bn254_transforms import TWO_ADICITY, Bn254Transforms
from proving.backend.interface import HostArray, log2_exact
from proving.hash.bn254 import MODULUS, WORDS


class CudaBn254:
    """Kernels over BN254 on a device; see `proving.backend.bn254`."""

    def __init__(self, memory: Memory) -> None:
        self.name = memory.device.name
        self._memory = memory
        self._transforms = Bn254Transforms(memory)
        self._held: tuple[HostArray, Bases] | None = None

    def forget(self) -> None:
        """Drop every table, and the points."""
        self._transforms.forget()
        self._held = None

    def values(self, coefficients: HostArray, log_size: int, shift: int = 1) -> HostArray:
        """Evaluate on a coset; see the interface."""
        if len(coefficients) > 1 << log_size:
            raise ValueError(f"{len(coefficients)} coefficients do not fit into 2^{log_size} values")
        _check(log_size, shift)
        if not len(coefficients):
            return np.zeros((1 << log_size, WORDS), dtype=np.uint64)
        return self._memory.download(self._transforms.values(self._upload(coefficients), log_size, shift % MODULUS))

    def coefficients(self, points: HostArray, shift: int = 1) -> HostArray:
        """Interpolate on a coset; see the interface."""
        log_size = log2_exact(len(points))
        _check(log_size, shift)
        return self._memory.download(self._transforms.coefficients(self._upload(points), log_size, shift % MODULUS))

    def multiply_sum(self, points: HostArray, scalars: HostArray) -> HostArray:
        """Return a sum of multiples; see the interface."""
        if len(points) < len(scalars):
            raise ValueError(f"{len(scalars)} scalars need as many points, there are {len(points)}")
        if not len(scalars):
            return np.zeros(AFFINE_WORDS, dtype=np.uint64)
        if self._held is None or self._held[0] is not points:
            # First the memory of those before.
            self._held = None
            self._held = points, Bases.upload(self._memory, _array(points, AFFINE_WORDS))
        return multiply_sum(self._memory, self._held[1], self._upload(scalars))

    def _upload(self, elements: HostArray) -> DeviceArray:
        return self._memory.upload(_array(elements, WORDS))


def _array(array: HostArray, words: int) -> HostArray:
    result: HostArray = np.ascontiguousarray(array, dtype=np.uint64)
    if result.ndim != 2 or result.shape[1] != words:
        raise ValueError(f"expected an array (count, {words}), got shape {result.shape}")
    return result


def _check(log_size: int, shift: int) -> None:
    if not 0 <= log_size <= TWO_ADICITY:
        raise ValueError(f"log size {log_size} is not between 0 and {TWO_ADICITY}")
    if shift % MODULUS == 0:
        raise ValueError("a coset's shift is not zero")
