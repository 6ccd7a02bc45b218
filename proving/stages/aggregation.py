"""The stages of the rounds after the first: from proofs to one proof about them.

Every round has the same three. `recursive_witness` takes the proofs that the round's circuit verifies and refuses one
that does not hold; `recursive_vectors` fills the circuit's trace, where nothing is checked any more;
`prove_recursive` proves it and verifies the proof. The scheduler's proof is the batch's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from proving import keys
from proving.backend.interface import Backend
from proving.backend.native import default_backend
from proving.hash import DIGEST
from proving.keys.family import Family
from proving.keys.prepared import ready_key
from proving.machine.main_vm import shapes
from proving.recursion.aggregation import node_hints
from proving.recursion.claims import claim_words
from proving.recursion.scheduler import scheduler_hints, scheduler_words
from proving.recursion.tip import MAIN_VM_TYPE, tip_hints, tip_words
from proving.recursion.witness import fill
from proving.stages import batch_proof, recursion_proof
from proving.stages import proof as segment_proof
from proving.stages.batch_proof import Claim
from proving.stages.recursion_proof import RecursionProof
from proving.stages.recursion_witness import RecursionWitness, pack_trace, unpack_trace
from proving.stages.rounds import Round
from proving.stages.statement import Statement
from proving.stark.arithmetic import Words
from proving.stark.key import Key
from proving.stark.proof import parse
from proving.stark.prover import prove
from proving.stark.verifier import verify
from runtime.errors import InvalidInput, VerificationError
from runtime.progress import Progress
from runtime.protocol import PROTOCOL_NUMBER, PROTOCOL_VERSION


class ChildRefused(VerificationError):
    """A proof that a round was given does not hold, or is not one that the round takes."""

    code = "child_refused"


class ChainBroken(VerificationError):
    """The proofs that a round was given are no chain, or not that of the statement."""

    code = "chain_broken"


def recursive_witness(made: Round, proofs: Sequence[bytes], *, statement: bytes, profile: str) -> bytes:
    """Check the proofs that a circuit of a round verifies, and say what it is to prove about them.

    Parameters
    ----------
    made
        The round, not the basic one.
    proofs
        Artifacts of the children's proofs, in the chain's order: of a segment for a leaf; two of leaves or nodes for a
        node; one of a leaf or node for the tip; the tip's for the scheduler.
    statement
        Bytes of the batch's `Statement`.

    Raises
    ------
    ChildRefused
        A proof does not hold, or is of another circuit than the round takes.
    ChainBroken
        The proofs are not adjacent, or do not lead from the program to the statement's final state.
    """
    told = Statement.decode(statement)
    family, key_set = keys.circuits_of(profile), keys.key_set(profile)
    children = [_child(made, number, proof, profile) for number, proof in enumerate(proofs)]
    if len(children) != (2 if made is Round.NODE else 1):
        raise InvalidInput(f"A {made.name.lower()} does not take {len(children)} proofs.")
    first = children[0]
    final = b""
    if made is Round.LEAF:
        circuit = _leaf_of(family, first, profile)
        publics = claim_words(key_set.digest, first.publics[:DIGEST], first.publics[DIGEST:], MAIN_VM_TYPE)
    elif made is Round.NODE:
        circuit = family.node
        left, right = (child.publics for child in children)
        if not np.array_equal(left[2 * DIGEST : 3 * DIGEST], right[DIGEST : 2 * DIGEST]):
            raise ChainBroken("The second proof does not start where the first one ends.")
        publics = np.concatenate([left[: 2 * DIGEST], right[2 * DIGEST :]])
    elif made is Round.TIP:
        circuit, final = family.tip, told.final.to_bytes()
        ends = np.concatenate([told.program_commitment, told.final.digest()])
        if not np.array_equal(first.publics[DIGEST : 3 * DIGEST], ends):
            raise ChainBroken("The proof does not lead from the statement's program to its final state.")
        publics = tip_words(key_set.digest, told.program_commitment, _output(told))
    elif made is Round.SCHEDULER:
        circuit = family.scheduler
        publics = scheduler_words(key_set.digest, told.program_commitment, PROTOCOL_NUMBER, _output(told))
        if not np.array_equal(first.publics, tip_words(key_set.digest, told.program_commitment, _output(told))):
            raise ChainBroken("The tip's proof is not about the statement's program and output.")
    else:
        raise InvalidInput("The basic round has no circuit that verifies proofs.")
    return RecursionWitness(profile, circuit, publics, tuple(children), final).pack(protocol=PROTOCOL_VERSION)


def recursive_vectors(witness: bytes) -> bytes:
    """Fill the trace of a witness's circuit; the artifact names the witness that it is of."""
    told = RecursionWitness.unpack(witness, protocol=PROTOCOL_VERSION)
    return pack_trace(hashlib.sha256(witness).digest(), _fill(told), protocol=PROTOCOL_VERSION)


