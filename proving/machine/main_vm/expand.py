"""Expansion of execution records to the columns of `main_vm`; the rows are filled by native code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
from proving.native import INT, POINTER, SIZE, function, memory
from runtime.errors import InvalidInput

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

_families = function("hm_expand_families", INT, [POINTER, POINTER, POINTER, SIZE, *[POINTER] * 6])
_distinct = function("hm_expand_distinct16", SIZE, [POINTER, SIZE, POINTER, POINTER])
_poseidon2 = function("hm_expand_poseidon2", None, [POINTER, POINTER, SIZE, POINTER, SIZE])


class ExpansionRefused(InvalidInput):
    """The execution records are not those of a segment: replay the checkpoint again."""

    code = "expansion_refused"


@dataclass(frozen=True)
class _Compressions:
    """The inputs that a segment compresses, and their digests.

    Attributes
    ----------
    inputs : (distinct, 16) uint64
    counts : (distinct,) uint32, how often each is looked up
    digests : per part, (inputs of the part, 4) uint64
    """

    inputs: U64
    counts: NDArray[np.uint32]
    digests: dict[str, U64]


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
    hashed = _compress_all(parts)
    heights = shapes.SHAPES[shapes.smallest(shape.used_rows(records.counts(), len(hashed.counts)))]
    traces = {t.name: memory.zeros((len(t.main_names), 1 << heights[t.name])) for t in circuit()}
    _fill_families(records, parts["request"], traces)
    used = 2 * len(records.block)
    _fill_blocks(records, hashed.digests["block"], traces["page"][:, :used])
    _fill_nodes(records, parts["node"], hashed.digests["node"], traces["page"][:, used:])
    _fill_boundary(records, parts["boundary"], hashed.digests["boundary"], traces["boundary"])
    counts, inputs, table = hashed.counts, hashed.inputs, traces["poseidon2"]
    _poseidon2(inputs.ctypes.data, counts.ctypes.data, len(counts), table.ctypes.data, table.shape[1])
    return traces, hashed.digests["boundary"][[_START, _END]].reshape(8)


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
    pc_start, pc_end, halted, _ = (int(value) for value in records.boundary)
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
    digests = compress(distinct)[ids]
    ends = np.cumsum([len(part) for part in parts.values()])
    pieces = np.split(digests, ends[:-1])
    return _Compressions(distinct, counts, dict(zip(parts, pieces, strict=True)))


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


def _fill_families(records: Records, requests: U64, traces: Traces) -> None:
    rows = [np.ascontiguousarray(records.family(name), dtype=np.uint32) for name in FAMILIES]
    rows[FAMILIES.index("request")], rows[FAMILIES.index("keccak_call")] = _with_digests(records, requests)
    decode = np.ascontiguousarray(records.decode, dtype=np.uint32)
    constants = constant.rows()
    tables = [traces[_TABLE_OF.get(name, name)] for name in (*FAMILIES, "decode")]
    pointers = np.array([array.ctypes.data for array in rows], dtype=np.uint64)
    lengths = np.array([len(array) for array in rows], dtype=np.uint64)
    columns = np.array([table.ctypes.data for table in tables], dtype=np.uint64)
    for table, sharing in _SHARED.items():
        rows_before = 0
        for family in sharing:
            columns[FAMILIES.index(family)] += np.uint64(8 * rows_before)
            rows_before += shape.record_rows(table) * len(records.family(family))
    heights = np.array([table.shape[1] for table in tables], dtype=np.uint64)
    status = _families(
        pointers.ctypes.data,
        lengths.ctypes.data,
        decode.ctypes.data,
        len(decode),
        constants.ctypes.data,
        columns.ctypes.data,
        heights.ctypes.data,
        traces["range"].ctypes.data,
        traces["byte_and"].ctypes.data,
        traces["constant"].ctypes.data,
    )
    if status:
        raise ExpansionRefused(
            "A decoded word is no instruction." if status == 1 else "An instruction was not decoded."
        )


def _fill_blocks(records: Records, digests: U64, table: U64) -> None:
    """Two rows a block, columns as in `page`: flags, place, touched, words, digest, times."""
    before, after = table[:, 0::2], table[:, 1::2]
    block = records.block.T
    for rows, words in ((before, block[2:18]), (after, block[18:34])):
        rows[0] = 1
        rows[2], rows[4] = block[0], block[1]
        rows[9:25] = words
    after[29:45] = block[34:50]
    table[25:29] = digests.T


def _fill_nodes(records: Records, children: U64, digests: U64, table: U64) -> None:
    """Two rows a node, columns as in `page`: flags, place, touched, digests of the children, digest."""
    used = 2 * len(records.node_key)
    table[1, :used] = 1
    keys = records.node_key.T
    for first in (0, 1):
        table[2:5, first:used:2] = keys[:3]
    for child in range(4):
        table[5 + child, 0:used:2] = keys[3] >> np.uint32(child) & np.uint32(1)
    table[9:25, :used] = children.T
    table[25:29, :used] = digests.T


def _fill_boundary(records: Records, inputs: U64, digests: U64, table: U64) -> None:
    """Input, digest, time of the last requests with clk and progress on other rows; rows as in `boundary`."""
    _, _, halted, clk_end = (int(value) for value in records.boundary)
    table[:16, :6] = inputs.T
    table[16:20, :6] = digests.T
    last = table[20:]
    last[0, [_START, _END]] = (1, clk_end)
    last[1, _END] = pow(clk_end - 1 + halted, PRIME - 2, PRIME)
    for name, served in SERVED.items():
        asked = records.keccak_call if served is KECCAK_F else records.request[of_type(records.request, name)]
        if len(asked):
            last[served.kind, _ANSWERED] = asked[-1, 0]
