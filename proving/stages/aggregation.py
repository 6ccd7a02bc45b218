"""The stages of the rounds after the first: from proofs to one proof about them.

Every round has the same three. `recursive_witness` takes the proofs that the round's circuit verifies and refuses one
that does not hold; `recursive_vectors` computes what the circuit's trace is expanded from, where nothing is checked any
more; `prove_recursive` proves it and verifies the proof. The scheduler's proof is the batch's.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Sequence

import numpy as np

from proving import keys
from proving.backend.cpu import default_backend
from proving.backend.expansion import RecursionExpansion
from proving.backend.interface import Backend
from proving.circuits.requests import RequestType
from proving.circuits.served import SERVED
from proving.hash import DIGEST, compress
from proving.keys.family import Family
from proving.keys.prepared import ready_key
from proving.machine.main_vm import shapes
from proving.machine.state import empty_requests
from proving.recursion.aggregation import node_hints
from proving.recursion.claims import claim_words, request_type, type_number
from proving.recursion.scheduler import scheduler_hints, scheduler_words
from proving.recursion.tie import tie_hints
from proving.recursion.tip import MAIN_VM_TYPE, tip_hints, tip_words
from proving.recursion.witness import prepare
from proving.stages import batch_proof, recursion_proof
from proving.stages import proof as segment_proof
from proving.stages.batch_proof import Claim
from proving.stages.budget import backend_for
from proving.stages.recursion_proof import RecursionProof
from proving.stages.recursion_witness import RecursionWitness, pack_trace, require_form, unpack_trace
from proving.stages.rounds import Round
from proving.stages.statement import Statement
from proving.stark.arithmetic import Words
from proving.stark.key import Key
from proving.stark.proof import parse
from proving.stark.prover import prove
from proving.stark.verifier import verify
from runtime import artifact
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
        Artifacts of the children's proofs, in the chain's order: of a segment or of requests for a leaf; two of leaves
        or nodes for a node; one of a leaf or node for the tip; the tip's, or the tie's before, and a type's leaf or
        node for a tie; the last of these for the scheduler.
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
    tied = made is Round.TIP and len(proofs) == 2
    children = [_child(made, number, proof, profile, tied=tied) for number, proof in enumerate(proofs)]
    if len(children) != (2 if made is Round.NODE or tied else 1):
        raise InvalidInput(f"A {made.name.lower()} does not take {len(children)} proofs.")
    first = children[0]
    final = b""
    if made is Round.LEAF:
        circuit, number_of_type = _leaf_of(family, first, profile)
        publics = claim_words(key_set.digest, first.publics[:DIGEST], first.publics[DIGEST:], number_of_type)
    elif made is Round.NODE:
        circuit = family.node
        left, right = (child.publics for child in children)
        if not np.array_equal(left[2 * DIGEST : 3 * DIGEST], right[DIGEST : 2 * DIGEST]):
            raise ChainBroken("The second proof does not start where the first one ends.")
        if left[-1] != right[-1]:
            raise ChainBroken("The two proofs are of different types.")
        publics = np.concatenate([left[: 2 * DIGEST], right[2 * DIGEST :]])
    elif tied:
        circuit = family.tie
        before, after = _tied(told, children)
        publics = tip_words(key_set.digest, told.program_commitment, _output(told), after)
        if not np.array_equal(first.publics, tip_words(key_set.digest, told.program_commitment, _output(told), before)):
            raise ChainBroken("The tip's proof is not about the statement's run.")
        final = dataclasses.replace(told.final, requests=before).to_bytes()
    elif made is Round.TIP:
        circuit, final = family.tip, told.final.to_bytes()
        ends = np.concatenate([told.program_commitment, told.final.digest()])
        if first.publics[-1] != MAIN_VM_TYPE or not np.array_equal(first.publics[DIGEST : 3 * DIGEST], ends):
            raise ChainBroken("The proof does not lead from the statement's program to its final state.")
        publics = tip_words(key_set.digest, told.program_commitment, _output(told), told.final.requests)
    elif made is Round.SCHEDULER:
        circuit = family.scheduler
        publics = scheduler_words(key_set.digest, told.program_commitment, PROTOCOL_NUMBER, _output(told))
        shown = tip_words(key_set.digest, told.program_commitment, _output(told), empty_requests())
        if not np.array_equal(first.publics, shown):
            raise ChainBroken(
                "The tip's proof is not about the statement's program and output, with all requests shown."
            )
    else:
        raise InvalidInput("The basic round has no circuit that verifies proofs.")
    return RecursionWitness(profile, circuit, publics, tuple(children), final).pack(protocol=PROTOCOL_VERSION)


def recursive_vectors(witness: bytes) -> bytes:
    """Compute the trace of a witness's circuit; the artifact names the witness that it is of.

    Raises
    ------
    InvalidInput
        The witness is none, or its children are not what its circuit takes.
    """
    told = RecursionWitness.unpack(witness, protocol=PROTOCOL_VERSION)
    return pack_trace(hashlib.sha256(witness).digest(), _prepare(told), protocol=PROTOCOL_VERSION)


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
        The witness is of another profile, its children are not what its circuit takes, or the trace is of another
        witness.
    """
    told = RecursionWitness.unpack(witness, protocol=PROTOCOL_VERSION)
    if told.profile != profile:
        raise InvalidInput(f"The witness was made for profile {told.profile}, this prover works under {profile}.")
    if vectors is None:
        traces = _prepare(told)
    else:
        layout = keys.key(told.circuit).layout
        traces = unpack_trace(vectors, hashlib.sha256(witness).digest(), layout, protocol=PROTOCOL_VERSION)
    backend = backend_for(backend or default_backend(), told.circuit, traces)
    key = ready_key(told.circuit, backend)
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


