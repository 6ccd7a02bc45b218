"""The native side of the state tree (``proving/native/src/state_tree*.cpp``): versions over chunks of a log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.state_tree.accounts import KEY_WORDS, VALUE_WORDS
from core.state_tree.errors import StateTreeDamaged
from proving.hash.compression import compress16
from proving.machine.native_arrays import NativeObject
from proving.native import INT, POINTER, SIZE, UNSIGNED, function
from runtime.errors import InvalidInput

#: Words of a leaf's record, and of a version's state.
LEAF_WORDS, STATE_WORDS = KEY_WORDS + VALUE_WORDS, 15

#: As `garbage` of :func:`update`: nothing is ever copied so that it could be dropped.
KEEP_ALL = (1 << 64) - 1

#: Number of the one array that a result other than an update has.
_ONLY = 0

_update = function(
    "hm_state_tree_update", POINTER, [POINTER, POINTER, POINTER, POINTER, SIZE, UNSIGNED, POINTER, POINTER]
)
_find = function("hm_state_tree_find", INT, [POINTER, POINTER, POINTER, SIZE, POINTER, POINTER])
_partial = function("hm_state_tree_partial", POINTER, [POINTER, POINTER, POINTER, SIZE, POINTER])
_leaves = function("hm_state_tree_leaves", POINTER, [POINTER, POINTER, POINTER, SIZE, POINTER])
_check = function("hm_state_tree_check", INT, [POINTER, POINTER, POINTER, POINTER])
_order = function("hm_state_tree_order", INT, [POINTER, SIZE, POINTER])
_unmap = function("hm_state_tree_unmap", None, [POINTER])
_array = function("hm_state_tree_array", SIZE, [POINTER, INT, POINTER])
_free = function("hm_state_tree_free", None, [POINTER])


class Fault(IntEnum):
    """What a check finds."""

    SOUND = 0
    UNREADABLE = 1
    """A reference leads to no record."""
    BEFORE_HORIZON = 2
    """A record lies where nothing of this version may lie."""
    WRONG_PLACE = 3
    """A leaf's key does not lead to it."""
    WRONG_DIGEST = 4
    """A record does not have the digest that is stated for it."""
    WRONG_SHAPE = 5
    """An empty account, an internal node above fewer than two leaves, or a path that is too long."""
    WRONG_COUNT = 6
    """Leaves or words do not add up to what the version states."""


@dataclass(frozen=True)
class State:
    """One version of the tree: its root and where the log stands."""

    words: NDArray[np.uint64]

    @classmethod
    def empty(cls) -> Self:
        """Return the tree without a leaf over an empty log."""
        return cls(np.zeros(STATE_WORDS, dtype=np.uint64))

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read what :meth:`content` wrote."""
        if len(content) != 8 * STATE_WORDS:
            raise StateTreeDamaged(f"A version of the state tree has {len(content)} bytes.")
        return cls(np.frombuffer(content, dtype="<u8").astype(np.uint64))

    def content(self) -> bytes:
        """Return the state as bytes."""
        return self.words.astype("<u8").tobytes()

    @property
    def root(self) -> bytes:
        """The state root, 32 bytes: four elements of 8 bytes, little-endian."""
        return self.words[1:5].astype("<u8").tobytes()

    @property
    def leaves(self) -> int:
        """Accounts in the tree."""
        return int(self.words[5])

    @property
    def live_bytes(self) -> int:
        """Bytes of the records that this version reaches."""
        return 8 * int(self.words[6])

    @property
    def last_chunk(self) -> int:
        """The chunk that holds the end of the log."""
        return int(self.words[7]) >> 15

    @property
    def first_chunk(self) -> int:
        """The first chunk that this version may reach."""
        return int(self.words[8]) >> 15


class Chunks:
    """Where the chunks of a log lie in memory, from the first one that is kept on; zero for one that is not there."""

    def __init__(self, addresses: NDArray[np.uint64] | None = None, first: int = 0) -> None:
        self._addresses = np.zeros(16, dtype=np.uint64) if addresses is None else addresses
        self._first = first

    def set(self, chunk: int, address: int) -> None:
        """Note where a chunk lies."""
        place = chunk - self._first
        if place >= len(self._addresses):
            grown = np.zeros(max(place + 1, 2 * len(self._addresses)), dtype=np.uint64)
            grown[: len(self._addresses)] = self._addresses
            self._addresses = grown
        self._addresses[place] = address

    def drop_before(self, chunk: int) -> None:
        """Forget the chunks before one."""
        if chunk > self._first:
            self._addresses = self._addresses[chunk - self._first :].copy()
            self._first = chunk

    def copy(self) -> Chunks:
        """Return the places as they are now."""
        return Chunks(self._addresses.copy(), self._first)

    def argument(self) -> NDArray[np.uint64]:
        """Return the structure that native functions take: address of the places, their number, the first chunk."""
        return np.array([self._addresses.ctypes.data, len(self._addresses), self._first], dtype=np.uint64)


class _Result(NativeObject):
    def __init__(self, handle: int) -> None:
        super().__init__(handle, _free, _array)


def update(
    chunks: Chunks, state: State, keys: NDArray[np.uint64], values: NDArray[np.uint64], garbage: int
) -> tuple[State, dict[int, NDArray[np.uint64]]]:
    """Return the state of the version that follows, and the chunks that are new or longer.

    Parameters
    ----------
    keys, values
        ``(count, 4) uint64`` and ``(count, 5) uint64``, no key twice.
    garbage
        Bytes of the log, beyond a multiple of what lives, from which on live records are copied to its end.

    Raises
    ------
    InvalidInput
        A key occurs twice, or an account of the tree is set to zero (accounts never leave the state).
    StateTreeDamaged
        The log cannot be read.
    """
    keys = np.ascontiguousarray(keys, dtype=np.uint64).reshape(-1, KEY_WORDS)
    values = np.ascontiguousarray(values, dtype=np.uint64).reshape(len(keys), VALUE_WORDS)
    words, status, where = state.words.copy(), np.zeros(1, dtype=np.int32), chunks.argument()
    handle = _update(
        where.ctypes.data,
        words.ctypes.data,
        keys.ctypes.data,
        values.ctypes.data,
        len(keys),
        garbage if garbage == KEEP_ALL else garbage // 8,
        compress16.address(),
        status.ctypes.data,
    )
    _raise(int(status[0]))
    result, after = _Result(handle), State(words)
    first = state.last_chunk
    made = {first + i: result.view(i, np.uint64, (-1,)) for i in range(after.last_chunk - first + 1)}
    return after, made


def find(chunks: Chunks, state: State, keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the values of keys, ``(count, 5) uint64`` with zeros for absent ones, and which are there."""
    keys = np.ascontiguousarray(keys, dtype=np.uint64)
    values = np.empty((len(keys), VALUE_WORDS), dtype=np.uint64)
    present, where = np.empty(len(keys), dtype=np.bool_), chunks.argument()
    status = _find(
        where.ctypes.data,
        state.words.ctypes.data,
        keys.ctypes.data,
        len(keys),
        values.ctypes.data,
        present.ctypes.data,
    )
    _raise(status)
    return values, present


