"""The interface through which the SNARK's prover transforms and commits: kernels over BN254.

Arrays are on the host, as :mod:`proving.snark.bn254` lays them out. Every implementation gives the same bits.
"""

from __future__ import annotations

from typing import Protocol

from proving.backend.interface import HostArray


class Bn254Kernels(Protocol):
    """Transforms over the scalar field and sums in the group G1."""

    name: str

    def values(self, coefficients: HostArray, log_size: int, shift: int = 1) -> HostArray:
        """Evaluate a polynomial ``(n, 4)``, n at most ``2^log_size``, on the coset ``shift <w>``.

        Raises
        ------
        ValueError
            There are too many coefficients, the size is out of range, or the shift is zero.
        """
        ...

    def coefficients(self, points: HostArray, shift: int = 1) -> HostArray:
        """Interpolate values ``(2^k, 4)`` on the coset: the inverse of :meth:`values`.

        Raises
        ------
        ValueError
            The number of values is not a power of two, is out of range, or the shift is zero.
        """
        ...

    def multiply_sum(self, points: HostArray, scalars: HostArray) -> HostArray:
        """Return the sum of ``scalars[i] points[i]`` as one point ``(8,)``.

        The points ``(n, 8)``, at least as many as scalars, must not change afterwards: they may stay where it computes.

        Raises
        ------
        ValueError
            There are fewer points than scalars.
        """
        ...
