"""What L1 is to be told next: decided from what L1 holds and what core holds, never from what was sent before."""

from __future__ import annotations

import json
from dataclasses import dataclass

from core.batches.commitment_generator import published_diffs
from core.eth_sender.errors import L1Diverged
from core.eth_sender.executor import CommittedBatch, Executor, stored_hash
from core.eth_sender.status import L1State
from core.formats.commitments import NOTHING, content_commitment
from core.proofs.snark_store import SnarkStore
from core.state.chain import SETTLED
from core.store import Batch, L1Action


@dataclass(frozen=True)
class Action:
    """A transaction that is to be made.

    Attributes
    ----------
    kind : L1Action
    first, last : int
        The batches that it is about.
    data : bytes
        Calldata for the Executor.
    """

    kind: L1Action
    first: int
    last: int
    data: bytes


def next_action(executor: Executor, state: L1State, snarks: SnarkStore) -> Action | None:
    """Return what to do next: execute what is proven, else prove what has a proof, else commit to the next batch.

    Raises
    ------
    L1Diverged
        L1's newest executed or committed batch is not this core's.
    """
    hashes = _stored_hashes(executor, state)
    if state.proven > state.executed:
        data = executor.execute_data(state.proven, hashes[state.proven])
        return Action(L1Action.EXECUTE, state.executed + 1, state.proven, data)
    number = state.proven + 1
    if number <= state.committed and (proof := snarks.get(number)) is not None:
        return Action(L1Action.PROVE, number, number, executor.prove_data(number, hashes[number], [proof]))
    batch = Batch.get_or_none(Batch.number == state.committed + 1, Batch.status.in_(SETTLED))
    return None if batch is None else _commit(executor, batch, hashes[state.committed])


def _commit(executor: Executor, batch: Batch, previous: bytes) -> Action:
    parts = {name: bytes.fromhex(digest) for name, digest in json.loads(batch.commitments or "{}").items()}
    del parts["diffs"]
    data = executor.commit_data(
        CommittedBatch(
            batch.number,
            batch.timestamp,
            batch.new_root,
            content_commitment(**parts),
            batch.requests,
            batch.message_root or NOTHING,
            published_diffs(batch),
        ),
        stored_hash(previous, batch.expected_output),
    )
    return Action(L1Action.COMMIT, batch.number, batch.number, data)


def _stored_hashes(executor: Executor, state: L1State) -> dict[int, bytes]:
    """Return the stored hashes from the newest executed batch on, after comparing both ends with L1."""
    base = executor.stored(state.executed, state.block)
    ours = Batch.get_or_none(Batch.number == state.executed)
    if ours is None or base.root != ours.new_root or (state.executed and base.output != ours.expected_output):
        raise L1Diverged(f"Batch {state.executed}, executed on L1, is another one than this core's.")
    hashes = {state.executed: base.hash}
    between = Batch.number.between(state.executed + 1, state.committed)
    for batch in Batch.select().where(between, Batch.status.in_(SETTLED)).order_by(Batch.number):
        hashes[batch.number] = stored_hash(hashes[batch.number - 1], batch.expected_output)
    if hashes.get(state.committed) != executor.stored(state.committed, state.block).hash:
        raise L1Diverged(f"Of the batches {state.executed + 1} to {state.committed} on L1, one is not this core's.")
    return hashes
