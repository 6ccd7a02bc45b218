"""Which kernels the prover transforms and commits with: those of its backend, or the native library's."""

from __future__ import annotations

from proving.backend.bn254 import Bn254Kernels
from proving.backend.interface import Backend
from proving.snark.bn254 import curve, polynomials
from proving.snark.bn254.curve import Points
from proving.snark.bn254.field import Elements


class NativeKernels:
    """The native library's."""

    name = "native"

    def values(self, coefficients: Elements, log_size: int, shift: int = 1) -> Elements:
        """Evaluate on a coset; see the interface."""
        return polynomials.values(coefficients, log_size, shift)

    def coefficients(self, points: Elements, shift: int = 1) -> Elements:
        """Interpolate on a coset; see the interface."""
        return polynomials.coefficients(points, shift)

    def multiply_sum(self, points: Points, scalars: Elements) -> Points:
        """Return a sum of multiples; see the interface."""
        return curve.multiply_sum(points, scalars)


NATIVE: Bn254Kernels = NativeKernels()


def kernels_of(backend: Backend | None) -> Bn254Kernels:
    """Return a backend's kernels over BN254, and the native ones where it has none."""
    return NATIVE if backend is None or backend.bn254 is None else backend.bn254
