"""Puts a rollup's contracts on L1, a verifier for a key and the Executor that asks it, and upgrades them."""

from __future__ import annotations

from dataclasses import dataclass

from web3 import Web3
from web3.types import TxParams, TxReceipt

from core.eth_sender.connection import typed_errors
from core.eth_sender.contracts import EXECUTORS, Creation, creation, verifier_creation
from core.eth_sender.errors import L1TransactionRefused
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.fees import gas_for, suggested
from core.eth_sender.signer import Signer
from core.settings import CoreSettings
from core.state.inputs import read_inputs
from core.state_tree import StateTree
from proving.snark.key import SnarkKey
from runtime.settings import Settings

#: Seconds that a transaction may take to be in a block.
BLOCK_SECONDS = 600.0


@dataclass(frozen=True)
class Rollup:
    """What an Executor is told of its rollup."""

    chain_id: int
    genesis_root: bytes
    genesis_timestamp: int
    rules: Rules


@dataclass(frozen=True)
class Deployed:
    """A contract on L1."""

    contract: str
    address: str
    transaction: bytes
    gas_used: int


def rollup_of(settings: Settings, core_settings: CoreSettings, key_set: bytes, snark_key: bytes) -> Rollup:
    """Return the rollup of a configuration.

    Parameters
    ----------
    key_set
        Digest of the keys that batches are proven with, 32 bytes.
    snark_key
        Digest of the key of their SNARKs, 32 bytes.

    Raises
    ------
    ConfigurationError
        Genesis or program is unusable.
    """
    genesis, program, protocol = read_inputs(settings, core_settings)
    rules = Rules(protocol, bytes.fromhex(program.commitment), key_set, snark_key)
    return Rollup(settings.chain_id, StateTree(genesis.accounts).root, genesis.timestamp, rules)


class Deployer:
    """Sends with one key, one transaction after the other.

    Parameters
    ----------
    web3
        A connection to L1.
    signer
        Whoever pays.
    most_fee
        Wei per gas that are never passed.
    """

    def __init__(self, web3: Web3, signer: Signer, most_fee: int) -> None:
        self._web3 = web3
        self._signer = signer
        self._most_fee = most_fee

    def deploy(
        self, key: SnarkKey, rollup: Rollup, *, owner: str, validator: str, least_notice: int = 0
    ) -> tuple[Deployed, Deployed]:
        """Deploy the verifier of a key and the Executor of a rollup, both of the kind that fits the key's mark.

        Parameters
        ----------
        least_notice
            Seconds from an announcement of other rules to the first batch under them; it never changes.

        Raises
        ------
        L1ProductionChain
            The key is of a test setup, and L1 is no development or test network; nothing was sent.
        L1Unavailable, L1TransactionRefused
        """
        with typed_errors():
            verifier = self._create(verifier_creation(key))
            rules = rollup.rules
            values = (verifier.address, rules.protocol_version, rules.program_commitment, rules.key_set_digest)
            genesis = (rollup.chain_id, rollup.genesis_root, rollup.genesis_timestamp)
            return verifier, self._create(
                creation(EXECUTORS[key.mark], owner, validator, *genesis, values, least_notice)
            )

    def upgrade(self, executor: Executor, key: SnarkKey, rules: Rules, first_batch: int) -> tuple[Deployed, Deployed]:
        """Deploy the verifier of a key, and let an Executor hold batches from one on against other rules.

        Raises
        ------
        L1ProductionChain
        L1TransactionRefused
            This key is not the Executor's owner's, the batch is committed to already, or the version is no later one;
            nothing was sent.
        L1Unavailable
        """
        with typed_errors():
            purpose = f"change the rules from batch {first_batch} on"
            # With the verifier of today's rules: what is wrong with the rest is told before anything is paid for.
            newest = executor.verifier(executor.state(int(self._web3.eth.block_number)).committed + 1)
            self._gas(executor.address, executor.upgrade_data(newest, rules, first_batch), purpose)
            verifier = self._create(verifier_creation(key))
            data = executor.upgrade_data(verifier.address, rules, first_batch)
            receipt, digest = self._send(executor.address, data, purpose)
            return verifier, Deployed("setRules", executor.address, digest, int(receipt["gasUsed"]))

    def call(self, executor: Executor, data: bytes, purpose: str) -> Deployed:
        """Send calldata to an Executor and wait until a block has it.

        Raises
        ------
        L1TransactionRefused, L1Unavailable
        """
        with typed_errors():
            receipt, digest = self._send(executor.address, data, purpose)
            return Deployed("Executor", executor.address, digest, int(receipt["gasUsed"]))

    def _create(self, wanted: Creation) -> Deployed:
        receipt, digest = self._send(None, wanted.code, f"deploy {wanted.contract}")
        if receipt["contractAddress"] is None:
            raise L1TransactionRefused(f"L1 made no {wanted.contract} in transaction 0x{digest.hex()}.")
        return Deployed(wanted.contract, receipt["contractAddress"], digest, int(receipt["gasUsed"]))

    def _gas(self, to: str | None, data: bytes, purpose: str) -> int:
        fields: TxParams = {"from": self._signer.address, "data": data}
        return gas_for(self._web3, {**fields, "to": to} if to else fields, purpose)

    def _send(self, to: str | None, data: bytes, purpose: str) -> tuple[TxReceipt, bytes]:
        """Send a transaction and wait until a block has it."""
        eth = self._web3.eth
        content, digest = self._signer.sign(
            chain_id=int(eth.chain_id),
            nonce=int(eth.get_transaction_count(self._signer.address, "pending")),
            to=to,
            data=data,
            gas=self._gas(to, data, purpose),
            fees=suggested(self._web3, int(eth.block_number), self._most_fee),
        )
        eth.send_raw_transaction(content)
        receipt = eth.wait_for_transaction_receipt(Web3.to_hex(digest), timeout=BLOCK_SECONDS, poll_latency=0.1)
        if not receipt["status"]:
            raise L1TransactionRefused(f"L1 refused to {purpose} in transaction 0x{digest.hex()}.")
        return receipt, digest
