"""The gas that L1 asks for a batch, on a real EVM in this process."""

from __future__ import annotations

from benchmarks.figure import Figure, figure
from tests.contracts.deployment import Batch, LocalEvm
from tests.contracts.test_proven_batch import proven_on


def verify_gas() -> list[Figure]:
    """Send the transaction that proves one batch, and the two around it."""
    proven = proven_on(LocalEvm())
    rollup = proven.rollup
    prove = rollup.send(rollup.prove_data(1, [proven.proof()]))["gasUsed"]
    commit = rollup.send(rollup.commit_data(Batch(2)))["gasUsed"]
    execute = rollup.send(rollup.execute_data(1))["gasUsed"]
    precompiles = ("32 multiplications, 33 additions, a pairing of two pairs", 32 * 6000 + 33 * 150 + 113_000)
    context = {"of": "the whole transaction", "commitBatch": commit, "executeBatches": execute}
    return [figure("l1.verify_gas", prove, "gas", "lower", limit=precompiles, context=context)]
