"""Replay of a checkpoint into execution records."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving import native
from proving.machine.chains import advanced, requested
from proving.machine.checkpoint import Checkpoint, CheckpointError
from proving.machine.executor import Outcome
from proving.machine.image import batch_compress
from proving.machine.native_arrays import NativeObject
from proving.machine.records import (
    BLOCK_WIDTH,
    CYCLE,
    CYCLE_FAMILIES,
    DECODE,
    FAMILIES,
    IDLE,
    KECCAK_CALL_WIDTH,
    MEMORY,
    MEMORY_FAMILIES,
    NODE_KEY,
    POSEIDON2_CALL_WIDTH,
    REQUEST_WIDTH,
    Records,
)
from proving.machine.state import digest_of
from proving.machine.traps import MachineMemoryError

_IDLE, _DECODE, _BLOCK, _NODE_KEY, _NODE_OLD, _NODE_NEW, _DIGESTS, _SINK = range(len(FAMILIES), len(FAMILIES) + 8)
_WIDTHS = {
    **dict.fromkeys(CYCLE_FAMILIES, len(CYCLE)),
    **dict.fromkeys(MEMORY_FAMILIES, len(MEMORY)),
    "poseidon2_call": POSEIDON2_CALL_WIDTH,
    "request": REQUEST_WIDTH,
    "keccak_call": KECCAK_CALL_WIDTH,
}


class _Input(ctypes.Structure):
    """A checkpoint's parts; the layout is that of ``hm::ReplayInput``."""

    _fields_ = (
        ("pc", ctypes.c_uint32),
        ("end_pc", ctypes.c_uint32),
        ("halts", ctypes.c_uint32),
        ("compress", ctypes.c_void_p),
        ("cycles", ctypes.c_uint64),
        ("registers", ctypes.c_void_p),
        ("advice", ctypes.c_void_p),
        ("advice_words", ctypes.c_uint64),
        ("data_blocks", ctypes.c_void_p),
        ("data_words", ctypes.c_void_p),
        ("data_count", ctypes.c_uint64),
        ("data_siblings", ctypes.c_void_p),
        ("data_sibling_count", ctypes.c_uint64),
        ("code_blocks", ctypes.c_void_p),
        ("code_words", ctypes.c_void_p),
        ("code_count", ctypes.c_uint64),
        ("code_siblings", ctypes.c_void_p),
        ("code_sibling_count", ctypes.c_uint64),
    )


_new = native.function("hm_replay_new", native.POINTER, [native.POINTER, native.POINTER, native.POINTER])
_free = native.function("hm_replay_free", None, [native.POINTER])
_array = native.function("hm_replay_array", native.SIZE, [native.POINTER, native.INT, native.POINTER])


def replay(checkpoint: Checkpoint) -> Records:
    """Run a segment again and record every cycle; the same checkpoint gives the same records.

    Raises
    ------
    CheckpointError
        When the run is not the one that the checkpoint promises: another start or end state, number of cycles, or
        set of touched blocks.
    """
    checkpoint.validate()
    kept: list[NDArray[Any]] = []

    def address(array: NDArray[Any]) -> int:
        kept.append(np.ascontiguousarray(array))
        return int(kept[-1].ctypes.data)

    given = _Input(
        pc=int(checkpoint.boundary[0]),
        end_pc=int(checkpoint.boundary[1]),
        halts=int(checkpoint.halts),
        compress=batch_compress(),
        cycles=checkpoint.cycles,
        registers=address(checkpoint.registers),
        advice=address(checkpoint.advice),
        advice_words=len(checkpoint.advice),
        data_blocks=address(checkpoint.data_blocks),
        data_words=address(checkpoint.data_words),
        data_count=len(checkpoint.data_blocks),
        data_siblings=address(checkpoint.data_siblings),
        data_sibling_count=len(checkpoint.data_siblings),
        code_blocks=address(checkpoint.code_blocks),
        code_words=address(checkpoint.code_words),
        code_count=len(checkpoint.code_blocks),
        code_siblings=address(checkpoint.code_siblings),
        code_sibling_count=len(checkpoint.code_siblings),
    )
    outcome, complete = Outcome(), ctypes.c_int()
    handle = _new(ctypes.addressof(given), ctypes.addressof(outcome), ctypes.addressof(complete))
    if not handle:
        raise MachineMemoryError
    replayed = NativeObject(handle, _free, _array)
    if complete.value < 0:
        raise CheckpointError("The checkpoint lists a block of memory or code that its run does not touch.")
    if not complete.value:
        raise CheckpointError(
            f"The checkpoint's run went otherwise: it stopped at {outcome.pc:#010x} after {outcome.cycles} of "
            f"{checkpoint.cycles} cycles (reason {outcome.stop})."
        )
    records = _records(replayed, checkpoint, outcome)
    for name in ("start", "end"):
        if not np.array_equal(getattr(records, name), getattr(checkpoint, name)):
            raise CheckpointError(f"The replayed {name} state is not the checkpoint's.")
    return records


def _records(replayed: NativeObject, checkpoint: Checkpoint, outcome: Outcome) -> Records:
    def words(which: int, width: int) -> NDArray[np.uint32]:
        return replayed.view(which, np.uint32, (-1, width))

    families = {name: words(i, _WIDTHS[name]) for i, name in enumerate(FAMILIES)}
    asked = requested(families["request"], families["keccak_call"])
    requests = np.stack([checkpoint.requests, advanced(checkpoint.requests, asked)])
    digests = replayed.view(_DIGESTS, np.uint64, (2, 4, 4))
    sink = replayed.view(_SINK, np.uint32, (3,))
    start_pc, halted = int(checkpoint.boundary[0]), checkpoint.halts
    return Records(
        **families,
        idle=words(_IDLE, len(IDLE)),
        decode=words(_DECODE, len(DECODE)),
        block=words(_BLOCK, BLOCK_WIDTH),
        node_key=words(_NODE_KEY, len(NODE_KEY)),
        node_old=replayed.view(_NODE_OLD, np.uint64, (-1, 4, 4)),
        node_new=replayed.view(_NODE_NEW, np.uint64, (-1, 4, 4)),
        boundary=np.array([start_pc, outcome.pc, int(halted), outcome.cycles + 1, *sink], dtype=np.uint32),
        requests=requests,
        digests=digests,
        start=digest_of(start_pc, False, digests[0], requests[0]),
        end=digest_of(int(outcome.pc), halted, digests[1], requests[1]),
    )
