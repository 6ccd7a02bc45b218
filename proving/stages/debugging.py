"""Why a proof does not hold: the check that refuses it, and the constraints that its witness breaks, with values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving import keys
from proving.machine import checkpoint as checkpoints
from proving.machine import records as execution
from proving.machine.checkpoint import Checkpoint
from proving.machine.main_vm.circuit import circuit
from proving.machine.main_vm.expand import expand
from proving.machine.records import Records
from proving.machine.replay import replay
from proving.stages import batch_proof, proof, recursion_proof, run_proof
from proving.stages.verify import verify_run
from proving.stark.air.circuit import Circuit, Traces
from proving.stark.air.engine import Violation, check
from proving.stark.air.graph import Op
from proving.stark.air.table import TableBuilder
from proving.stark.verifier import verify
from runtime import artifact
from runtime.errors import InvalidInput, VerificationError
from runtime.protocol import PROTOCOL_VERSION

#: Kinds of witnesses of a segment that constraints are evaluated on.
WITNESSES = (execution.KIND, checkpoints.KIND)
_OF_RUNS = (batch_proof.KIND, batch_proof.RUN_KIND)


@dataclass(frozen=True)
class Broken:
    """A constraint or a bus that a witness breaks.

    Attributes
    ----------
    violation
        Table, name, first row, and on how many rows.
    values
        What the constraint reads there, by column; ``name'`` is the column's value on the next row. Of a bus, which has
        no such values, nothing: its message is in the violation.
    """

    violation: Violation
    values: dict[str, int]


def inner(data: bytes) -> bytes:
    """Return an artifact without the envelope that the artifact store puts around another artifact."""
    payload = artifact.unpack(data).payload
    return payload if payload.startswith(artifact.MAGIC) else data


def refusal(data: bytes, *, profile: str) -> VerificationError | InvalidInput | None:
    """Return what a verifier says of a proof that it refuses: its first check that fails; nothing when it holds.

    Raises
    ------
    InvalidInput
        It is no proof.
    """
    kind = artifact.read_header(data).kind
    if kind not in (proof.KIND, recursion_proof.KIND, *_OF_RUNS):
        raise InvalidInput(f"A {kind} is no proof of a segment, of a later round, of a run or of a batch.")
    try:
        if kind in _OF_RUNS:
            verify_run(data, program_commitment=None, profile=profile)
        elif kind == proof.KIND:
            segment = proof.unpack(data, protocol=PROTOCOL_VERSION)
            proof.check(segment.publics, segment.proof, profile=profile)
        else:
            found = recursion_proof.unpack(data, protocol=PROTOCOL_VERSION)
            verify(keys.key(found.circuit), profile, found.publics, found.proof)
    except (VerificationError, InvalidInput) as error:
        return error
    return None


def publics_of(data: bytes) -> NDArray[np.uint64]:
    """Return the digests that a segment's proof, or that of a run, is about, ``(8,) uint64``, unverified."""
    if artifact.read_header(data).kind == batch_proof.RUN_KIND:
        claim, final, _ = run_proof.unpack(data)
        return run_proof.publics(claim, final)
    return proof.unpack(data).publics


def broken(witness: bytes, *, limit: int) -> tuple[list[Broken], NDArray[np.uint64]]:
    """Evaluate every constraint of a segment on every row, and balance every bus.

    Parameters
    ----------
    witness
        Execution records, or a checkpoint, which is replayed.
    limit
        Most messages that are reported for each bus.

    Returns
    -------
    What is broken, and the digests that the witness is about, ``(8,) uint64``.

    Raises
    ------
    InvalidInput
        It is neither, or holds values that no column takes.
    """
    kind = artifact.read_header(witness).kind
    if kind not in WITNESSES:
        raise InvalidInput(f"A {kind} is no witness of a segment; expected {' or '.join(WITNESSES)}.")
    records = Records.from_bytes(witness) if kind == execution.KIND else replay(Checkpoint.from_bytes(witness))
    traces, publics = expand(records)
    machine = circuit()
    found = check(machine, traces, publics, limit=limit)
    return [Broken(each, _values(machine, traces, each)) for each in found], publics


def _values(machine: Circuit, traces: Traces, violation: Violation) -> dict[str, int]:
    if violation.bus:
        return {}
    table, trace = machine.table(violation.table), traces[violation.table]
    [constraint] = [each for each in table.constraints if each.name == violation.name]
    rows = trace.shape[1]
    return {
        table.main_names[column] + "'" * offset: int(trace[column, (violation.row + offset) % rows])
        for column, offset in sorted(_columns(table, constraint.expr.node))
    }


def _columns(table: TableBuilder, node: int) -> set[tuple[int, int]]:
    """Return the main columns below a node, each with how many rows on it is read."""
    graph, found, left, seen = table.graph, set(), [node], set()
    while left:
        at = left.pop()
        if at in seen:
            continue
        seen.add(at)
        if graph.op[at] is Op.MAIN:
            found.add((graph.a[at], graph.b[at]))
        elif graph.op[at] in (Op.ADD, Op.SUB, Op.MUL):
            left += [graph.a[at], graph.b[at]]
        elif graph.op[at] is Op.NEG:
            left.append(graph.a[at])
    return found
