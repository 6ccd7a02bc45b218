"""One batch more on a rollup whose operator is gone: sealed on the rebuilt state, from L1 alone.

The batch takes the requests that wait on L1, and transactions that whoever continues may add. Every value of it comes
from L1, genesis and the program, so that everybody who continues the rollup at the same block makes the same batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from eth_hash.auto import keccak
from web3 import Web3

from core.errors import ProgramFault
from core.eth_sender.connection import typed_errors
from core.eth_sender.errors import L1Mismatch
from core.eth_sender.executor import CommittedBatch, Executor, Rules, request_in, stored_hash
from core.formats import state_diffs
from core.formats.commitments import content_commitment
from core.formats.priority import Request, request_section, request_view
from core.formats.statement import statement_of
from core.formats.transactions import read_transaction, touched_accounts
from core.formats.witness_input import MAX_REQUESTS, Header, encode
from core.program.state_transition import Program, Status
from core.recovery.errors import HistoryIncomplete, NothingToContinue
from core.recovery.published import BLOCKS
from core.recovery.rebuild import Rebuild
from core.state.bridge import message_to_l1
from core.state.genesis import Genesis
from runtime.errors import InvalidInput

_NAME = "continuation.json"


class Continuation(msgspec.Struct, forbid_unknown_fields=True):
    """A sealed batch, as the contract is told of it; digests and bytes are hex.

    Attributes
    ----------
    executor
        The contract's address.
    previous
        Stored hash of the batch before.
    output
        What the proof must show.
    """

    executor: str
    previous: str
    output: str
    number: int
    timestamp: int
    new_root: str
    content: str
    requests: int
    messages: str
    state_diffs: str

    def call(self, executor: Executor, proof: bytes) -> bytes:
        """Return the calldata that continues the rollup by this batch."""
        texts = (self.new_root, self.content, self.messages, self.state_diffs, self.previous, self.output)
        root, content, messages, diffs, previous, output = map(bytes.fromhex, texts)
        batch = CommittedBatch(self.number, self.timestamp, root, content, self.requests, messages, diffs)
        return executor.continue_data(batch, stored_hash(previous, output), proof)


@dataclass(frozen=True)
class Sealed:
    """A sealed batch and what is to be proven about it.

    Attributes
    ----------
    witness_input : bytes
        What the program reads.
    snark_key : bytes
        Digest of the key that the contract verifies its SNARK with, 32 bytes.
    requests, transactions : int
        How many are in it.
    abandoned : bool
        Whether the contract lets everybody continue already.
    """

    continuation: Continuation
    witness_input: bytes
    snark_key: bytes
    requests: int
    transactions: int
    abandoned: bool


def seal(
    rebuild: Rebuild,
    web3: Web3,
    executor: Executor,
    genesis: Genesis,
    program: Program,
    ours: Rules,
    *,
    block: int,
    first_block: int = 0,
    transactions: Sequence[bytes] = (),
) -> Sealed:
    """Seal the batch after the newest executed one.

    Parameters
    ----------
    rebuild
        The rebuilt state, at `block`.
    genesis, program
        Constants and rules of the rollup.
    ours
        What this installation proves; the SNARK's key is looked at when the batch is proven.
    first_block
        Where requests are looked for from, at or before the deployment.
    transactions
        Raw signed transactions that are to be in the batch, in order.

    Raises
    ------
    L1Mismatch
        The contract holds the batch against other rules.
    NothingToContinue
        There is neither a request nor a transaction.
    InvalidInput
        A transaction is not valid in this batch.
    HistoryIncomplete, L1Unavailable
    """
    with typed_errors():
        newest = executor.state(block).executed
        before = executor.stored(newest, block)
        rules = executor.rules(newest + 1, block)
        if replace(rules, snark_key=ours.snark_key) != ours:
            raise L1Mismatch(
                f"The contract holds batch {newest + 1} against protocol version {rules.protocol_version} and program "
                f"{rules.program_commitment.hex()}; this installation proves {ours.protocol_version} and "
                f"{ours.program_commitment.hex()}, or holds other keys.",
                remedy="Use the release, the profile and the setup of that version; `hallmark l1 status` compares.",
            )
        requests = _requests(executor, before.requests, block, first_block)
        rolling = executor.rolling_hash(before.requests, block)
        header = Header(
            rules.protocol_version,
            executor.chain_id(block),
            newest + 1,
            max(before.timestamp, int(web3.eth.get_block(block)["timestamp"])),
            genesis.fee_recipient,
            genesis.base_fee,
            min(2 * genesis.gas_limit, (1 << 64) - 1),
        )
        abandoned = executor.abandoned(block)
    if not requests and not transactions:
        raise NothingToContinue(f"Nothing waits on L1 for batch {newest + 1}, and no transaction is given.")
    contents = [*(request.transaction() for request in requests), *transactions]
    views = [*map(request_view, contents[: len(requests)]), *map(read_transaction, transactions)]
    with rebuild.tree.version(newest) as version:
        section = version.partial(touched_accounts(header.fee_recipient, views))
    content = program.with_hints(encode(header, transactions, section, request_section(rolling, requests)))
    run = program.run(content)
    results = list(zip(contents, views, run.results, strict=True))
    for raw, _, result in results[len(requests) :]:
        if result.status is not Status.EXECUTED:
            raise InvalidInput(f"Transaction 0x{keccak(raw).hex()} is not valid in this batch: {result.status.name}.")
    executed = [(raw, view) for raw, view, result in results if result.status is Status.EXECUTED]
    messages = [message for raw, view in executed if (message := message_to_l1(raw, view)) is not None]
    changed = [state_diffs.StateDiff(diff.address, diff.nonce, diff.balance) for diff in run.diffs]
    root = rebuild.root_after(changed)
    published = state_diffs.encode(changed)
    stated = statement_of(
        header,
        signed=transactions,
        results=run.results,
        published=published,
        requests=requests,
        rolling_hash=rolling,
        messages=messages,
        old_root=before.root,
        new_root=root,
    )
    if stated.output != run.output:
        raise ProgramFault(f"Batch {newest + 1}: the program's output is not what the data commit to.")
    parts = {name: digest for name, digest in stated.parts.items() if name != "diffs"}
    made = Continuation(
        executor=executor.address,
        previous=before.hash.hex(),
        output=stated.output.hex(),
        number=newest + 1,
        timestamp=header.timestamp,
        new_root=root.hex(),
        content=content_commitment(**parts).hex(),
        requests=len(requests),
        messages=stated.messages.hex(),
        state_diffs=published.hex(),
    )
    return Sealed(made, content, rules.snark_key, len(requests), len(transactions), abandoned)


def _requests(executor: Executor, taken: int, block: int, first_block: int) -> list[Request]:
    """Return the requests after the first `taken`, as many as a batch holds, held against the contract's hashes."""
    count = min(executor.requested(block) - taken, MAX_REQUESTS)
    found: dict[int, Request] = {}
    for start in range(first_block, block + 1, BLOCKS):
        if len(found) == count:
            break
        for event in executor.events("PriorityRequest", start, min(block, start + BLOCKS - 1)):
            request = request_in(event)
            if taken < request.number <= taken + count:
                found[request.number] = request
    rolled = executor.rolling_hash(taken, block)
    requests = [found[number] for number in sorted(found)]
    for request in requests:
        rolled = request.rolled(rolled)
    if len(requests) != count or rolled != executor.rolling_hash(taken + count, block):
        raise HistoryIncomplete(f"L1's node does not show requests {taken + 1} to {taken + count} as they were made.")
    return requests


def write(folder: Path, continuation: Continuation) -> None:
    """Keep a sealed batch beside the tree until its proof is there."""
    beside = folder / f"{_NAME}.part"
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(continuation))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / _NAME)


def read(folder: Path) -> Continuation:
    """Return what :func:`write` kept.

    Raises
    ------
    NothingToContinue
    """
    try:
        return msgspec.json.decode((folder / _NAME).read_bytes(), type=Continuation)
    except (FileNotFoundError, msgspec.DecodeError):
        raise NothingToContinue(f"{folder} holds no sealed batch.") from None
