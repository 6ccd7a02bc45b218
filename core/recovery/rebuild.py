"""Makes the state tree from L1's blocks and genesis, and nothing of core's.

Blocks are read in order, some at a time, and each executed batch becomes durable by itself, so that a run that ends
goes on where it stood. Nothing is believed about a batch that its root does not show: L1 acts on the root, and only the
accounts that it was made of lead to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from web3 import Web3

from core.eth_sender.connection import typed_errors
from core.eth_sender.errors import L1Mismatch
from core.eth_sender.executor import Executor
from core.formats import state_diffs
from core.formats.state_diffs import StateDiffsError
from core.recovery.errors import HistoryChanged, HistoryIncomplete, PublishedDataWrong
from core.recovery.progress import Progress, read_progress, write_progress
from core.recovery.published import Event, Kind, Published
from core.state.genesis import Genesis
from core.state_tree.accounts import keys_of, values_of
from core.state_tree.kept import KeptTree
from core.state_tree.pieces import Accounts
from runtime.errors import InvalidInput
from runtime.private import private_folder

#: Versions of the tree that are kept.
_VERSIONS = 16


@dataclass(frozen=True)
class Rebuilt:
    """What was made: the state after batch `number`, which is that of the contract at block `block`."""

    number: int
    root: bytes
    block: int


class Rebuild:
    """A state tree that follows one contract.

    Parameters
    ----------
    folder
        Where tree and progress lie; an earlier run's are taken up.
    web3, executor
        L1.
    published
        L1's blocks.
    """

    def __init__(self, folder: Path, web3: Web3, executor: Executor, published: Published) -> None:
        self._folder = private_folder(folder)
        self.tree = KeptTree.open(folder / "state_tree", _VERSIONS)
        self._web3 = web3
        self._executor = executor
        self._published = published
        self._progress: Progress

    def run(
        self,
        genesis: Genesis,
        *,
        first_block: int = 0,
        confirmations: int = 1,
        told: Callable[[int, int], None] = lambda number, block: None,
    ) -> Rebuilt:
        """Follow the contract up to its newest executed batch.

        Parameters
        ----------
        genesis
            The accounts that the rollup starts with.
        first_block
            Where to begin to read, at or before the deployment.
        confirmations
            A block is read once it and those on it are this many.
        told
            Called with batch and block after some blocks.

        Raises
        ------
        L1Unavailable, L1Mismatch, HistoryIncomplete, PublishedDataWrong, HistoryChanged
        """
        with typed_errors():
            self._executor.require_deployed()
            last = int(self._web3.eth.block_number) - confirmations + 1
            self._take_up(genesis, first_block)
            for block, events in self._published.events(self._progress.block + 1, last):
                for event in events:
                    self._follow(event)
                self._note(block)
                told(self.tree.newest or 0, block)
            return self._compared(self._progress.block)

    def root_after(self, changed: Sequence[state_diffs.StateDiff]) -> bytes:
        """Return the root that the tree would have with changed accounts; the tree stays what it is."""
        number = self.tree.newest or 0
        try:
            return self.tree.commit(number + 1, keys_of([diff.address for diff in changed]), values_of(changed))
        finally:
            self.tree.forget_after(number)

    def _take_up(self, genesis: Genesis, first_block: int) -> None:
        chain_id, kept = int(self._web3.eth.chain_id), read_progress(self._folder)
        if kept is None:
            accounts = Accounts()
            accounts.add(b"".join(genesis.accounts), values_of(genesis.accounts.values()))
            self.tree.rebuild(0, accounts.pieces())
            self._progress = Progress(chain_id, self._executor.address, first_block - 1, "", {})
            return
        if (kept.chain_id, kept.executor) != (chain_id, self._executor.address):
            raise HistoryChanged(f"{self._folder} is of contract {kept.executor} on chain {kept.chain_id}.")
        if kept.block_hash != self._block_hash(kept.block):
            raise HistoryChanged(f"L1 has another block {kept.block} than the one that was read.")
        self._progress = kept

    def _follow(self, event: Event) -> None:
        waiting = self._progress.waiting
        if event.kind is Kind.COMMITTED:
            waiting.setdefault(event.number, {})[event.hash.hex()] = event.transaction.hex()
        elif event.kind is Kind.REVERTED:
            for number in [number for number in waiting if number > event.number]:
                del waiting[number]
        else:
            self._execute(event)

    def _execute(self, event: Event) -> None:
        newest = self.tree.newest or 0
        if event.number == newest and event.root != self.tree.root:
            if newest == 0:
                raise L1Mismatch(
                    f"The contract's genesis root is {event.root.hex()}, the genesis given has {self.tree.root.hex()}.",
                    remedy="Give the genesis file of this rollup, with --genesis.",
                )
            # A run ended between a batch's accounts and the look at their root.
            self.tree.forget_after(newest - 1)
            newest -= 1
        if event.number > newest + 1:
            raise HistoryIncomplete(f"L1's node shows batch {event.number} executed, and not batch {newest + 1}.")
        if event.number == newest + 1:
            transaction = self._progress.waiting.get(event.number, {}).get(event.hash.hex())
            if transaction is None:
                raise HistoryIncomplete(f"L1's node does not show where batch {event.number} was committed.")
            self._apply(event.number, bytes.fromhex(transaction), event.root)
        self._progress.waiting.pop(event.number, None)

    def _apply(self, number: int, transaction: bytes, root: bytes) -> None:
        try:
            changed = state_diffs.decode(self._published.batch(transaction).state_diffs)
            made = self.tree.commit(number, keys_of([diff.address for diff in changed]), values_of(changed))
        except (StateDiffsError, InvalidInput) as error:
            raise PublishedDataWrong(f"The state diffs of batch {number} are none: {error.message}") from error
        if made != root:
            self.tree.forget_after(number - 1)
            raise PublishedDataWrong(
                f"The state diffs of batch {number} lead to the root {made.hex()}, the contract has {root.hex()}."
            )

    def _note(self, block: int) -> None:
        self._progress.block, self._progress.block_hash = block, self._block_hash(block)
        write_progress(self._folder, self._progress)

    def _block_hash(self, block: int) -> str:
        return bytes(self._web3.eth.get_block(block)["hash"]).hex()

    def _compared(self, block: int) -> Rebuilt:
        """Hold the tree against the contract at the last block that was read."""
        if not self._progress.block_hash:
            raise HistoryIncomplete("There is no block to read yet that is deep enough.")
        executed, stated = self._executor.state(block).executed, self._executor.state_root(block)
        if (self.tree.newest or 0) > executed:
            # A run ended while it looked what a batch would lead to.
            self.tree.forget_after(executed)
        number, root = self.tree.newest or 0, self.tree.root
        if executed != number:
            raise HistoryIncomplete(f"The contract has executed batch {executed}, its events end with batch {number}.")
        if stated != root:
            raise PublishedDataWrong(f"The contract's root is {stated.hex()}, the tree's {root.hex()}.")
        return Rebuilt(number, root, block)
