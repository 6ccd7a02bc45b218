"""Kernels that the backend interface does not name: permutations, batch inversion, prefix sums, copies.

The self-test, the benchmark and the tests launch them; bus columns build on the prefix sums.
"""

from __future__ import annotations

from collections.abc import Sequence

from cuda.arrays import DeviceArray, Memory
from cuda.transforms import blocks
from proving.backend.interface import HostArray
from proving.hash.permutation import POSEIDON2_WIDTHS
from proving.hash.poseidon import WIDTH as POSEIDON_WIDTH
from proving.hash.poseidon_constants import ROUND_CONSTANTS

#: Elements that a thread inverts together (`kTogether` in field.cu).
TOGETHER = 8
#: Words that a block of `scan_blocks` adds up.
SCAN_BLOCK = 256


def permute_poseidon2(memory: Memory, states: DeviceArray, width: int) -> DeviceArray:
    """Permute states that lie one after the other, ``(1, count * width)``, with Poseidon2 of the width.

    Raises
    ------
    ValueError
        There is no such width, or the states do not have it.
    """
    if width not in POSEIDON2_WIDTHS or states.size % width:
        raise ValueError(f"{states.size} words are not states of one of the widths {POSEIDON2_WIDTHS}")
    permuted = memory.empty(*states.shape)
    count = states.size // width
    memory.device.launch(f"poseidon2_w{width}", (blocks(count, 128), 1), 128, [states.pointer, permuted.pointer, count])
    return permuted


def permute_poseidon(memory: Memory, states: DeviceArray) -> DeviceArray:
    """Permute states of Poseidon, width 12, ``(1, count * 12)``."""
    if states.size % POSEIDON_WIDTH:
        raise ValueError(f"{states.size} words are not states of width {POSEIDON_WIDTH}")
    constants = memory.upload_small(list(ROUND_CONSTANTS))
    permuted = memory.empty(*states.shape)
    count = states.size // POSEIDON_WIDTH
    memory.device.launch(
        "poseidon_w12",
        (blocks(count, 128), 1),
        128,
        [states.pointer, permuted.pointer, count, constants.pointer],
    )
    return permuted


def invert(memory: Memory, array: DeviceArray) -> DeviceArray:
    """Invert every element, zero for zero."""
    inverses = memory.empty(*array.shape)
    grid = (blocks(array.size, 128 * TOGETHER), 1)
    memory.device.launch("invert", grid, 128, [array.pointer, inverses.pointer, array.size])
    return inverses


def invert_extension(memory: Memory, array: DeviceArray) -> DeviceArray:
    """Invert extension elements ``(3, count)``, zero for zero."""
    if array.shape[0] != 3:
        raise ValueError(f"expected 3 columns, got {array.shape[0]}")
    inverses = memory.empty(*array.shape)
    count = array.shape[1]
    grid = (blocks(count, 128 * TOGETHER), 1)
    memory.device.launch("invert_extension", grid, 128, [array.pointer, inverses.pointer, count])
    return inverses


def prefix_sums(memory: Memory, array: DeviceArray) -> DeviceArray:
    """Return the inclusive prefix sums of every column."""
    columns, rows = array.shape
    pieces = blocks(rows, SCAN_BLOCK)
    sums = memory.empty(columns, rows)
    totals = memory.empty(columns, pieces)
    memory.device.launch(
        "scan_blocks",
        (pieces, columns),
        SCAN_BLOCK,
        [array.pointer, sums.pointer, totals.pointer, rows],
        shared=8 * SCAN_BLOCK // 32,
    )
    if pieces > 1:
        offsets = prefix_sums(memory, totals)
        memory.device.launch("add_offsets", (pieces, columns), SCAN_BLOCK, [sums.pointer, offsets.pointer, rows])
    return sums


def copy_columns(memory: Memory, addresses: Sequence[int], rows: int) -> DeviceArray:
    """Return columns of ``rows`` words that lie anywhere, side by side."""
    words = memory.upload_small(addresses)
    copied = memory.empty(len(addresses), rows)
    memory.device.launch(
        "copy_columns", (blocks(rows, 256), len(addresses)), 256, [words.pointer, copied.pointer, rows]
    )
    return copied


def field_operations(memory: Memory, a: HostArray, b: HostArray) -> HostArray:
    """Return ``(5, count)``: a + b, a - b, a b, a b + a, 1 / a; for the self-test and the tests."""
    left, right = memory.upload_small(a), memory.upload_small(b)
    results = memory.empty(5, left.size)
    memory.device.launch(
        "field_operations",
        (blocks(left.size, 128), 1),
        128,
        [left.pointer, right.pointer, results.pointer, left.size],
    )
    return memory.download(results, small=True)
