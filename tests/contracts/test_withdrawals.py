"""Claims on a real EVM: what a batch's messages say is paid once, to whom they name, after its execution."""

from __future__ import annotations

import pytest

from core.formats.messages import Message, message_path, message_root
from tests.contracts.deployment import Batch, Reverted, Rollup
from tests.contracts.requests import octets
from tests.contracts.test_priority_queue import settle

MESSAGES = [Message(bytes([16 + place]) * 20, 10 + place) for place in range(6)]


def claim(
    rollup: Rollup, index: int, message: Message, path: list[bytes], number: int = 1, to: str | None = None
) -> bytes:
    receiver = rollup.evm.web3.to_checksum_address(to or "0x" + message.to.hex())
    return rollup.encode("claimWithdrawal", number, index, receiver, message.amount, path)


def settled(rollup: Rollup, messages: list[Message]) -> None:
    rollup.send(rollup.encode("fund"), rollup.evm.stranger, 1_000)
    settle(rollup, Batch(1, messages=message_root(messages)))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
def test_every_message_is_paid_once(rollup: Rollup, count: int) -> None:
    messages = MESSAGES[:count]
    settled(rollup, messages)
    for index, message in enumerate(messages):
        data = claim(rollup, index, message, message_path(messages, index))
        rollup.send(data, rollup.evm.stranger)
        assert rollup.evm.web3.eth.get_balance(rollup.evm.web3.to_checksum_address(message.to)) == message.amount
        assert rollup.read("claimed", 1, index) is True
        with pytest.raises(Reverted, match="ClaimedAlready"):
            rollup.send(data, rollup.evm.stranger)


def test_what_no_message_says_is_not_paid(rollup: Rollup) -> None:
    messages = MESSAGES[:3]
    settled(rollup, messages)
    paths = [message_path(messages, index) for index in range(3)]
    rich = Message(messages[0].to, 11)
    inner = messages[0].leaf + messages[1].leaf
    wrong = [
        claim(rollup, 0, rich, paths[0]),
        claim(rollup, 0, messages[0], paths[0], to=rollup.evm.stranger),
        claim(rollup, 1, messages[0], paths[0]),
        claim(rollup, 4, messages[0], paths[0]),  # the same place, of a deeper tree
        claim(rollup, 2**63, messages[0], paths[0]),
        claim(rollup, 0, messages[0], paths[0][:1]),
        claim(rollup, 0, messages[0], [*paths[0], bytes(32)]),
        claim(rollup, 3, messages[2], [messages[2].leaf, paths[2][1]]),  # the empty place beside it
        claim(rollup, 0, Message(inner[:20], int.from_bytes(inner[20:52], "big")), paths[0][1:]),
        claim(rollup, 0, messages[0], []),
    ]
    for data in wrong:
        with pytest.raises(Reverted, match="NoSuchMessage"):
            rollup.evm.call(rollup.executor, data)
    rollup.send(claim(rollup, 2, messages[2], paths[2]))


def test_claims_wait_for_the_execution(rollup: Rollup) -> None:
    rollup.send(rollup.encode("fund"), rollup.evm.stranger, 1_000)
    rollup.send(rollup.commit_data(Batch(1, messages=message_root(MESSAGES[:1]))))
    data = claim(rollup, 0, MESSAGES[0], [])
    with pytest.raises(Reverted, match="BatchNotExecuted"):
        rollup.send(data)
    rollup.send(rollup.prove_data(1, [rollup.proof(1)]))
    with pytest.raises(Reverted, match="BatchNotExecuted"):
        rollup.send(data)
    rollup.send(rollup.execute_data(1))
    with pytest.raises(Reverted, match="BatchNotExecuted"):
        rollup.send(claim(rollup, 0, MESSAGES[0], [], number=2))
    with pytest.raises(Reverted, match="NoSuchMessage"):
        rollup.send(claim(rollup, 0, MESSAGES[0], [], number=0))
    rollup.send(data)


def test_a_claim_that_cannot_be_paid_can_be_made_later(rollup: Rollup) -> None:
    settle(rollup, Batch(1, messages=message_root(MESSAGES[:1])))
    data = claim(rollup, 0, MESSAGES[0], [])
    with pytest.raises(Reverted, match="PaymentRefused"):
        rollup.send(data)
    rollup.send(rollup.encode("fund"), rollup.evm.stranger, 10)
    rollup.send(data)


def test_a_receiver_gets_nothing_by_claiming_again_while_it_is_paid(rollup: Rollup) -> None:
    """The contract is paid its own message: it has no way to take ether, so the claim stays open."""
    message = Message(octets(rollup.executor.address), 5)
    settled(rollup, [message])
    with pytest.raises(Reverted, match="PaymentRefused"):
        rollup.send(claim(rollup, 0, message, []))
    assert rollup.read("claimed", 1, 0) is False
