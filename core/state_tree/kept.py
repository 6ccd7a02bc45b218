"""The state tree on disk with its versions: bulk updates, readers of any version, what is no longer kept removed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.state_tree import native
from core.state_tree.accounts import KEY_WORDS, account_of, keys_of
from core.state_tree.environment import CHUNKS, VERSIONS, Environment, Transaction
from core.state_tree.errors import VersionUnknown
from core.state_tree.native import Chunks, Fault, State

#: Less garbage is not worth copying for.
GARBAGE_BYTES = 64 << 20

#: Leaves that are read at a time.
_LEAVES = 1 << 14

#: Bytes of files that may be mapped into this process before the tree's are taken out of it. They are the system's
#: cache and not the process's own, but count as its memory; 10^7 accounts with everything else stay below 2 GB.
MAPPED_BYTES = 1500 << 20

#: Old versions that one commit removes at most, so that a setting that keeps fewer costs no commit much.
_PRUNED_AT_ONCE = 256

Changes = tuple[NDArray[np.uint64], NDArray[np.uint64]]


class Version:
    """One version of a tree, readable as long as the block of :meth:`KeptTree.version` lasts."""

    def __init__(self, number: int, chunks: Chunks, state: State) -> None:
        self.number = number
        self._chunks = chunks
        self._state = state

    def __len__(self) -> int:
        return self._state.leaves

    @property
    def root(self) -> bytes:
        """The state root, 32 bytes."""
        return self._state.root

    @property
    def live_bytes(self) -> int:
        """Bytes of the records that this version reaches."""
        return self._state.live_bytes

    def accounts(self, addresses: Sequence[bytes]) -> list[tuple[int, int]]:
        """Return nonce and balance of each address; zeros for an account that is not in the tree."""
        values, _ = native.find(self._chunks, self._state, keys_of(addresses))
        return [account_of(value) for value in values]

    def partial(self, addresses: Iterable[bytes]) -> bytes:
        """Return the tree section of a witness input: the paths of these addresses, absent ones included."""
        return native.partial(self._chunks, self._state, keys_of(sorted(set(addresses))))

    def leaves(self) -> Iterator[NDArray[np.uint64]]:
        """Yield every leaf in the order of the tree, some at a time: key and value, ``(count, 9) uint64``."""
        start = np.zeros(KEY_WORDS, dtype=np.uint64)
        again = 0
        while True:
            found = native.leaves(self._chunks, self._state, start, _LEAVES + 1)[again:]
            if not len(found):
                return
            yield found
            # The next piece begins with the last leaf of this one.
            start, again = found[-1, :KEY_WORDS].copy(), 1

    def check(self) -> tuple[Fault, int]:
        """Read every record, hash it again, and return what is wrong and at which position of the log."""
        return native.check(self._chunks, self._state)


class KeptTree:
    """A state tree with its versions. One thread writes at a time; any number read meanwhile.

    Parameters
    ----------
    environment
        The file.
    versions
        How many are kept, 2 or more; zero keeps all.
    garbage
        Bytes of the log beyond three times what lives, from which on live records are copied to its end.
    """

    def __init__(self, environment: Environment, versions: int = 0, garbage: int = GARBAGE_BYTES) -> None:
        self._environment = environment
        self._versions = versions
        #: Copying only helps where old versions go.
        self._garbage = garbage if versions else native.KEEP_ALL
        self._writing = threading.RLock()
        #: Guards what follows, for moments only: the newest version and where its chunks lie.
        self._published = threading.Lock()
        self._chunks = Chunks()
        self._state = State.empty()
        self._ends: tuple[int, int] | None = None
        self._snapshot = 0
        self._load()

    @classmethod
    def open(
        cls, folder: Path, versions: int = 0, *, garbage: int = GARBAGE_BYTES, read_only: bool = False
    ) -> KeptTree:
        """Open the tree in a folder; :class:`Environment` says what is raised."""
        return cls(Environment.at(folder, read_only=read_only), versions, garbage)

    @property
    def newest(self) -> int | None:
        """The newest version, or None when there is none; of a file that another process writes, when last looked."""
        return None if self._ends is None else self._ends[1]

    @property
    def oldest(self) -> int | None:
        """The oldest version that is kept."""
        return None if self._ends is None else self._ends[0]

    @property
    def root(self) -> bytes:
        """The root of the newest version."""
        return self._state.root

    @contextmanager
    def version(self, number: int) -> Iterator[Version]:
        """Read one version.

        Raises
        ------
        VersionUnknown
            It is not kept.
        """
        with ExitStack() as stack:
            with self._published:
                # A transaction that is at least as old as the places: what they lead to stays while it is open.
                transaction = stack.enter_context(self._environment.reading())
                if self._environment.read_only and transaction.snapshot != self._snapshot:
                    self._read(transaction)
                chunks, ends = self._chunks.copy(), self._ends
            content = transaction.get(VERSIONS, number) if ends and number <= ends[1] else None
            if content is None:
                raise VersionUnknown(f"The state tree holds no version {number}.")
            yield Version(number, chunks, State.read(content))

    def commit(self, number: int, keys: NDArray[np.uint64], values: NDArray[np.uint64]) -> bytes:
        """Write a version that follows the newest one, durably, and return its root.

        Parameters
        ----------
        number
            Above that of the newest version.
        keys, values
            The accounts that change: ``(count, 4) uint64`` and ``(count, 5) uint64``.

        Raises
        ------
        InvalidInput
            An account would leave the state, or occurs twice.
        DiskFull
            Nothing was written.
        """
        with self._writing:
            if self._ends is not None and number <= self._ends[1]:
                raise ValueError(f"version {number} does not follow version {self._ends[1]}")
            state, made = native.update(self._chunks, self._state, keys, values, self._garbage)
            with self._environment.writing() as transaction:
                _put(transaction, made)
                transaction.put(VERSIONS, number, state.content())
                if self._versions:
                    _remove(transaction, transaction.below(VERSIONS, number + 1 - self._versions, _PRUNED_AT_ONCE))
            self._take(state, made)
            if _mapped_bytes() > MAPPED_BYTES:
                native.unmap(self._chunks)
            return state.root

    def rebuild(self, number: int, pieces: Iterable[Changes]) -> bytes:
        """Replace the tree by one version made of pieces, and return its root.

        Pieces become durable one by one, so that memory stays bounded; the version is there with the last one. A tree
        that is cut off in between has no version.
        """
        with self._writing:
            with self._environment.writing() as transaction:
                transaction.drop(VERSIONS)
                transaction.drop(CHUNKS)
            self._load()
            for keys, values in pieces:
                state, made = native.update(self._chunks, self._state, keys, values, native.KEEP_ALL)
                with self._environment.writing() as transaction:
                    _put(transaction, made)
                self._take(state, made)
                # Only the right edge is read again.
                native.unmap(self._chunks)
            with self._environment.writing() as transaction:
                transaction.put(VERSIONS, number, self._state.content())
            self._take(self._state, ())
            return self._state.root

    def forget_after(self, number: int) -> None:
        """Make `number` the newest version again.

        Raises
        ------
        VersionUnknown
            It is not kept.
        """
        with self._writing:
            with self._environment.writing() as transaction:
                content = transaction.get(VERSIONS, number)
                if content is None:
                    raise VersionUnknown(f"The state tree holds no version {number}.")
                for version in transaction.above(VERSIONS, number):
                    transaction.delete(VERSIONS, version)
                for chunk in transaction.above(CHUNKS, State.read(content).last_chunk):
                    transaction.delete(CHUNKS, chunk)
            self._load()

    def prune(self, first: int) -> int:
        """Remove the versions before `first`, never the newest, with what only they reach; return how many."""
        with self._writing:
            if self._ends is None:
                return 0
            with self._environment.writing() as transaction:
                doomed = transaction.below(VERSIONS, min(first, self._ends[1]))
                _remove(transaction, doomed)
            self._take(self._state, ())
            return len(doomed)

    def size(self) -> int:
        """Return the bytes of the file."""
        return self._environment.size()

    def _take(self, state: State, made: Iterable[int]) -> None:
        """Take up what was written."""
        with self._published, self._environment.reading() as transaction:
            for chunk in made:
                self._chunks.set(chunk, transaction.address(CHUNKS, chunk))
            if chunks := transaction.ends(CHUNKS):
                self._chunks.drop_before(chunks[0])
            self._ends = transaction.ends(VERSIONS)
            self._state = state

    def _load(self) -> None:
        """Read everything anew."""
        with self._published, self._environment.reading() as transaction:
            self._read(transaction)

    def _read(self, transaction: Transaction) -> None:
        """Read everything; chunks without a version are what a rebuild left that was cut off."""
        self._ends = transaction.ends(VERSIONS)
        content = None if self._ends is None else transaction.get(VERSIONS, self._ends[1])
        self._state = State.empty() if content is None else State.read(content)
        places = {} if content is None else transaction.addresses(CHUNKS)
        self._chunks = Chunks(first=min(places, default=0))
        for chunk, address in places.items():
            self._chunks.set(chunk, address)
        self._snapshot = transaction.snapshot


def _mapped_bytes() -> int:
    """Return the bytes of files that are mapped into this process and in memory."""
    return int(Path("/proc/self/statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")


def _put(transaction: Transaction, made: Mapping[int, NDArray[np.uint64]]) -> None:
    for chunk, content in made.items():
        transaction.put(CHUNKS, chunk, content.data.cast("B"))


def _remove(transaction: Transaction, doomed: Sequence[int]) -> None:
    """Remove the oldest versions, and the chunks that no other one reaches."""
    for version in doomed:
        transaction.delete(VERSIONS, version)
    ends = transaction.ends(VERSIONS)
    content = None if ends is None else transaction.get(VERSIONS, ends[0])
    if doomed and content is not None:
        for chunk in transaction.below(CHUNKS, State.read(content).first_chunk):
            transaction.delete(CHUNKS, chunk)
