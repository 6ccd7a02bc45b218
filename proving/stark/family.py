"""What belongs to a layer's hash family: the verifier's arithmetic on integers, and the prover's trees and work."""

from __future__ import annotations

from proving.backend.interface import TreeHashing
from proving.hash import HashFamily
from proving.hash.bn254 import Bn254Hashing
from proving.stark.arithmetic import Arithmetic, Words
from proving.stark.bn254_integers import Bn254Arithmetic
from proving.stark.integers import IntegerArithmetic


def integers(family: HashFamily) -> Arithmetic[Words]:
    """Return the arithmetic on plain integers."""
    return Bn254Arithmetic() if family is HashFamily.BN254 else IntegerArithmetic()


def tree_hashing(family: HashFamily) -> TreeHashing | None:
    """Return what trees and work are hashed with; None is what every backend hashes with by itself."""
    return Bn254Hashing() if family is HashFamily.BN254 else None
