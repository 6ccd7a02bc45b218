"""Batches for tests: accounts, transactions signed with eth-account, and runs of the committed program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eth_account import Account as Wallet
from eth_account.signers.local import LocalAccount

from core.formats import commitments, state_diffs
from core.formats.messages import WITHDRAWAL_ADDRESS, Message, message_root, receiver
from core.formats.priority import Kind, Request, queue_hash, request_section
from core.formats.transactions import read_transaction
from core.formats.witness_input import Header, encode
from core.program.state_transition import Journal, Program, Run, Status
from core.state_tree import StateTree
from guest.build import PROGRAMS
from proving.machine.executor import execute
from proving.machine.program import Program as MachineProgram

CHAIN_ID = 270
ETHER = 10**18
GWEI = 10**9
FEE_RECIPIENT = bytes.fromhex("fe" * 20)
HEADER = Header(
    protocol_version=1,
    chain_id=CHAIN_ID,
    batch_number=7,
    timestamp=1_700_000_000,
    fee_recipient=FEE_RECIPIENT,
    base_fee=GWEI,
    gas_limit=30_000_000,
)
#: A cycle limit far above what any input of these tests needs: a run that passes it loops.
CYCLES = 1 << 30


@dataclass(frozen=True)
class Value:
    """An account's value."""

    nonce: int = 0
    balance: int = 0


@cache
def program() -> Program:
    return Program((PROGRAMS / "stf.elf").read_bytes(), CYCLES)


@cache
def machine_program() -> MachineProgram:
    return MachineProgram.from_elf((PROGRAMS / "stf.elf").read_bytes())


def output_of(content: bytes) -> bytes:
    """Run the program on any bytes and return its output; a trap or a loop raises."""
    return execute(machine_program(), content, cycle_limit=CYCLES).output


def reason_of(output: bytes) -> int:
    """Return the reason of an invalid input, 0 for a commitment."""
    return 0 if any(output[4:]) else int.from_bytes(output[:4], "little")


def wallet(number: int) -> LocalAccount:
    """Return a wallet with a key of its own."""
    account: LocalAccount = Wallet.from_key((number + 1).to_bytes(32, "big"))
    return account


def address(number: int) -> bytes:
    """Return a wallet's address."""
    return bytes.fromhex(wallet(number).address[2:])


def sign(number: int, **fields: Any) -> bytes:
    """Sign a transaction; what is not given is that of a plain EIP-1559 transfer of 1 wei."""
    transaction: dict[str, Any] = {"nonce": 0, "gas": 21_000, "to": b"\x11" * 20, "value": 1, "chainId": CHAIN_ID}
    if "gasPrice" not in fields:
        transaction.update(maxFeePerGas=3 * GWEI, maxPriorityFeePerGas=GWEI, type=2)
    transaction.update(fields)
    transaction = {name: value for name, value in transaction.items() if value is not None}
    return bytes(wallet(number).sign_transaction(transaction).raw_transaction)


@dataclass
class Outcome:
    """A run with the states around it."""

    run: Run
    before: StateTree
    after: StateTree
    raws: Sequence[bytes]
    header: Header
    accounts: dict[bytes, Value] = field(default_factory=dict)
    requests: Sequence[Request] = ()
    before_requests: bytes = bytes(32)

    @property
    def statuses(self) -> list[Status]:
        return [result.status for result in self.run.results]

    def messages(self) -> list[Message]:
        """Return what the batch tells L1, from its transactions and their statuses."""
        results = zip(self.run.results, [*self.requests, *self.raws], strict=True)
        done = [source for result, source in results if result.status is Status.EXECUTED]
        found = []
        for source in done:
            if isinstance(source, Request):
                if source.kind is Kind.WITHDRAWAL:
                    found.append(Message(source.to, source.amount))
                continue
            view = read_transaction(source)
            if view.to == WITHDRAWAL_ADDRESS and view.value:
                found.append(Message(receiver(view.sender, view.data), view.value))
        return found

    def expected_output(self) -> bytes:
        """Recompute the output from the journal and the Python tree."""
        data = commitments.data_commitment(
            transactions=commitments.transactions_commitment(self.raws),
            results=commitments.results_commitment(self.run.results),
            diffs=commitments.diffs_commitment(state_diffs.encode(self.run.diffs)),
            metadata=commitments.metadata_commitment(self.header, len(self.raws)),
        )
        return commitments.output_commitment(
            chain_id=self.header.chain_id,
            batch_number=self.header.batch_number,
            timestamp=self.header.timestamp,
            old_root=self.before.root,
            new_root=self.after.root,
            data=data,
            priority_queue=queue_hash(self.before_requests, self.requests),
            messages=message_root(self.messages()),
        )


def content_of(
    state: Mapping[bytes, Value],
    raws: Sequence[bytes],
    touched: Sequence[bytes] = (),
    header: Header = HEADER,
    requests: Sequence[Request] = (),
    before_requests: bytes = bytes(32),
) -> bytes:
    """Encode a batch whose partial tree shows every account of the state and the given others."""
    tree = StateTree(state)
    section = tree.partial([*state, header.fee_recipient, *touched])
    return encode(header, raws, section, request_section(before_requests, requests))


def apply(
    state: Mapping[bytes, Value],
    raws: Sequence[bytes],
    touched: Sequence[bytes] = (),
    header: Header = HEADER,
    requests: Sequence[Request] = (),
    before_requests: bytes = bytes(32),
) -> Outcome:
    """Run a batch on a state and return what came of it, checked against the Python tree and commitments.

    The program's source compiled for this machine says the same.
    """
    content = content_of(state, raws, touched, header, requests, before_requests)
    run = program().run(content)
    assert program().judge(content) == Journal(run.output, run.results, run.diffs, run.gas_used)
    after = StateTree(state)
    accounts = dict(state)
    for diff in run.diffs:
        after.update(diff.address, diff)
        accounts[diff.address] = Value(diff.nonce, diff.balance)
    outcome = Outcome(run, StateTree(state), after, raws, header, accounts, requests, before_requests)
    assert outcome.expected_output() == run.output
    asked = zip(requests, run.results, strict=False)
    come = sum(r.amount for r, result in asked if r.kind is Kind.DEPOSIT and result.status is Status.EXECUTED)
    before = sum(account.balance for account in state.values())
    assert sum(account.balance for account in accounts.values()) == before + come
    return outcome
