"""Executor and SNARK verifier together: what a validator needs to make L1 act on a new root."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from proving.snark.statement import batch_inputs
from tests.contracts.deployment import (
    CHAIN_ID,
    KEY_SET,
    PROGRAM,
    PROTOCOL,
    Batch,
    Evm,
    Reverted,
    Rollup,
    artifact,
    deploy,
)
from tests.contracts.node import anvil
from tests.contracts.simulation import Simulator

#: Gas of a transaction that proves one batch, everything included; what was measured is in docs/performance.md.
MOST_GAS = 480_000


@dataclass(frozen=True)
class Proven:
    """A rollup whose batch 1 is committed, and the proof of it."""

    rollup: Rollup
    simulator: Simulator

    def proof(self, output: bytes | None = None) -> bytes:
        statement = batch_inputs(
            program=PROGRAM, key_set=KEY_SET, protocol_version=PROTOCOL, output=output or self.rollup.outputs[1]
        )
        return self.simulator.prove(statement)


def proven_on(evm: Evm) -> Proven:
    simulator = Simulator(1)
    verifier = evm.deploy(artifact("InsecureTestSnarkVerifier"), simulator.key.to_bytes())
    rollup = deploy(evm, verifier=verifier)
    rollup.send(rollup.commit_data(Batch(1)))
    return Proven(rollup, simulator)


@pytest.fixture
def proven(kept: Evm) -> Proven:
    return proven_on(kept)


def test_a_batch_is_executed_with_its_proof_alone(proven: Proven) -> None:
    rollup, evm = proven.rollup, proven.rollup.evm
    for other in ({"new_root": b"\x77" * 32}, {"state_diffs": b"\x77" * 32}):
        shown = Rollup(rollup.evm, rollup.executor, rollup.verifier, CHAIN_ID, hashes=rollup.hashes[:1])
        shown.outputs, shown.roots = rollup.outputs[:1], rollup.roots[:1]
        shown.commit_data(Batch(1, **other))
        with pytest.raises(Reverted, match="ProofRefused"):
            evm.call(rollup.executor, rollup.prove_data(1, [proven.proof(shown.outputs[1])]))
    data = rollup.prove_data(1, [proven.proof()])
    receipt = rollup.send(data)
    assert receipt["gasUsed"] <= MOST_GAS
    rollup.send(rollup.execute_data(1))
    assert rollup.read("stateRoot") == rollup.roots[1]
    with pytest.raises(Reverted, match="UnexpectedBatch"):
        rollup.send(data)
    rollup.send(rollup.commit_data(Batch(2)))
    with pytest.raises(Reverted, match="ProofRefused"):
        evm.call(rollup.executor, rollup.prove_data(2, [proven.proof(rollup.outputs[1])]))


@pytest.fixture(scope="module")
def fast() -> Iterator[Proven]:
    """On a node that computes pairings natively, so that every byte can be tried."""
    with anvil("--hardfork", "cancun") as web3:
        yield proven_on(Evm(web3))


def test_any_changed_byte_of_the_whole_calldata_is_refused(fast: Proven) -> None:
    rollup = fast.rollup
    data = rollup.prove_data(1, [fast.proof()])
    choose = random.Random(1)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= choose.randrange(1, 256)
        with pytest.raises(Reverted):
            rollup.evm.call(rollup.executor, bytes(changed))
    for length in (0, 4, 68, len(data) - 32, len(data) - 1, len(data) + 1, len(data) + 32):
        with pytest.raises(Reverted):
            rollup.evm.call(rollup.executor, data.ljust(length, b"\x00")[:length])
    rollup.evm.call(rollup.executor, data)
