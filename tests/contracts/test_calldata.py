"""A transaction that is changed in any byte does nothing: every change of its calldata is refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from eth_hash.auto import keccak

from tests.contracts.deployment import Batch, Reverted, Rollup, artifact

CALLS: dict[str, Callable[[Rollup], bytes]] = {
    "commitBatch": lambda rollup: rollup.commit_data(Batch(3)),
    "proveBatches": lambda rollup: rollup.prove_data(2, [rollup.proof(2)]),
    "executeBatches": lambda rollup: rollup.execute_data(1),
    "revertBatches": lambda rollup: rollup.revert_data(1),
}


@pytest.fixture
def ready(rollup: Rollup) -> Rollup:
    """Batch 1 proven, batch 2 committed: each of the four functions has something to do."""
    for number in (1, 2):
        rollup.send(rollup.commit_data(Batch(number)))
    rollup.send(rollup.prove_data(1, [rollup.proof(1)]))
    return rollup


def refused(rollup: Rollup, data: bytes) -> bool:
    try:
        rollup.evm.call(rollup.executor, data)
    except Reverted:
        return True
    return False


@pytest.mark.parametrize("name", CALLS)
def test_a_change_of_any_byte_is_refused(ready: Rollup, name: str) -> None:
    data = CALLS[name](ready)
    choose = random.Random(name)
    for position in range(4, len(data)):
        changed = bytearray(data)
        changed[position] ^= choose.randrange(1, 256)
        assert refused(ready, bytes(changed)), position
    assert not refused(ready, data)


@pytest.mark.parametrize("name", CALLS)
def test_calldata_that_is_longer_or_shorter_is_refused(ready: Rollup, name: str) -> None:
    data = CALLS[name](ready)
    for changed in (data[:-1], data[:-32], data[:4], b"", data + b"\x00", data + bytes(32), data + data[4:]):
        assert refused(ready, changed), len(changed)


def test_a_proof_at_another_place_is_refused(ready: Rollup) -> None:
    """The decoder would find the same proof behind a gap, and a shared tail for two proofs."""
    data = CALLS["proveBatches"](ready)
    head, offset, rest = data[:68], int.from_bytes(data[68:100], "big"), data[100:]
    assert (offset, len(rest)) == (96, 128)
    assert refused(ready, head + (offset + 32).to_bytes(32, "big") + bytes(32) + rest)
    inner = rest[:32] + (64).to_bytes(32, "big") + bytes(32) + rest[64:]
    assert refused(ready, head + offset.to_bytes(32, "big") + inner)


def test_no_function_is_one_byte_from_another() -> None:
    """So a changed selector calls nothing, and there is no fallback that would take it."""
    abi = artifact("Executor")["abi"]
    assert not [entry for entry in abi if entry["type"] in ("fallback", "receive")]

    def typed(entry: dict[str, object]) -> str:
        parts = entry.get("components")
        if not isinstance(parts, list):
            return str(entry["type"])
        return "(" + ",".join(map(typed, parts)) + ")" + str(entry["type"]).removeprefix("tuple")

    signatures = [
        f"{entry['name']}({','.join(map(typed, entry['inputs']))})" for entry in abi if entry["type"] == "function"
    ]
    selectors = [keccak(signature.encode())[:4] for signature in signatures]
    for index, one in enumerate(selectors):
        for other in selectors[:index]:
            assert sum(a != b for a, b in zip(one, other, strict=True)) > 1
