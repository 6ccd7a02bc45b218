"""The requests of a run: cut into parts that each have a proof of their type's circuit, and proven.

A part's payload (little-endian): length of the circuit's name u8 | name | digest of the chain before and behind it, 4
u64 each | inputs of its requests, u32 each.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.backend.cpu import default_backend
from proving.backend.interface import Backend
from proving.circuits.basic import BasicCircuit
from proving.circuits.requests import absorb, blocks, empty_chain
from proving.circuits.served import SERVED
from proving.hash import DIGEST
from proving.stages import recursion_proof
from proving.stages.budget import backend_for
from proving.stages.recursion_proof import RecursionProof
from proving.stages.statement import MalformedStatement, canonical
from proving.stark.prover import prove
from proving.stark.verifier import verify
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.progress import Progress
from runtime.protocol import PROTOCOL_VERSION

KIND = "requests"
VERSION = 1
#: Largest artifact that is read, in bytes.
MAX_BYTES = 1 << 26

_NAME = struct.Struct("<B")


@dataclass(frozen=True)
class Part:
    """Requests of one type, next to each other on their chain.

    Attributes
    ----------
    circuit
        Name of the type's circuit.
    publics
        ``(8,) uint64``: digest of the chain before and behind them.
    inputs
        ``(count, input words) uint32``.
    """

    circuit: str
    publics: NDArray[np.uint64]
    inputs: NDArray[np.uint32]

    @property
    def served(self) -> BasicCircuit:
        """The type's circuit."""
        return SERVED[self.circuit]

    def to_bytes(self) -> bytes:
        """Return the artifact."""
        name = self.circuit.encode()
        payload = _NAME.pack(len(name)) + name + self.publics.astype("<u8").tobytes() + self.inputs.tobytes()
        return artifact.pack(KIND, payload, version=VERSION, compress=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Part:
        """Parse an artifact made by `to_bytes`.

        Raises
        ------
        ArtifactError
            Truncated, corrupt, or of another kind or version.
        MalformedStatement
            A circuit that proves no requests, a digest that is not canonical, or no whole number of requests.
        """
        payload = artifact.unpack(data, kind=KIND, version=VERSION, limit=MAX_BYTES).payload
        length = payload[0] if payload else 0
        start = _NAME.size + length
        served = SERVED.get(payload[_NAME.size : start].decode("ascii", "replace"))
        if served is None:
            raise MalformedStatement("The requests are of no type that there is a circuit of.")
        words = payload[start + 16 * DIGEST :]
        if len(payload) < start + 16 * DIGEST or len(words) % (4 * served.layout.input_words) or not words:
            raise MalformedStatement("The requests are no whole number of requests.")
        publics = np.frombuffer(payload[start : start + 16 * DIGEST], dtype="<u8").astype(np.uint64)
        inputs = np.frombuffer(words, dtype="<u4").astype(np.uint32).reshape(-1, served.layout.input_words)
        return cls(served.name, canonical(publics), inputs)


def parts(served: BasicCircuit, inputs: Sequence[NDArray[np.uint32]], most: int) -> list[Part]:
    """Cut the requests of a run into parts.

    Parameters
    ----------
    inputs
        ``(count, input words) uint32`` of every segment, in order.
    most
        Requests that a part may have.
    """
    asked = np.concatenate([np.empty((0, served.layout.input_words), dtype=np.uint32), *inputs])
    found: list[Part] = []
    before = empty_chain(served.kind)
    for first in range(0, len(asked), most):
        own = np.ascontiguousarray(asked[first : first + most])
        after = absorb(before, blocks(own, served.answer(own)))[-1]
        found.append(Part(served.name, np.concatenate([before, after]), own))
        before = after
    return found


def prove_requests(
    part: bytes,
    vectors: bytes | None = None,
    *,
    backend: Backend | None = None,
    profile: str = "proven100",
    progress: Progress | None = None,
) -> bytes:
    """Prove a part of a run's requests and verify the proof.

    Parameters
    ----------
    vectors
        None: a part's trace is expanded where it is proven.

    Raises
    ------
    InvalidInput
        The requests do not lead to where the part says.
    """
    told = Part.from_bytes(part)
    if vectors is not None:
        raise InvalidInput("Requests are proven from their inputs alone.")
    traces, publics = told.served.prepare(told.publics[:DIGEST], told.inputs)
    if not np.array_equal(publics, told.publics):
        raise InvalidInput("The requests do not lead to the digest that their part ends in.")
    backend = backend_for(backend or default_backend(), told.circuit, traces)
    made = prove(keys.proving_key(told.circuit), profile, publics, traces, backend, progress, consume=True)
    told.served.number(verify(keys.key(told.circuit), profile, publics, made).log_heights)
    return recursion_proof.pack(RecursionProof(told.circuit, publics, made), protocol=PROTOCOL_VERSION)


def proves_requests(proof: bytes, part: bytes, *, profile: str) -> bool:
    """Return whether a proof is of a part's requests, and holds."""
    told = Part.from_bytes(part)
    try:
        found = recursion_proof.unpack(proof, protocol=PROTOCOL_VERSION)
        if found.circuit != told.circuit or not np.array_equal(found.publics, told.publics):
            return False
        verify(keys.key(found.circuit), profile, found.publics, found.proof)
    except (InvalidInput, VerificationError):
        return False
    return True
