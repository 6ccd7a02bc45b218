"""What a batch's chain of proofs claims: where it starts, which states it passes, and the final state it ends in.

Layout (little-endian): program commitment 4 u64 | segments u32 | final state | end digest of every
segment, 4 u64 each. A state: pc u32, registers 32 u32, memory root 4 u64, code root 4 u64, request digests 16 u64;
it is halted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.field.goldilocks import PRIME
from proving.machine.state import REQUEST_TYPES, State
from runtime.errors import InvalidInput

Digest = NDArray[np.uint64]

#: Most segments of one batch.
MAX_SEGMENTS = 30_000

_STATE = struct.Struct(f"<I32I4Q4Q{4 * REQUEST_TYPES}Q")
_HEAD = struct.Struct("<4QI")


class MalformedStatement(InvalidInput):
    """The bytes are not a statement of this version."""

    code = "malformed_statement"


@dataclass(frozen=True)
class Statement:
    """The claim of a whole run.

    Attributes
    ----------
    program_commitment
        ``(4,) uint64``, the digest the first segment starts from.
    ends
        ``(segments, 4) uint64``, the digest each segment ends in.
    final
        The opening of the last digest.
    """

    program_commitment: Digest
    ends: NDArray[np.uint64]
    final: State

    @property
    def segments(self) -> int:
        """Number of segments in the chain."""
        return len(self.ends)

    def encode(self) -> bytes:
        """Return the statement's bytes."""
        head = _HEAD.pack(*map(int, self.program_commitment), self.segments)
        return head + encode_state(self.final) + self.ends.astype("<u8").tobytes()

    @classmethod
    def decode(cls, data: bytes) -> Statement:
        """Parse a statement.

        Raises
        ------
        MalformedStatement
            A length that does not fit, an element not below p, or too many segments.
        """
        if len(data) < _HEAD.size + _STATE.size:
            raise MalformedStatement(f"A statement has at least {_HEAD.size + _STATE.size} bytes, got {len(data)}.")
        *commitment, segments = _HEAD.unpack_from(data)
        if not 0 < segments <= MAX_SEGMENTS:
            raise MalformedStatement(f"A statement has 1 to {MAX_SEGMENTS} segments, got {segments}.")
        expected = _HEAD.size + _STATE.size + 32 * segments
        if len(data) != expected:
            raise MalformedStatement(f"A statement of {segments} segments has {expected} bytes, got {len(data)}.")
        final = decode_state(data[_HEAD.size : _HEAD.size + _STATE.size])
        ends = np.frombuffer(data, dtype="<u8", offset=_HEAD.size + _STATE.size).astype(np.uint64).reshape(-1, 4)
        return cls(canonical(np.array(commitment, dtype=np.uint64)), canonical(ends), final)


def canonical(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return field elements unchanged.

    Raises
    ------
    MalformedStatement
        An element is not below p.
    """
    if (values >= np.uint64(PRIME)).any():
        raise MalformedStatement("A field element is not below p.")
    return values


def encode_state(state: State) -> bytes:
    """Return a halted state's bytes."""
    return _STATE.pack(
        state.pc,
        *map(int, state.registers),
        *map(int, state.memory_root),
        *map(int, state.code_root),
        *map(int, state.requests.reshape(-1)),
    )


def decode_state(data: bytes) -> State:
    """Parse a halted state.

    Raises
    ------
    MalformedStatement
        x0 is not zero, or an element is not below p.
    """
    pc, *rest = _STATE.unpack(data)
    registers = np.array(rest[:32], dtype=np.uint32)
    if registers[0]:
        raise MalformedStatement("x0 of a state is zero.")
    elements = canonical(np.array(rest[32:], dtype=np.uint64))
    return State(
        pc=pc,
        halted=True,
        registers=registers,
        memory_root=elements[:4],
        code_root=elements[4:8],
        requests=elements[8:].reshape(REQUEST_TYPES, 4),
    )
