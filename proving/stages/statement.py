"""What a batch's chain of proofs claims: where it starts, which states it passes, and the final state it ends in.

Layout (little-endian): program commitment 4 u64 | segments u32 | final state (`State.to_bytes`, halted) | end digest of
every segment, 4 u64 each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.field.goldilocks import PRIME
from proving.machine.layout import LayoutError
from proving.machine.state import STATE_BYTES, State
from runtime.errors import InvalidInput

Digest = NDArray[np.uint64]

#: Most segments of one batch.
MAX_SEGMENTS = 30_000

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
        return head + self.final.to_bytes() + self.ends.astype("<u8").tobytes()

    @classmethod
    def decode(cls, data: bytes) -> Statement:
        """Parse a statement.

        Raises
        ------
        MalformedStatement
            A length that does not fit, an element not below p, too many segments, or a final state that is none.
        """
        if len(data) < _HEAD.size + STATE_BYTES:
            raise MalformedStatement(f"A statement has at least {_HEAD.size + STATE_BYTES} bytes, got {len(data)}.")
        *commitment, segments = _HEAD.unpack_from(data)
        if not 0 < segments <= MAX_SEGMENTS:
            raise MalformedStatement(f"A statement has 1 to {MAX_SEGMENTS} segments, got {segments}.")
        expected = _HEAD.size + STATE_BYTES + 32 * segments
        if len(data) != expected:
            raise MalformedStatement(f"A statement of {segments} segments has {expected} bytes, got {len(data)}.")
        try:
            final = State.from_bytes(data[_HEAD.size : _HEAD.size + STATE_BYTES])
        except LayoutError as error:
            raise MalformedStatement(error.message) from error
        if not final.halted:
            raise MalformedStatement("The final state is not halted.")
        ends = np.frombuffer(data, dtype="<u8", offset=_HEAD.size + STATE_BYTES).astype(np.uint64).reshape(-1, 4)
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
