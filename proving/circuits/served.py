"""The basic circuits whose requests the machine can make; a batch proves what it asks of them."""

from __future__ import annotations

from typing import Final

from proving.circuits.arith256 import ARITH256
from proving.circuits.basic import BasicCircuit
from proving.circuits.blake2s import BLAKE2S
from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.sha256 import SHA256

#: By name, in the order of their types.
SERVED: Final[dict[str, BasicCircuit]] = {circuit.name: circuit for circuit in (ARITH256, KECCAK_F, SHA256, BLAKE2S)}