def partial(chunks: Chunks, state: State, keys: NDArray[np.uint64]) -> bytes:
    """Return the tree section of a witness input: the paths of these keys, absent ones included."""
    keys = np.ascontiguousarray(keys, dtype=np.uint64)
    status, where = np.zeros(1, dtype=np.int32), chunks.argument()
    handle = _partial(where.ctypes.data, state.words.ctypes.data, keys.ctypes.data, len(keys), status.ctypes.data)
    _raise(int(status[0]))
    return _Result(handle).view(_ONLY, np.uint8, (-1,)).tobytes()


def leaves(chunks: Chunks, state: State, start: NDArray[np.uint64], limit: int) -> NDArray[np.uint64]:
    """Return up to `limit` leaves in the order of the tree from a key on: key and value, ``(count, 9) uint64``."""
    status, where = np.zeros(1, dtype=np.int32), chunks.argument()
    start = np.ascontiguousarray(start, dtype=np.uint64)
    handle = _leaves(where.ctypes.data, state.words.ctypes.data, start.ctypes.data, limit, status.ctypes.data)
    _raise(int(status[0]))
    return _Result(handle).view(_ONLY, np.uint64, (-1, LEAF_WORDS))


def check(chunks: Chunks, state: State) -> tuple[Fault, int]:
    """Read every record of a version, hash it again, and return what is wrong and at which position."""
    finding, where = np.zeros(2, dtype=np.uint64), chunks.argument()
    _raise(_check(where.ctypes.data, state.words.ctypes.data, compress16.address(), finding.ctypes.data))
    return Fault(int(finding[0])), int(finding[1])


def order(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the places of keys in the order of the tree, by their first word: ``(count,) uint64``."""
    keys = np.ascontiguousarray(keys, dtype=np.uint64)
    places = np.empty(len(keys), dtype=np.uint64)
    _raise(_order(keys.ctypes.data, len(keys), places.ctypes.data))
    return places


def unmap(chunks: Chunks) -> None:
    """Take chunks that lie in a file's mapping out of this process's memory; they come back when they are read.

    Never for chunks in memory: their content would be gone.
    """
    where = chunks.argument()
    _unmap(where.ctypes.data)


def _raise(status: int) -> None:
    """Raise what a native function's status stands for."""
    if status == 1:
        raise MemoryError("no memory for an update of the state tree")
    if status == 2:
        raise StateTreeDamaged()
    if status == 3:
        raise InvalidInput("Two accounts have the same key.")
    if status == 4:
        raise InvalidInput("An account cannot leave the state.")
