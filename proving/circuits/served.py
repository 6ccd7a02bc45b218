"""The basic circuits whose requests the machine can make; a batch proves what it asks of them."""

from __future__ import annotations

from typing import Final

from proving.circuits.arith256 import ARITH256
from proving.circuits.basic import BasicCircuit

#: By name, in the order of their types.
SERVED: Final[dict[str, BasicCircuit]] = {circuit.name: circuit for circuit in (ARITH256,)}
