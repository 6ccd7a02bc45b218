"""Sends batches to L1, one transaction at a time.

A transaction is signed and recorded with its nonce before it is sent, and the same bytes are sent again until L1 has
them: whenever the process ends, nothing is lost and nothing is made twice. What comes next is read from the contract,
whose functions refuse what is out of order, so even a lost record leads to no second effect.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import BlockIdentifier, TxParams, TxReceipt

from core.eth_sender.connection import typed_errors
from core.eth_sender.errors import BatchExecuted, L1Diverged, L1Mismatch, L1NoticeRuns, L1TransactionRefused
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.fees import GWEI, Fees, gas_for, raised, suggested
from core.eth_sender.ledger import Ledger
from core.eth_sender.plan import Action, next_action
from core.eth_sender.signer import Signer
from core.eth_sender.status import L1State, note_state
from core.eth_sender.tracing import told
from core.proofs.snark_store import SnarkStore
from core.proofs.verification import key_set_text
from core.state.versions import note_schedule
from core.store import Batch, L1Action, L1Attempt, L1Transaction, L1TransactionStatus, Store
from runtime.logging import get_logger
from runtime.words import utc

log = get_logger(__name__)

#: A failed transaction is tried again after this many seconds, then after twice as many, and so on to an hour.
RETRY_SECONDS = 60.0
MOST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True)
class Terms:
    """How transactions are followed.

    Attributes
    ----------
    confirmations : int
        A transaction counts for good when its block and those on it are this many.
    bump_seconds : float
        One that waits longer is sent again with higher fees.
    most_fee : int
        Wei per gas that are never passed.
    """

    confirmations: int
    bump_seconds: float
    most_fee: int


@dataclass(frozen=True)
class Expected:
    """What the contract must say of itself."""

    chain_id: int
    rules: Rules


class EthSender:
    """The way of this core's batches to one Executor.

    Parameters
    ----------
    store, snarks
        Core's rows, and proofs for L1.
    web3, executor
        L1.
    signer
        The validator's key.
    expected
        What the contract must say of itself.
    terms
        How transactions are followed.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        snarks: SnarkStore,
        web3: Web3,
        executor: Executor,
        signer: Signer,
        expected: Expected,
        terms: Terms,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._snarks = snarks
        self._web3 = web3
        self._executor = executor
        self._signer = signer
        self._address = signer.address
        self._expected = expected
        self._terms = terms
        self._clock = clock
        self._chain_id: int | None = None
        self._ledger: Ledger  # of the chain, once that is known
        self._taken: int | None = None

    def step(self) -> bool:
        """Look at L1 once and do what is to be done; return whether anything moved.

        Raises
        ------
        L1Unavailable, L1Mismatch, L1Diverged, L1TransactionRefused
        """
        with typed_errors(), self._store.session():
            return self._look()

    def take_back(self, last: int) -> bool:
        """Look at L1 once and go on taking back what it holds after batch `last`; return whether that is done for good.

        What was sent before is waited for first, so that nothing of it comes later.

        Raises
        ------
        BatchExecuted
            L1 acts on one of them.
        L1Unavailable, L1Mismatch, L1Diverged, L1TransactionRefused
        """
        with typed_errors(), self._store.session():
            block = int(self._web3.eth.block_number)
            if self._chain_id is None:
                self._meet(block)
            self._follow(block)
            state = self._executor.state(block)
            note_state(self._store, state)
            if state.executed > last:
                raise BatchExecuted(f"L1 has executed the batches up to {state.executed}: {last + 1} is final.")
            waiting = self._ledger.open()
            for row in waiting:
                if row.status == L1TransactionStatus.PENDING:
                    self._push(row, block)
            if not waiting and state.committed > last:
                data = self._executor.revert_data(last, self._stored_hash(last, block))
                self._begin(Action(L1Action.REVERT, last + 1, state.committed, data), state)
            return not waiting and state.committed <= last

    def _stored_hash(self, number: int, block: int) -> bytes:
        """Return the contract's hash of a batch, which must be this core's."""
        ours, theirs = Batch.get_by_id(number), self._executor.stored(number, block)
        if theirs.root != ours.new_root or (number and theirs.output != ours.expected_output):
            raise L1Diverged(f"Batch {number} on L1 is another one than this core's.")
        return theirs.hash

    def _look(self) -> bool:
        block = int(self._web3.eth.block_number)
        if self._chain_id is None:
            self._meet(block)
        moved = self._follow(block)
        state = self._executor.state(block)
        note_state(self._store, state)
        note_schedule(self._store, self._executor.schedule(block))
        pending = [row for row in self._ledger.open() if row.status == L1TransactionStatus.PENDING]
        if pending:
            for row in pending:
                moved |= self._push(row, block)
            return moved
        action = next_action(self._executor, state, self._snarks)
        return (action is not None and self._begin(action, state)) or moved

    def _meet(self, block: int) -> None:
        """Compare the contract with what this core proves, before anything is sent to it."""
        self._executor.require_deployed()
        genesis = Batch.get_by_id(0)
        said = self._executor.stored(0, block)
        for name, ours, theirs in (
            ("chain id", self._expected.chain_id, self._executor.chain_id(block)),
            ("genesis root", genesis.new_root.hex(), said.root.hex()),
            ("genesis timestamp", genesis.timestamp, said.timestamp),
        ):
            if ours != theirs:
                raise L1Mismatch(f"The contract's {name} is {theirs}, this core's is {ours}.")
        chain_id = int(self._web3.eth.chain_id)
        self._ledger = Ledger(self._store, chain_id, bytes.fromhex(self._address.removeprefix("0x")), self._clock)
        self._chain_id = chain_id
        insecure = self._executor.insecure_test(block)
        (log.warning if insecure else log.info)(
            "l1.connected",
            executor=self._executor.address,
            sender=self._signer.address,
            l1_chain_id=self._chain_id,
            setup="insecure-test" if insecure else "production",
        )

    def _follow(self, block: int) -> bool:
        """Bring the record up to what L1's blocks hold; return whether it changed."""
        moved = False
        confirmed = max(0, block - self._terms.confirmations + 1)
        for row in self._ledger.open(self._nonce(block)):
            before = (row.status, row.block)
            receipt = self._receipt(row, block)
            if receipt is not None:
                self._ledger.mined(row, receipt, confirmed=int(receipt["blockNumber"]) <= confirmed)
            elif self._nonce(confirmed) > row.nonce:
                self._ledger.lost(row)
            elif row.status != L1TransactionStatus.PENDING:
                self._ledger.wait(row)
            if (row.status, row.block) != before:
                moved = True
                tell = log.info if row.succeeded else log.warning
                tell(
                    "l1.transaction",
                    action=row.action,
                    batch=row.last_batch,
                    nonce=row.nonce,
                    status=row.status,
                    succeeded=row.succeeded,
                    gas_used=row.gas_used,
                    hash=row.hash.hex() if row.hash else None,
                    trace_id=told(row),
                )
        return moved

    def _receipt(self, row: L1Transaction, block: int) -> TxReceipt | None:
        """Return the receipt of whichever signed form is in a block up to `block`."""
        for attempt in self._ledger.attempts(row):
            try:
                receipt = self._web3.eth.get_transaction_receipt(Web3.to_hex(attempt.hash))
            except TransactionNotFound:
                continue
            if receipt["blockNumber"] is not None and receipt["blockNumber"] <= block:
                return receipt
        return None

    def _push(self, row: L1Transaction, block: int) -> bool:
        """Make L1 hear of a pending transaction; offer more when it has waited long enough."""
        newest = self._ledger.attempts(row)[0]
        if not 0 <= self._clock() - newest.made_at < self._terms.bump_seconds:
            fees = raised(
                Fees(newest.most_fee, newest.priority_fee),
                suggested(self._web3, block, self._terms.most_fee),
                self._terms.most_fee,
            )
            if fees is not None:
                self._ledger.add(row, self._sign(row.nonce, row.data, row.gas, fees), fees)
                newest = self._ledger.attempts(row)[0]
                log.info("l1.fees_raised", nonce=row.nonce, most_gwei=fees.most / GWEI)
                self._send(row, newest)
                return True
        if self._has(newest):
            return False
        self._send(row, newest)
        return True

    def _begin(self, action: Action, state: L1State) -> bool:
        """Sign, record and send a transaction; False when it is not the time for one."""
        failures, last = self._ledger.failures(action)
        wait = min(RETRY_SECONDS * 2 ** (failures - 1), MOST_RETRY_SECONDS) if failures else 0.0
        if 0 <= self._clock() - last < wait:
            return False
        nonce = self._nonce(state.block)
        if self._nonce("pending") > nonce:
            # Somebody else's transaction of this account: were it replaced, whoever sent it would not know.
            if nonce != self._taken:
                log.warning("l1.nonce_taken", sender=self._address, nonce=nonce)
            self._taken = nonce
            return False
        fees = suggested(self._web3, state.block, self._terms.most_fee)
        if action.kind in (L1Action.COMMIT, L1Action.PROVE):
            self._check_rules(action, state)
        if not self._executor.is_validator(self._address, state.block):
            raise L1Mismatch(f"{self._address} is no validator of the contract.")
        gas = self._gas(action)
        row = self._ledger.begin(action, nonce, gas, self._sign(nonce, action.data, gas, fees), fees)
        log.info(
            "l1.transaction",
            action=action.kind,
            batch=action.last,
            nonce=nonce,
            status=row.status,
            trace_id=told(row),
        )
        self._send(row, self._ledger.attempts(row)[0])
        return True

    def _check_rules(self, action: Action, state: L1State) -> None:
        """Compare what L1 holds a batch's proof against with what it was made for."""
        ours, theirs = self._expected.rules, self._executor.rules(action.last, state.block)
        batch = Batch.get_by_id(action.last)
        if batch.protocol_version != ours.protocol_version:
            # Of another release, whose keys L1 itself compares with the proof.
            ours = replace(theirs, protocol_version=batch.protocol_version)
        if batch.program_commitment is not None:
            ours = replace(ours, program_commitment=batch.program_commitment)
        if theirs != ours:
            if action.kind == L1Action.COMMIT:
                self._check_notice(action.last, ours, state.block)
            raise L1Mismatch(
                f"The contract holds the proof of batch {action.last} against protocol version "
                f"{theirs.protocol_version}, program {theirs.program_commitment.hex()}, key set "
                f"{key_set_text(theirs.key_set_digest)} and SNARK key {theirs.snark_key.hex()}; the batch is for "
                f"{ours.protocol_version}, {ours.program_commitment.hex()}, {key_set_text(ours.key_set_digest)} and "
                f"{ours.snark_key.hex()}."
            )

    def _check_notice(self, number: int, ours: Rules, block: int) -> None:
        """Say so when L1 has the rules of a batch and takes it under them later; now they would be others."""
        now = int(self._web3.eth.get_block(block)["timestamp"])
        for each in self._executor.schedule(block):
            same = (each.version, each.program) == (ours.protocol_version, ours.program_commitment.hex())
            if same and each.not_before > now:
                raise L1NoticeRuns(
                    f"Batch {number} is of protocol version {each.version}, which L1 takes from "
                    f"{utc(each.not_before)} on."
                )

    def _gas(self, action: Action) -> int:
        transaction: TxParams = {"from": self._address, "to": self._executor.address, "data": action.data}
        return gas_for(self._web3, transaction, f"{action.kind} batch {action.last}")

    def _send(self, row: L1Transaction, attempt: L1Attempt) -> None:
        try:
            self._web3.eth.send_raw_transaction(attempt.content)
        except Web3RPCError as error:
            # Nodes word it in their own ways that they have it, or that another form of it is in a block.
            if not self._has(attempt) and self._nonce("latest") <= row.nonce:
                raise L1TransactionRefused(f"L1 does not take a transaction: {error}.") from None

    def _has(self, attempt: L1Attempt) -> bool:
        """Return whether L1's node has a signed form, in a block or waiting."""
        try:
            self._web3.eth.get_transaction(Web3.to_hex(attempt.hash))
        except TransactionNotFound:
            return False
        return True

    def _sign(self, nonce: int, data: bytes, gas: int, fees: Fees) -> tuple[bytes, bytes]:
        assert self._chain_id is not None
        return self._signer.sign(
            chain_id=self._chain_id, nonce=nonce, to=self._executor.address, data=data, gas=gas, fees=fees
        )

    def _nonce(self, block: BlockIdentifier) -> int:
        return int(self._web3.eth.get_transaction_count(self._address, block))
