"""What a circuit that verifies proofs is to prove, and what its trace is expanded from, as artifacts.

A witness's payload (little-endian) is a list of parts, each behind its length (u32): profile | circuit | public input,
u64 each | final state, empty where the circuit opens none | a part for each child, see
:mod:`proving.stages.recursion_proof`.

A trace's payload: SHA-256 of the witness artifact, 32 bytes | for each table, in the order of the key, its columns, u64
each; for the hash table the words of :class:`proving.backend.expansion.RecursionExpansion` instead, row by row.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.backend.expansion import HASHED_WORDS, RecursionExpansion
from proving.machine.state import State
from proving.stages.recursion_proof import RecursionProof
from proving.stages.statement import MalformedStatement, canonical
from proving.stark.shape import Layout
from runtime import artifact
from runtime.errors import InvalidInput

KIND = "recursion_witness"
TRACE_KIND = "recursion_trace"
VERSION = 1
TRACE_VERSION = 2
#: Largest witness and trace that are read, in bytes.
MAX_BYTES = 1 << 26
MAX_TRACE_BYTES = 1 << 30

_LENGTH = struct.Struct("<I")
_FIXED_PARTS = 4
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class RecursionWitness:
    """What is to be proven.

    Attributes
    ----------
    profile, circuit
        Names of the security profile and of the circuit.
    publics
        ``(n,) uint64``, the circuit's public input.
    children
        The proofs that it verifies.
    final
        Bytes of the state that a tip opens; empty for other circuits.
    """

    profile: str
    circuit: str
    publics: NDArray[np.uint64]
    children: tuple[RecursionProof, ...]
    final: bytes = b""

    def final_state(self) -> State:
        """Return the state that a tip opens; raises as :meth:`State.from_bytes`."""
        return State.from_bytes(self.final)

    def pack(self, *, protocol: str) -> bytes:
        """Return the artifact."""
        fixed = [self.profile.encode(), self.circuit.encode(), self.publics.astype("<u8").tobytes(), self.final]
        parts = [*fixed, *(child.encode() for child in self.children)]
        payload = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
        return artifact.pack(KIND, payload, version=VERSION, protocol=protocol)

    @classmethod
    def unpack(cls, data: bytes, *, protocol: str | None = None) -> RecursionWitness:
        """Parse the artifact.

        Raises
        ------
        ArtifactError
            Another kind, version or protocol; truncated or corrupt bytes.
        MalformedStatement
            A payload that is none.
        """
        payload = artifact.unpack(data, kind=KIND, version=VERSION, protocol=protocol, limit=MAX_BYTES).payload
        parts = _parts(payload)
        if len(parts) <= _FIXED_PARTS or len(parts[2]) % 8:
            raise MalformedStatement("The witness lacks parts.")
        publics = canonical(np.frombuffer(parts[2], dtype="<u8").astype(np.uint64))
        try:
            profile, circuit = parts[0].decode("ascii"), parts[1].decode("ascii")
        except UnicodeDecodeError as error:
            raise MalformedStatement("The witness names no circuit.") from error
        children = tuple(RecursionProof.decode(part) for part in parts[_FIXED_PARTS:])
        return cls(profile, circuit, publics, children, parts[3])


def require_form(told: RecursionWitness) -> None:
    """Look whether a witness has what its circuit takes: proofs of the right circuits, and claims of their lengths.

    Raises
    ------
    MalformedStatement
        It has not.
    """
    family = keys.circuits_of(told.profile)
    taken: dict[str, tuple[Collection[str], ...]] = {
        **{leaf: ((basic,),) for leaf, (basic, _) in family.basic.items()},
        family.node: (family.aggregating, family.aggregating),
        family.tip: (family.aggregating,),
        family.tie: (family.tips, family.aggregating),
        family.scheduler: (family.tips,),
    }
    wanted, found = taken.get(told.circuit), [child.circuit for child in told.children]
    if wanted is None:
        raise MalformedStatement(f"No circuit {told.circuit} verifies proofs under profile {told.profile}.")
    if len(found) != len(wanted) or any(name not in names for name, names in zip(found, wanted, strict=True)):
        raise MalformedStatement(f"Circuit {told.circuit} does not take proofs of {', '.join(found) or 'none'}.")
    for name, publics in ((told.circuit, told.publics), *((child.circuit, child.publics) for child in told.children)):
        if publics.size != keys.key(name).publics:
            raise MalformedStatement(f"Circuit {name} has no claim of {publics.size} elements.")


def pack_trace(witness: bytes, expansion: RecursionExpansion, *, protocol: str) -> bytes:
    """Return the artifact of what a trace is expanded from.

    Parameters
    ----------
    witness
        SHA-256 of the witness artifact, 32 bytes.
    """
    words = [expansion.tables.get(name, expansion.hashed) for name in expansion.shapes]
    payload = witness + b"".join(np.ascontiguousarray(part, dtype="<u8").tobytes() for part in words)
    return artifact.pack(TRACE_KIND, payload, version=TRACE_VERSION, protocol=protocol)


def unpack_trace(data: bytes, witness: bytes, layout: Layout, *, protocol: str) -> RecursionExpansion:
    """Parse the artifact of a trace; its words are not looked at, for what is wrong about them proves nothing.

    Parameters
    ----------
    witness
        SHA-256 of the witness artifact that it must be of.
    layout
        That of the circuit's key.

    Raises
    ------
    InvalidInput
        It is of another witness or has another length.
    """
    found = artifact.unpack(data, kind=TRACE_KIND, version=TRACE_VERSION, protocol=protocol, limit=MAX_TRACE_BYTES)
    payload = found.payload
    if payload[:_DIGEST_BYTES] != witness:
        raise InvalidInput("The trace is of another witness.")
    bounds = zip(layout.tables, layout.max_log_heights, strict=True)
    shapes = {table.name: (table.main, 1 << bound) for table, bound in bounds}
    sizes = {name: (rows, HASHED_WORDS) if name == "hash" else (main, rows) for name, (main, rows) in shapes.items()}
    if len(payload) != _DIGEST_BYTES + 8 * sum(first * second for first, second in sizes.values()):
        raise InvalidInput("The trace has another length than the circuit's tables.")
    parts = {}
    offset = _DIGEST_BYTES
    for name, (first, second) in sizes.items():
        words = np.frombuffer(payload, dtype="<u8", count=first * second, offset=offset)
        parts[name] = words.astype(np.uint64).reshape(first, second)
        offset += words.nbytes
    return RecursionExpansion(shapes, parts.pop("hash"), parts)


def _parts(payload: bytes) -> list[bytes]:
    parts = []
    offset = 0
    while offset < len(payload):
        if len(payload) - offset < _LENGTH.size:
            raise MalformedStatement("The witness ends inside a length.")
        (size,) = _LENGTH.unpack_from(payload, offset)
        offset += _LENGTH.size
        if size > len(payload) - offset:
            raise MalformedStatement(f"A part of {size} bytes is over the witness's end.")
        parts.append(payload[offset : offset + size])
        offset += size
    return parts
