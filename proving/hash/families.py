"""The families of hashes that a layer's proofs can be made with."""

from __future__ import annotations

from enum import IntEnum


class HashFamily(IntEnum):
    """What digests are and how everything in a proof is hashed; a parameter of a layer, covered by its key."""

    #: Poseidon2 over Goldilocks, width 16: cheap to compute and to verify in a recursion circuit.
    GOLDILOCKS = 0
    #: Poseidon2 over BN254's scalar field, width 3: cheap to verify in a SNARK over that field.
    BN254 = 1
