"""Expansion of execution records to the columns of `main_vm`.

What happens once a segment is done here: the compressions are numbered, the chains' digests put beside the records of
requests, the boundary filled. The rows are filled where a backend computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from proving.backend import native_expansion
from proving.backend.expansion import ExpansionRefused, Family, SegmentExpansion
from proving.backend.interface import PRIME
from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import absorb, blocks
from proving.circuits.served import SERVED
from proving.hash import DIGEST, Tag, compress
from proving.machine.chains import of_type, requested
from proving.machine.main_vm import call, constant, shape, shapes
from proving.machine.main_vm.circuit import circuit
from proving.machine.records import FAMILIES, Records
from proving.machine.state import STATE_VERSION
from proving.native import POINTER, SIZE, function

__all__ = ["ExpansionRefused", "assemble", "compression_count", "compression_inputs", "expand", "prepare"]

U64 = NDArray[np.uint64]
Traces = dict[str, U64]

#: Tables that several families share, the rows of one after those of another.
_SHARED = {
    "bitwise": ("bitwise", "shift"),
    "mul_div": ("mul", "div"),
    "call": ("poseidon2_call", "request", "keccak_call"),
}
_TABLE_OF = {family: table for table, families in _SHARED.items() for family in families}

#: Rows of the boundary.
_ASKED, _START, _BEFORE, _AFTER, _END, _ANSWERED = range(6)

_distinct = function("hm_expand_distinct16", SIZE, [POINTER, SIZE, POINTER, POINTER])


@dataclass(frozen=True)
class _Compressions:
    """The inputs that a segment compresses.

    Attributes
    ----------
    inputs : (distinct, 16) uint64
    counts : (distinct,) uint32, how often each is looked up
    numbers : per part, (inputs of the part,) uint32, each one's number among the distinct ones
    """

    inputs: U64
    counts: NDArray[np.uint32]
    numbers: dict[str, NDArray[np.uint32]]


def prepare(records: Records) -> tuple[SegmentExpansion, U64]:
    """What a backend expands to the columns of a segment, and the segment's public inputs; as `expand`."""
    return _prepare(records, compression_inputs(records))


def expand(records: Records) -> tuple[Traces, U64]:
    """Columns and public inputs of a segment, as high as the smallest shape that holds it.

    The public inputs are the digests of the boundary's start and end rows; for records of a real segment they are
    `records.start` and `records.end`.

    Returns
    -------
    dict
        By table, (main columns, height) uint64.
    (8,) uint64
        The state digests at start and end.

    Raises
    ------
    ExpansionRefused
        An instruction was not decoded, or is none.
    NoShape
        No listed shape holds the segment.
    """
    return assemble(records, compression_inputs(records))


def compression_count(records: Records) -> int:
    """Number of distinct compressions of a segment."""
    inputs = np.concatenate(list(compression_inputs(records).values()))
    return _number(inputs)[0]


def assemble(records: Records, parts: dict[str, U64]) -> tuple[Traces, U64]:
    """As `expand`, with the inputs of all compressions given: see `compression_inputs`."""
    expansion, publics = _prepare(records, parts)
    return native_expansion.expand(expansion), publics


def _prepare(records: Records, parts: dict[str, U64]) -> tuple[SegmentExpansion, U64]:
    pcs = records.decode[:, 0]
    if bool((pcs[1:] <= pcs[:-1]).any()):
        raise ExpansionRefused("The decoded instructions are not sorted by pc.")
    hashed = _compress_all(parts)
    heights = shapes.SHAPES[shapes.smallest(shape.used_rows(records.counts(), len(hashed.counts)))]
    sizes = {t.name: (len(t.main_names), 1 << heights[t.name]) for t in circuit()}
    digests = compress(parts["boundary"])
    expansion = SegmentExpansion(
        sizes,
        _families(records, parts["request"]),
        _words(records.idle),
        _words(records.decode),
        constant.rows(),
        hashed.inputs,
        hashed.counts,
        hashed.numbers["call"],
        np.concatenate([hashed.numbers["block"], hashed.numbers["node"]]),
        _words(records.block),
        _words(records.node_key),
        _boundary(records, parts["boundary"], digests, sizes["boundary"]),
    )
    return expansion, digests[[_START, _END]].reshape(8)


def compression_inputs(records: Records) -> dict[str, U64]:
    """What is compressed, (rows, 16) uint64 by table; blocks and nodes in the order of their rows."""
    words = records.block.astype(np.uint64)
    pages = np.stack([words[:, 2:18], words[:, 18:34]], axis=1).reshape(-1, 16)
    nodes = np.stack([records.node_old, records.node_new], axis=1).reshape(-1, 16)
    calls = records.poseidon2_call[:, 4::2].astype(np.uint64)
    lanes = calls[:, 0::2] | calls[:, 1::2] << np.uint64(32)
    if bool((lanes >= np.uint64(PRIME)).any()):
        raise ExpansionRefused("A Poseidon2 call has an input that is no field element.")
    parts = {
        "block": pages,
        "node": nodes,
        "call": lanes,
        "request": _request_inputs(records),
        "boundary": _boundary_inputs(records),
    }
    return {name: np.ascontiguousarray(part, dtype=np.uint64) for name, part in parts.items()}


