"""The gas that L1 asks for a batch, on a real EVM in this process."""

from __future__ import annotations

import random

from benchmarks.figure import Figure, figure
from core.formats import state_diffs
from core.formats.state_diffs import StateDiff
from tests.contracts.deployment import Batch, LocalEvm, deploy
from tests.contracts.test_proven_batch import proven_on

_FEW, _MANY = 10, 110


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


def data_gas() -> list[Figure]:
    """Measure what one more transfer costs in the transaction that commits to its batch: two accounts are published."""
    few, many = (_published(transfers) for transfers in (_FEW, _MANY))
    rollup = deploy(LocalEvm())
    # The first batch fills storage that the later ones change.
    _, *gas = [
        rollup.send(rollup.commit_data(Batch(number, state_diffs=data)))["gasUsed"]
        for number, data in enumerate((b"", few, many), 1)
    ]
    more, zeros = len(many) - len(few), many.count(0) - few.count(0)
    price = 16 * (more - zeros) + 4 * zeros
    context = {
        "bytes": round(more / (_MANY - _FEW), 1),
        # Ethereum asks for this much at least, and a batch of some hundred transfers comes to it (EIP-7623).
        "floor": round(2.5 * price / (_MANY - _FEW)),
    }
    limit = ("the price of the bytes themselves", price / (_MANY - _FEW))
    return [figure("l1.data_gas", (gas[1] - gas[0]) / (_MANY - _FEW), "gas", "lower", limit=limit, context=context)]


def _published(transfers: int) -> bytes:
    """Return the state diffs of a batch of transfers between accounts of ordinary balances, all of them different."""
    chosen = random.Random(1)
    accounts = [
        StateDiff(chosen.randbytes(20), chosen.randrange(1, 1000) * (index % 2), chosen.randrange(10**15, 10**20))
        for index in range(2 * transfers)
    ]
    return state_diffs.encode(accounts)