def _child(made: Round, number: int, data: bytes, profile: str, *, tied: bool) -> RecursionProof:
    """Return a child's proof, verified."""
    family = keys.circuits_of(profile)
    if made is Round.LEAF:
        if artifact.read_header(data).kind == segment_proof.KIND:
            segment = segment_proof.unpack(data, protocol=PROTOCOL_VERSION)
            child = RecursionProof(keys.MAIN_VM, segment.publics, segment.proof)
        else:
            child = recursion_proof.unpack(data, protocol=PROTOCOL_VERSION)
        taken: Collection[str] = family.leaves
    else:
        child = recursion_proof.unpack(data, protocol=PROTOCOL_VERSION)
        # A tie's first proof is a tip's, its second that of a chain; a tip has the second kind only.
        taken = family.tips if made is Round.SCHEDULER or (tied and number == 0) else family.aggregating
    if child.circuit not in taken:
        raise ChildRefused(f"Proof {number} is of circuit {child.circuit}, which a {made.name.lower()} does not take.")
    try:
        verify(keys.key(child.circuit), profile, child.publics, child.proof)
    except VerificationError as error:
        raise ChildRefused(
            f"Proof {number} of circuit {child.circuit}: {error.message}", cause=error.code, remedy=error.remedy
        ) from error
    return child


def _leaf_of(family: Family, basic: RecursionProof, profile: str) -> tuple[str, int]:
    """Return the leaf circuit that takes a basic proof, and the type that it claims."""
    key = keys.key(basic.circuit)
    shape, _ = parse(key.layout, key.parameters(profile), basic.proof)
    if basic.circuit == keys.MAIN_VM:
        return family.leaf(keys.MAIN_VM, shapes.number(shape.log_heights)), MAIN_VM_TYPE
    served = SERVED[basic.circuit]
    return family.leaf(served.name, served.number(shape.log_heights)), type_number(served.kind)


def _tied(told: Statement, children: Sequence[RecursionProof]) -> tuple[Words, Words]:
    """Return the request chains ``(4, 4)`` that a tie's run still has to show before the tie and after it."""
    asked, chain = children[0].publics[-DIGEST:], children[1].publics
    left = told.final.requests.copy()
    empty = empty_requests()
    for kind in RequestType:
        if chain[-1] == type_number(kind) and np.array_equal(compress(left.reshape(-1)), asked):
            if not np.array_equal(chain[DIGEST : 3 * DIGEST], np.concatenate([empty[kind], left[kind]])):
                raise ChainBroken(f"The proof does not show the requests of {kind.name.lower()} of the final state.")
            after = left.copy()
            after[kind] = empty[kind]
            return left, after
        left[kind] = empty[kind]
    raise ChainBroken("The proof shows no requests that the run before it still has to show.")


def _output(told: Statement) -> Words:
    return np.frombuffer(told.final.output(), dtype="<u4").astype(np.uint64)


def _prepare(told: RecursionWitness) -> RecursionExpansion:
    require_form(told)
    return prepare(keys.program(told.circuit), told.publics, _hints(told))


def _hints(told: RecursionWitness) -> list[Words]:
    """Return the hints of a witness's circuit."""
    family, entries = keys.circuits_of(told.profile), keys.key_set(told.profile).entries
    (first, *_) = told.children
    if told.circuit == family.scheduler:
        place = family.names.index(first.circuit)
        return scheduler_hints(entries, place, _cap(keys.key(first.circuit)), _parts(first, told.profile))
    if told.circuit in family.basic:
        return [first.publics.reshape(2, DIGEST), *_parts(first, told.profile)]
    children = [
        (family.names.index(child.circuit), _cap(keys.key(child.circuit)), child.publics, _parts(child, told.profile))
        for child in told.children
    ]
    if told.circuit == family.node:
        return node_hints(entries, children)
    if told.circuit == family.tie:
        place, cap, _, parts = children[0]
        before = told.final_state().requests
        after, kind = before.copy(), request_type(told.children[1].publics[-1])
        after[kind] = empty_requests()[kind]
        return tie_hints(entries, before, after, (place, cap, parts), children[1])
    return tip_hints(entries, children[0], told.final_state())


def _parts(child: RecursionProof, profile: str) -> list[Words]:
    key = keys.key(child.circuit)
    _, parts = parse(key.layout, key.parameters(profile), child.proof)
    return parts.parts()


def _cap(key: Key) -> Words:
    if key.preprocessed_cap is None:
        raise InvalidInput(f"The key of {key.name} has no preprocessed columns.")
    return key.preprocessed_cap
