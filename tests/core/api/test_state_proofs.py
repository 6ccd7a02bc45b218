"""``GET /state_proof`` over core's real server, checked by a client that trusts only a root."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from core.api.state_proofs import MAX_ACCOUNTS, StateProofs
from core.errors import BatchUnknown
from core.process.node import Node
from core.state_tree.proof import StateProofRefused, check_proof
from core.store import Batch
from tests.core.chain import ETHER, WALLETS, transfer

PLACES = [bytes.fromhex(WALLETS[index].address[2:]) for index in range(2)]
ABSENT = b"\x99" * 20


def query(*addresses: bytes, **more: str) -> list[tuple[str, str]]:
    return [("address", f"0x{address.hex()}") for address in addresses] + list(more.items())


def root_of(node: Node, number: int) -> bytes:
    with node.store.session():
        return bytes(Batch.get_by_id(number).new_root)


async def test_accounts_of_every_kept_batch_are_shown(node: Node, http: ClientSession) -> None:
    for nonce in range(3):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
    for number in range(4):
        async with http.get("/state_proof", params=query(*PLACES, ABSENT, batch=str(number))) as answer:
            assert answer.status == 200
            found = await answer.json()
        proof = bytes.fromhex(found["proof"][2:])
        proven = check_proof(proof, root_of(node, number), [*PLACES, ABSENT])
        assert proven == [(int(account["nonce"]), int(account["balance"])) for account in found["accounts"]]
        assert proven[0][0] == number
        assert proven[1:] == [(0, (10_000 + number) * ETHER), (0, 0)]
        with pytest.raises(StateProofRefused):
            check_proof(proof, root_of(node, (number + 1) % 4), PLACES)
    async with http.get("/state_proof", params=query(PLACES[0])) as answer:
        assert (await answer.json())["batch_number"] == 3


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ([], 400, "invalid_input"),
        ([("address", "0x12")], 400, "invalid_input"),
        ([("address", "x" * 5000)], 400, "invalid_input"),
        (query(*[ABSENT] * (MAX_ACCOUNTS + 1)), 400, "invalid_input"),
        (query(ABSENT, batch="-1"), 400, "invalid_input"),
        (query(ABSENT, batch="9" * 30), 400, "invalid_input"),
        (query(ABSENT, batch="7"), 404, "batch_unknown"),
    ],
)
async def test_other_questions_are_refused(
    http: ClientSession, parameters: list[tuple[str, str]], status: int, code: str
) -> None:
    async with http.get("/state_proof", params=parameters) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


def test_a_batch_that_is_sealed_only_is_not_shown(node: Node) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0))
    assert node.sequencer.seal() == 1
    proofs = StateProofs(node.store, node.tree)
    with pytest.raises(BatchUnknown):
        proofs.prove([ABSENT], 1)
    assert proofs.prove([ABSENT]).batch_number == 0


async def test_a_version_that_is_pruned_is_a_typed_refusal(node: Node, http: ClientSession) -> None:
    node.sequencer.submit(transfer(WALLETS[0], 0))
    node.seal_and_settle()
    node.tree.prune(1)
    async with http.get("/state_proof", params=query(ABSENT, batch="0")) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "version_unknown")