def prove_recursive(
    witness: bytes,
    vectors: bytes | None = None,
    *,
    backend: Backend | None = None,
    profile: str = "proven100",
    progress: Progress | None = None,
) -> bytes:
    """Prove a witness's circuit and verify the proof.

    Parameters
    ----------
    vectors
        The witness's trace; filled again when it is not at hand.

    Returns
    -------
    bytes
        A recursion proof's artifact; the scheduler's is the batch's proof.

    Raises
    ------
    InvalidInput
        The witness is of another profile, or the trace of another witness.
    """
    told = RecursionWitness.unpack(witness, protocol=PROTOCOL_VERSION)
    if told.profile != profile:
        raise InvalidInput(f"The witness was made for profile {told.profile}, this prover works under {profile}.")
    backend = backend or default_backend()
    key = ready_key(told.circuit, backend)
    if vectors is None:
        traces = _fill(told)
    else:
        traces = unpack_trace(vectors, hashlib.sha256(witness).digest(), key.layout, protocol=PROTOCOL_VERSION)
    made = prove(key, profile, told.publics, traces, backend, progress, consume=True)
    verify(key, profile, told.publics, made)
    if told.circuit == keys.circuits_of(profile).scheduler:
        return batch_proof.pack(Claim.of_words(told.publics), made, protocol=PROTOCOL_VERSION)
    return recursion_proof.pack(RecursionProof(told.circuit, told.publics, made), protocol=PROTOCOL_VERSION)


def proves(proof: bytes, witness: bytes) -> bool:
    """Return whether a recursion proof's artifact is of a witness's circuit and claim, and holds."""
    told = RecursionWitness.unpack(witness, protocol=PROTOCOL_VERSION)
    try:
        found = recursion_proof.unpack(proof, protocol=PROTOCOL_VERSION)
        if found.circuit != told.circuit or not np.array_equal(found.publics, told.publics):
            return False
        verify(keys.key(found.circuit), told.profile, found.publics, found.proof)
    except (InvalidInput, VerificationError):
        return False
    return True


def _child(made: Round, number: int, data: bytes, profile: str) -> RecursionProof:
    """Return a child's proof, verified."""
    family = keys.circuits_of(profile)
    if made is Round.LEAF:
        segment = segment_proof.unpack(data, protocol=PROTOCOL_VERSION)
        child = RecursionProof(keys.MAIN_VM, segment.publics, segment.proof)
    else:
        child = recursion_proof.unpack(data, protocol=PROTOCOL_VERSION)
        if child.circuit not in ((family.tip,) if made is Round.SCHEDULER else family.aggregating):
            raise ChildRefused(
                f"Proof {number} is of circuit {child.circuit}, which a {made.name.lower()} does not take."
            )
    try:
        verify(keys.key(child.circuit), profile, child.publics, child.proof)
    except VerificationError as error:
        raise ChildRefused(
            f"Proof {number} of circuit {child.circuit}: {error.message}", cause=error.code, remedy=error.remedy
        ) from error
    return child


def _leaf_of(family: Family, segment: RecursionProof, profile: str) -> str:
    key = keys.key(keys.MAIN_VM)
    shape, _ = parse(key.layout, key.parameters(profile), segment.proof)
    return family.leaf(shapes.number(shape.log_heights))


def _output(told: Statement) -> Words:
    return np.frombuffer(told.final.output(), dtype="<u4").astype(np.uint64)


def _fill(told: RecursionWitness) -> dict[str, Words]:
    return fill(keys.program(told.circuit), told.publics, _hints(told))


def _hints(told: RecursionWitness) -> list[Words]:
    """Return the hints of a witness's circuit."""
    family, entries = keys.circuits_of(told.profile), keys.key_set(told.profile).entries
    (first, *_) = told.children
    if told.circuit == family.scheduler:
        return scheduler_hints(_parts(first, told.profile))
    if told.circuit not in (family.node, family.tip):
        return [first.publics.reshape(2, DIGEST), *_parts(first, told.profile)]
    children = [
        (family.names.index(child.circuit), _cap(keys.key(child.circuit)), child.publics, _parts(child, told.profile))
        for child in told.children
    ]
    if told.circuit == family.node:
        return node_hints(entries, children)
    return tip_hints(entries, children[0], told.final_state())


def _parts(child: RecursionProof, profile: str) -> list[Words]:
    key = keys.key(child.circuit)
    _, parts = parse(key.layout, key.parameters(profile), child.proof)
    return parts.parts()


def _cap(key: Key) -> Words:
    if key.preprocessed_cap is None:
        raise InvalidInput(f"The key of {key.name} has no preprocessed columns.")
    return key.preprocessed_cap
