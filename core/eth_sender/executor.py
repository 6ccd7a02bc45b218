"""The Executor contract as core sees it: what it holds at a block, and calldata for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.types import BlockIdentifier

from core.eth_sender.contracts import artifact
from core.eth_sender.errors import L1Mismatch
from core.eth_sender.status import L1State
from core.formats.priority import Kind, Request
from core.state.versions import Announced


@dataclass(frozen=True)
class StoredBatch:
    """What the contract keeps of a batch."""

    hash: bytes
    output: bytes
    root: bytes
    timestamp: int
    requests: int
    message_root: bytes


class CommittedBatch(NamedTuple):
    """A batch as it is committed to, the contract's ``Batch``; `state_diffs` is what it publishes."""

    number: int
    timestamp: int
    new_root: bytes
    content: bytes
    requests: int
    messages: bytes
    state_diffs: bytes


@dataclass(frozen=True)
class Rules:
    """What the contract holds proofs against."""

    protocol_version: int
    program_commitment: bytes
    key_set_digest: bytes
    snark_key: bytes


def stored_hash(previous: bytes, output: bytes) -> bytes:
    """Return the stored hash of a batch from the one before it and its output."""
    return keccak(previous + output)


def request_in(event: Mapping[str, Any]) -> Request:
    """Return the request that an event ``PriorityRequest`` tells of."""
    stated = event["args"]
    sender, to = (bytes.fromhex(stated[name].removeprefix("0x")) for name in ("from", "to"))
    return Request(int(stated["number"]), Kind(stated["kind"]), sender, to, int(stated["amount"]))


class Executor:
    """One deployed Executor.

    Parameters
    ----------
    web3
        A connection to L1.
    address
        The contract's, as 0x-hex.
    """

    def __init__(self, web3: Web3, address: str) -> None:
        self.address = Web3.to_checksum_address(address)
        self._web3 = web3
        self._contract = web3.eth.contract(address=self.address, abi=artifact("Executor")["abi"])

    def require_deployed(self) -> None:
        """Refuse an address without code.

        Raises
        ------
        L1Mismatch
        """
        if not self._web3.eth.get_code(self.address):
            raise L1Mismatch(f"There is no contract at {self.address}.")

    def state(self, block: int) -> L1State:
        """Return the state of all batches at a block."""
        numbers = (int(self._read(name, block)) for name in ("committed", "proven", "executed"))
        return L1State(block, *numbers)

    def state_root(self, block: int) -> bytes:
        """Return the root that L1 acts on."""
        return bytes(self._read("stateRoot", block))

    def stored(self, number: int, block: int) -> StoredBatch:
        """Return what is kept of a committed batch."""
        return StoredBatch(*self._read("storedBatch", block, number))

    def rules(self, number: int, block: int) -> Rules:
        """Return what the proof of a batch must be about."""
        verifier, protocol_version, program_commitment, key_set_digest = self._read("rulesOf", block, number)
        asked = self._web3.eth.contract(address=verifier, abi=artifact("SnarkVerifier")["abi"])
        snark_key = bytes(asked.functions["keyDigest"]().call(block_identifier=block))
        return Rules(protocol_version, program_commitment, key_set_digest, snark_key)

    def verifier(self, number: int, block: BlockIdentifier = "latest") -> str:
        """Return the address of the contract that verifies the proof of a batch."""
        return str(self._read("rulesOf", block, number)[0])

    def schedule(self, block: int) -> list[Announced]:
        """Return each protocol version that the contract knows, with first batch, program and notice."""
        return [
            Announced(int(first), int(rules[1]), bytes(rules[2]).hex(), int(not_before))
            for first, not_before, rules in self._read("upgrades", block)
        ]

    def least_notice(self, block: int) -> int:
        """Return the seconds from an announcement of rules to the first batch that is committed to under them."""
        return int(self._read("leastNotice", block))

    def chain_id(self, block: int) -> int:
        """Return the rollup's chain id."""
        return int(self._read("rollupChainId", block))

    def insecure_test(self, block: int) -> bool:
        """Return whether the contract takes proofs under keys of a test setup."""
        return bool(self._read("insecureTest", block))

    def is_validator(self, address: str, block: int) -> bool:
        """Return whether an address may send batches."""
        return bool(self._read("isValidator", block, address))

    def commit_data(self, batch: CommittedBatch, stored: bytes) -> bytes:
        """Return the calldata that commits to a batch whose stored hash becomes `stored`."""
        return self._encode("commitBatch", batch, stored)

    def committed_by(self, data: bytes) -> CommittedBatch:
        """Return the batch that calldata commits to.

        Raises
        ------
        ValueError
            It is not calldata of ``commitBatch`` or ``continueAbandoned``, or not in the form that the contract takes.
        """
        try:
            function, given = self._contract.decode_function_input(data)
            batch = CommittedBatch(*given["batch"].values())
        except (Web3Exception, DecodingError, KeyError) as error:
            raise ValueError(f"not calldata that commits to a batch ({type(error).__name__})") from None
        if self._encode(function.abi["name"], batch, *list(given.values())[1:]) != data:
            raise ValueError("not in the form that the contract takes")
        return batch

    def requested(self, block: int) -> int:
        """Return how many requests the contract has had; none before it was deployed."""
        return int(self._read("requested", block)) if self._web3.eth.get_code(self.address, block) else 0

    def rolling_hash(self, number: int, block: int) -> bytes:
        """Return the rolling hash after a request; 0 stands for the time before the first."""
        return bytes(self._read("request", block, number)[0])

    def abandoned(self, block: int) -> bool:
        """Return whether everybody may continue the rollup."""
        return bool(self._read("abandoned", block))

    def events(self, name: str, first: int, last: int) -> list[Mapping[str, Any]]:
        """Return the contract's events of a name in a range of blocks, in their order."""
        found: list[Mapping[str, Any]] = list(self._contract.events[name]().get_logs(from_block=first, to_block=last))
        return found

    def prove_data(self, last: int, stored: bytes, proofs: Sequence[bytes]) -> bytes:
        """Return the calldata that proves the batches up to `last`."""
        return self._encode("proveBatches", last, stored, list(proofs))

    def execute_data(self, last: int, stored: bytes) -> bytes:
        """Return the calldata that executes the batches up to `last`."""
        return self._encode("executeBatches", last, stored)

    def continue_data(self, batch: CommittedBatch, stored: bytes, proof: bytes) -> bytes:
        """Return the calldata that continues an abandoned rollup by a batch whose stored hash becomes `stored`."""
        return self._encode("continueAbandoned", batch, stored, proof)

    def upgrade_data(self, verifier: str, rules: Rules, first_batch: int) -> bytes:
        """Return the calldata that changes the rules from a batch on."""
        values = (verifier, rules.protocol_version, rules.program_commitment, rules.key_set_digest)
        return self._encode("setRules", values, first_batch)

    def revert_data(self, last: int, stored: bytes) -> bytes:
        """Return the calldata that takes back every batch after `last`."""
        return self._encode("revertBatches", last, stored)

    def _read(self, name: str, block: BlockIdentifier, *arguments: object) -> Any:
        return self._contract.functions[name](*arguments).call(block_identifier=block)

    def _encode(self, name: str, *arguments: object) -> bytes:
        return bytes.fromhex(self._contract.encode_abi(name, list(arguments)).removeprefix("0x"))