def _boundary_inputs(records: Records) -> U64:
    """Inputs of the boundary's six rows, (6, 16) uint64."""
    pc_start, pc_end, halted = (int(value) for value in records.boundary[:3])
    inputs = np.zeros((6, 16), dtype=np.uint64)
    inputs[[_ASKED, _ANSWERED]] = records.requests.reshape(2, 16)
    inputs[[_BEFORE, _AFTER]] = records.digests.reshape(2, 16)
    asked, before, after, answered = compress(inputs[[_ASKED, _BEFORE, _AFTER, _ANSWERED]])
    for row, registers, requests, pc, stopped in (
        (_START, before, asked, pc_start, 0),
        (_END, after, answered, pc_end, halted),
    ):
        inputs[row, :4], inputs[row, 4:8] = registers, requests
        inputs[row, 8:12] = (Tag.STATE, STATE_VERSION, pc, stopped)
    return inputs


def _request_inputs(records: Records) -> U64:
    """Digest and block of every compression of the request chains, one chain after another, (blocks, 16) uint64."""
    found = []
    for name, asked in requested(records.request, records.keccak_call).items():
        absorbed = blocks(*asked)
        digests = absorb(records.requests[0, SERVED[name].kind], absorbed)
        found.append(np.concatenate([digests[:-1], absorbed], axis=1))
    return np.concatenate(found)


def _compress_all(parts: dict[str, U64]) -> _Compressions:
    inputs = np.concatenate(list(parts.values()))
    found, ids, firsts = _number(inputs)
    distinct = np.ascontiguousarray(inputs[firsts[:found]])
    counts = np.bincount(ids, minlength=found).astype(np.uint32)
    ends = np.cumsum([len(part) for part in parts.values()])
    return _Compressions(distinct, counts, dict(zip(parts, np.split(ids, ends[:-1]), strict=True)))


def _number(inputs: U64) -> tuple[int, NDArray[np.uint32], NDArray[np.uint32]]:
    """How many inputs are distinct, each one's number, and where each distinct one is first."""
    ids, firsts = np.empty(len(inputs), dtype=np.uint32), np.empty(len(inputs), dtype=np.uint32)
    found = _distinct(inputs.ctypes.data, len(inputs), ids.ctypes.data, firsts.ctypes.data)
    return int(found), ids, firsts


def _with_digests(records: Records, compressed: U64) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The records of requests and of calls of Keccak-f, with the chain's digests around their blocks, in words.

    Each has the digests before its blocks and the one behind the last.
    """
    rows, keccak, first = records.request, records.keccak_call, 0
    around, around_keccak = (np.zeros((len(each), call.BLOCKS + 1, DIGEST), dtype=np.uint64) for each in (rows, keccak))
    for name, served in SERVED.items():
        if served is KECCAK_F:
            target, places = around_keccak, np.arange(len(keccak))
        else:
            target, places = around, of_type(rows, name)
        own = compressed[first : first + call.BLOCKS * len(places)].reshape(-1, call.BLOCKS, compressed.shape[1])
        first += call.BLOCKS * len(places)
        target[places, :-1] = own[:, :, :DIGEST]
        if len(places):
            target[places[:-1], -1] = own[1:, 0, :DIGEST]
            target[places[-1], -1] = absorb(own[-1, -1, :DIGEST], own[-1, -1:, DIGEST:])[-1]
    return _joined(rows, around), _joined(keccak, around_keccak)


def _joined(rows: NDArray[np.uint32], digests: U64) -> NDArray[np.uint32]:
    words = digests.view("<u4").reshape(len(rows), 2 * DIGEST * (call.BLOCKS + 1))
    return np.ascontiguousarray(np.concatenate([rows, words], axis=1), dtype=np.uint32)


def _words(rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(rows, dtype=np.uint32)


def _families(records: Records, requests: U64) -> tuple[Family, ...]:
    rows = {name: _words(records.family(name)) for name in FAMILIES}
    rows["request"], rows["keccak_call"] = _with_digests(records, requests)
    firsts = dict.fromkeys(FAMILIES, 0)
    for table, sharing in _SHARED.items():
        for before, family in pairwise(sharing):
            firsts[family] = firsts[before] + shape.record_rows(table) * len(rows[before])
    return tuple(Family(name, rows[name], _TABLE_OF.get(name, name), firsts[name]) for name in FAMILIES)


def _boundary(records: Records, inputs: U64, digests: U64, size: tuple[int, int]) -> U64:
    """Input, digest, time of the last requests with clk, progress and the sink on other rows; rows as in `boundary`."""
    table = np.zeros(size, dtype=np.uint64)
    _, _, halted, clk_end, sink_start, sink_word, sink_last = (int(value) for value in records.boundary)
    table[:16, :6] = inputs.T
    table[16:20, :6] = digests.T
    last = table[20:]
    last[0, [_START, _END]] = (1, clk_end)
    last[2:, _AFTER] = (sink_word, sink_last)
    last[3, _BEFORE] = sink_start
    last[1, _END] = pow(clk_end - 1 + halted, PRIME - 2, PRIME)
    for name, served in SERVED.items():
        asked = records.keccak_call if served is KECCAK_F else records.request[of_type(records.request, name)]
        if len(asked):
            last[served.kind, _ANSWERED] = asked[-1, 0]
    return table
