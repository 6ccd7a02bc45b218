"""The compression layers: from a batch's proof to a proof that a SNARK verifies, about the same claim.

Each layer verifies the proof below it and shows the same public input; every proof is verified as soon as it is made.
"""

from __future__ import annotations

from proving import keys
from proving.backend.cpu import default_backend
from proving.backend.interface import Backend
from proving.recursion.witness import prepare
from proving.stages import batch_proof, recursion_proof
from proving.stages.budget import backend_for
from proving.stages.recursion_proof import RecursionProof
from proving.stark.arithmetic import Words
from proving.stark.proof import parse
from proving.stark.prover import prove
from proving.stark.verifier import verify
from runtime.errors import InvalidInput
from runtime.progress import Progress
from runtime.protocol import PROTOCOL_VERSION


def compress_proof(
    proof: bytes,
    *,
    profile: str,
    backend: Backend | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Take a batch's proof through the layers.

    Parameters
    ----------
    proof
        The artifact of a batch's proof.
    profile
        The profile that it was made under.

    Returns
    -------
    bytes
        The artifact of the last layer's proof, see :mod:`proving.stages.recursion_proof`.

    Raises
    ------
    VerificationError
        The batch's proof does not hold under this release's keys and the profile.
    NotCompressed
        There are no layers under the profile.
    """
    family = keys.circuits_of(profile)
    last = family.last
    claim, below = batch_proof.unpack(proof, protocol=PROTOCOL_VERSION)
    batch_proof.check(claim, below, profile=profile)
    for number, name in enumerate(family.layers):
        told = _part_of(progress, number, len(family.layers))
        below = _prove(name, family.below(name), claim.words, below, profile, backend or default_backend(), told)
    return recursion_proof.pack(RecursionProof(last, claim.words, below), protocol=PROTOCOL_VERSION)


def verify_last(data: bytes, *, profile: str) -> RecursionProof:
    """Return the last layer's proof of an artifact, verified.

    Raises
    ------
    VerificationError, InvalidInput
        It does not hold, or is no artifact of the last layer's proof.
    """
    found = recursion_proof.unpack(data, protocol=PROTOCOL_VERSION)
    last = keys.circuits_of(profile).last
    if found.circuit != last:
        raise InvalidInput(f"The proof is of circuit {found.circuit}, not of the last layer {last}.")
    verify(keys.key(last), profile, found.publics, found.proof)
    return found


def _prove(
    name: str, below: str, publics: Words, proof: bytes, profile: str, backend: Backend, progress: Progress | None
) -> bytes:
    """Return a layer's proof, verified."""
    key = keys.key(below)
    _, parts = parse(key.layout, key.parameters(profile), proof)
    traces = prepare(keys.program(name), publics, parts.parts())
    proving_key = keys.proving_key(name)
    made = prove(proving_key, profile, publics, traces, backend_for(backend, name, traces), progress, consume=True)
    proving_key.forget()
    verify(keys.key(name), profile, publics, made)
    return made


def _part_of(progress: Progress | None, number: int, count: int) -> Progress | None:
    """Return what tells the progress of one layer of several as that of all."""
    if progress is None:
        return None

    def told(fraction: float, phase: str) -> None:
        progress((number + fraction) / count, phase)

    return told
