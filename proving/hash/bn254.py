"""The hash over BN254's scalar field, on arrays: what a layer that a SNARK verifies is hashed with.

The one primitive is ``H(tag, number; x_0, ..., x_(k-1))`` over elements of the field, an overwriting sponge of the
published Poseidon2 with t = 3. Its capacity starts at ``tag + 2^32 number``, where the number fixes the tag's length k,
so no message is a prefix of another. Every permutation takes two elements, the last one 0 for an odd k:

    s = P(capacity, x_(2i), x_(2i+1)),    capacity = s[0],

and the digest is ``s[1]`` of the last state. Goldilocks elements are packed three to an element, the first one lowest,
which is injective and stays below the modulus. A digest is one element: in arrays four 64-bit words of its canonical
value, the lowest first.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from proving.backend.interface import HostArray
from proving.backend.native_merkle import MAX_GRINDING_BITS, addresses_of_columns
from proving.hash.bn254_constants import ROUND_CONSTANTS
from proving.hash.tags import Tag
from proving.native import POINTER, SIZE, UNSIGNED, function, memory

#: The order r of the group of BN254, and the modulus of the field.
MODULUS = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
#: Words of a digest.
WORDS = 4
#: Goldilocks elements in one element.
PACKED = 3
#: Children of a node.
ARITY = 4

_NUMBER_SHIFT = np.uint64(32)
#: What the field's kernels call it.
_SCALARS = 0

_hash = function("hm_bn254_hash", None, [POINTER, SIZE, SIZE, POINTER, SIZE, POINTER, POINTER])
_hash_matrix = function("hm_bn254_hash_matrix", None, [POINTER, SIZE, SIZE, UNSIGNED, POINTER, POINTER])
_join = function("hm_bn254_join", None, [POINTER, POINTER, SIZE, SIZE, UNSIGNED, POINTER, POINTER])
_grind = function("hm_bn254_grind", UNSIGNED, [POINTER, UNSIGNED, UNSIGNED, POINTER])
_first_unreduced = function("hm_bn254_first_unreduced", SIZE, [UNSIGNED, POINTER, SIZE])


@functools.cache
def _constants() -> HostArray:
    """Return the round constants ``(64, 3, 4)`` in the kernels' Montgomery form."""
    packed = b"".join(
        ((constant << 256) % MODULUS).to_bytes(8 * WORDS, "little") for round_ in ROUND_CONSTANTS for constant in round_
    )
    return np.frombuffer(packed, dtype="<u8").astype(np.uint64).reshape(len(ROUND_CONSTANTS), -1, WORDS)


def hash_messages(tag: Tag, numbers: HostArray | int, messages: HostArray) -> HostArray:
    """Hash messages of elements ``(count, length, 4)``, all under one number or each under its own ``(count,)``."""
    messages = np.ascontiguousarray(messages, dtype=np.uint64)
    if messages.ndim != 3 or messages.shape[2] != WORDS or not messages.shape[1]:
        raise ValueError(f"messages have shape {messages.shape}, expected (count, length, {WORDS}) with a length")
    count, length, _ = messages.shape
    starts = np.atleast_1d(_start(tag, numbers))
    if starts.shape not in ((1,), (count,)):
        raise ValueError(f"{starts.size} numbers do not fit {count} messages")
    digests = memory.empty((count, WORDS))
    step = int(starts.size > 1)
    _hash(messages.ctypes.data, count, length, starts.ctypes.data, step, digests.ctypes.data, _constants().ctypes.data)
    return digests


def pack(rows: HostArray) -> HostArray:
    """Pack Goldilocks elements ``(count, n)`` three to an element: ``(count, ceil(n / 3), 4)``."""
    count, length = rows.shape
    packed = np.zeros((count, -(-length // PACKED), WORDS), dtype=np.uint64)
    padded = np.zeros((count, packed.shape[1] * PACKED), dtype=np.uint64)
    padded[:, :length] = rows
    packed[:, :, :PACKED] = padded.reshape(count, -1, PACKED)
    return packed


def first_unreduced(digests: HostArray) -> int | None:
    """Return the place of the first of digests ``(n, 4)`` that is not below the modulus, if there is one."""
    digests = np.ascontiguousarray(digests, dtype=np.uint64)
    place = int(_first_unreduced(_SCALARS, digests.ctypes.data, digests.shape[0]))
    return None if place >= digests.shape[0] else place


class Bn254Hashing:
    """The family for trees and work; implements :class:`proving.backend.interface.TreeHashing`."""

    def hash_matrices(self, matrices: Sequence[HostArray]) -> HostArray:
        """Hash the concatenated rows of matrices of one height as leaves: ``(rows, 4)``."""
        rows = matrices[0].shape[1]
        addresses = addresses_of_columns(matrices)
        start = int(_start(Tag.LEAF, addresses.size))
        digests = memory.empty((rows, WORDS))
        _hash_matrix(addresses.ctypes.data, addresses.size, rows, start, digests.ctypes.data, _constants().ctypes.data)
        return digests

    def nodes(self, children: HostArray) -> HostArray:
        """Hash every four neighbours of ``(4 n, 4)``: ``(n, 4)``."""
        return hash_messages(Tag.NODE, ARITY, children.reshape(-1, ARITY, WORDS))

    def join(self, parts: Sequence[tuple[HostArray, int]], count: int) -> HostArray:
        """Join parts ``(digests, shift)`` of nodes: ``(count, 4)``."""
        addresses = np.array([digests.ctypes.data for digests, _ in parts], dtype=np.uint64)
        shifts = np.array([shift for _, shift in parts], dtype=np.uint64)
        start = int(_start(Tag.JOIN, len(parts)))
        joined = memory.empty((count, WORDS))
        _join(
            *(addresses.ctypes.data, shifts.ctypes.data, len(parts)),
            *(count, start, joined.ctypes.data, _constants().ctypes.data),
        )
        return joined

    def grind(self, state: HostArray, bits: int) -> int:
        """Return the smallest nonce whose ``H(GRIND, 0; state, nonce)`` ends in ``bits`` zero bits."""
        if not 0 <= bits <= MAX_GRINDING_BITS:
            raise ValueError(f"cannot grind {bits} bits, at most {MAX_GRINDING_BITS}")
        state = np.ascontiguousarray(state, dtype=np.uint64)
        return int(_grind(state.ctypes.data, int(_start(Tag.GRIND, 0)), (1 << bits) - 1, _constants().ctypes.data))


def _start(tag: Tag, numbers: HostArray | int) -> HostArray:
    start: HostArray = np.uint64(int(tag)) + (np.asarray(numbers, dtype=np.uint64) << _NUMBER_SHIFT)
    return start
