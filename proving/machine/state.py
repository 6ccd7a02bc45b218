"""The state between two segments, and its digest.

``R = C(registers 0-15 || registers 16-31 || memory root || code root)``, ``Q = C(the four request digests)``,
``digest = C(R || Q || (STATE, 1, pc, halted) || 0000)`` where the register blocks enter as level-0 digests. Nothing in
it depends on where a run was cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proving.backend.interface import PRIME
from proving.circuits.requests import RequestType, empty_chain
from proving.hash import Tag, compress
from proving.machine.layout import ArraySpec, LayoutError, pack_arrays, unpack_arrays

Digest = NDArray[np.uint64]

#: Version of the state's layout.
STATE_VERSION: Final = 1
_SPECS: Final = (
    ArraySpec("control", np.dtype("<u4"), (2,), 0),
    ArraySpec("registers", np.dtype("<u4"), (32,), 0),
    ArraySpec("memory_root", np.dtype("<u8"), (4,), 0),
    ArraySpec("code_root", np.dtype("<u8"), (4,), 0),
    ArraySpec("requests", np.dtype("<u8"), (len(RequestType), 4), 0),
)


#: Bytes of a serialised state.
STATE_BYTES: Final = len(pack_arrays(_SPECS, {spec.name: np.zeros(spec.shape, spec.dtype) for spec in _SPECS}))


def empty_requests() -> NDArray[np.uint64]:
    """Return EMPTY_T of every type, ``(4, 4) uint64``."""
    return np.stack([empty_chain(kind) for kind in RequestType])


@dataclass(frozen=True)
class State:
    """The machine between two instructions.

    Attributes
    ----------
    registers
        ``(32,) uint32``; x0 is 0.
    memory_root, code_root
        ``(4,) uint64``.
    requests
        ``(4, 4) uint64``, the request digest of each type.
    """

    pc: int
    halted: bool
    registers: NDArray[np.uint32]
    memory_root: Digest
    code_root: Digest
    requests: NDArray[np.uint64] = field(default_factory=empty_requests)

    def register_digests(self) -> NDArray[np.uint64]:
        """Return the level-0 digests of the two register blocks, ``(2, 4)``."""
        return compress(self.registers.astype(np.uint64).reshape(2, 16))

    def parts(self) -> NDArray[np.uint64]:
        """Return register digests, memory root and code root, ``(4, 4)``."""
        return np.stack([*self.register_digests(), self.memory_root, self.code_root])

    def digest(self) -> Digest:
        """Return the state digest, ``(4,) uint64``."""
        return digest_of(self.pc, self.halted, self.parts(), self.requests)

    def output(self) -> bytes:
        """Return the public output of a halted state: x10..x17, 32 bytes."""
        return self.registers[10:18].astype("<u4").tobytes()

    def to_bytes(self) -> bytes:
        """Serialise to a fixed number of bytes: the opening of the state's digest."""
        control = np.array([self.pc, int(self.halted)], dtype=np.uint32)
        arrays = {name: getattr(self, name) for name in ("registers", "memory_root", "code_root", "requests")}
        return pack_arrays(_SPECS, {"control": control, **arrays})

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """Parse bytes made by `to_bytes`.

        Raises
        ------
        LayoutError
            Another length, a value out of range, or x0 not zero.
        """
        arrays = unpack_arrays(_SPECS, data)
        control = arrays.pop("control")
        if control[0] % 4 or control[1] > 1 or arrays["registers"][0]:
            raise LayoutError("The state's pc, halted flag or x0 is out of range.")
        if any(np.any(arrays[name] >= np.uint64(PRIME)) for name in ("memory_root", "code_root", "requests")):
            raise LayoutError("The state holds a digest that is not canonical.")
        return cls(pc=int(control[0]), halted=bool(control[1]), **arrays)


def digest_of(pc: int, halted: bool, parts: NDArray[np.uint64], requests: NDArray[np.uint64]) -> Digest:
    """Return the digest of a state given by the digests of its parts (see `State.parts`)."""
    inner = compress(np.stack([parts.reshape(16), requests.reshape(16)]))
    outer = np.zeros((1, 16), dtype=np.uint64)
    outer[0, :8] = inner.reshape(8)
    outer[0, 8:12] = (Tag.STATE, STATE_VERSION, pc, int(halted))
    digest: Digest = compress(outer)[0]
    return digest
